//! What was driven since that was last told: by a session, or by a caller that held nothing.

use super::{Party, WINDOW_NS};
use crate::holder::Caller;
use crate::pods::Tenant;
use crate::sorted::SortedSet;

/// What a session drove since that was last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drove {
    /// Which of its lines, by position.
    pub mask: u64,
    /// How often it set some.
    pub writes: u64,
    /// How often it changed direction or pull of some.
    pub configures: u64,
    /// How many programs it began.
    pub programs: u64,
    /// When the first of all this was: CLOCK_MONOTONIC, ns. Of no meaning when there was nothing.
    since_ns: u64,
}

impl Drove {
    /// Whether it drove nothing.
    pub fn is_nothing(&self) -> bool {
        self.writes == 0 && self.configures == 0 && self.programs == 0
    }

    /// How long ago the first of it was, in ms.
    pub fn within_ms(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.since_ns) / 1_000_000
    }

    /// Until when it is to be told; `None` when there is nothing to tell.
    pub fn due_ns(&self) -> Option<u64> {
        (!self.is_nothing()).then(|| self.since_ns.saturating_add(WINDOW_NS))
    }

    /// Lines were driven. To be followed by more of a count.
    fn more(&mut self, mask: u64, now_ns: u64) -> &mut Self {
        if self.is_nothing() {
            self.since_ns = now_ns;
        }
        self.mask |= mask;
        self
    }

    /// Lines were set.
    pub fn wrote(&mut self, mask: u64, now_ns: u64) {
        self.more(mask, now_ns).writes += 1;
    }

    /// What came after it.
    pub fn add(&mut self, later: &Self) {
        let sum = self.more(later.mask, later.since_ns);
        sum.writes += later.writes;
        sum.configures += later.configures;
        sum.programs += later.programs;
    }

    /// Direction or pull of lines was changed.
    pub fn configured(&mut self, mask: u64, now_ns: u64) {
        self.more(mask, now_ns).configures += 1;
    }

    /// A program began on lines.
    pub fn began_program(&mut self, mask: u64, now_ns: u64) {
        self.more(mask, now_ns).programs += 1;
    }
}

/// What one caller set without holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    pub(super) group: String,
    pub(super) client: String,
    pub(super) caller: Caller,
    pub(super) tenant: Tenant,
    /// Which lines.
    pub lines: SortedSet<String>,
    /// How often.
    pub writes: u64,
    pub(super) since_ns: u64,
}

impl Writer {
    /// Who it is.
    pub fn party(&self) -> Party<'_> {
        let Self { group, client, caller, tenant, .. } = self;
        Party { group, client, caller: *caller, tenant, via: "write" }
    }

    /// How long ago the first was, in ms.
    pub fn within_ms(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.since_ns) / 1_000_000
    }
}
