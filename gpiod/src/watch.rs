//! What a watcher is told: events, what it lost and why, where it is, and how it goes on from there.
//!
//! [`Queue`] is what waits for one watcher; [`History`] is what is remembered of one line for those who come back.

mod position;
mod queue;
mod replay;

pub use position::{Heard, Position, PreviousLife};
pub use queue::{Batch, Queue, Tally};
pub use replay::{History, Watched, replay};

use crate::line::Edge;

/// Which edges a watcher wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeFilter {
    /// Inactive to active.
    Rising,
    /// Active to inactive.
    Falling,
    /// Either.
    Both,
}

impl EdgeFilter {
    /// Whether an edge is wanted.
    pub fn wants(self, edge: Edge) -> bool {
        match self {
            Self::Rising => edge == Edge::Rising,
            Self::Falling => edge == Edge::Falling,
            Self::Both => true,
        }
    }
}

/// Who stamped an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel, or the simulated board.
    Kernel,
    /// The daemon, when it wrote an output or turned a line.
    Daemon,
}

/// An event as a watcher sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The line's position in what is watched.
    pub position: u8,
    /// Which edge.
    pub edge: Edge,
    /// CLOCK_MONOTONIC, ns.
    pub timestamp_ns: u64,
    /// The true moment is at most this many ns away; 0 where the kernel stamped it.
    pub uncertainty_ns: u64,
    /// Counts the edges of the line since the daemon started, from 1, lost ones included.
    pub line_seqno: u64,
    /// Who stamped it.
    pub source: Source,
}

/// A time in which nobody watched, CLOCK_MONOTONIC, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// Since when; `None` where nobody can know.
    pub from_ns: Option<u64>,
    /// Until when.
    pub until_ns: u64,
}

impl Unwatched {
    /// The time that has both in it.
    #[must_use]
    fn and(self, other: Self) -> Self {
        let from_ns = self.from_ns.zip(other.from_ns).map(|(one, other)| one.min(other));
        Self { from_ns, until_ns: self.until_ns.max(other.until_ns) }
    }
}

/// Events that a watcher did not get, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Dropped by the kernel's buffer.
    pub kernel: u64,
    /// Dropped by the watcher's queue, or forgotten before the watcher came back.
    pub watcher: u64,
    /// More than the configuration allows.
    pub limit: u64,
    /// Swallowed by the chip, nobody knows how many.
    pub hardware: bool,
    /// Passed while nobody watched.
    pub restart: Option<Unwatched>,
}

impl Losses {
    /// Whether nothing was lost.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How many, as far as they can be counted.
    pub fn counted(&self) -> u64 {
        self.kernel.saturating_add(self.watcher).saturating_add(self.limit)
    }

    /// Adds those that came after.
    fn add(&mut self, more: &Self) {
        self.kernel = self.kernel.saturating_add(more.kernel);
        self.watcher = self.watcher.saturating_add(more.watcher);
        self.limit = self.limit.saturating_add(more.limit);
        self.hardware |= more.hardware;
        self.restart = match (self.restart, more.restart) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
    }
}
