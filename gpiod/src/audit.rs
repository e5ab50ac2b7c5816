//! The audit: who held, drove and let go of which line, told in the log under the target `gpiod::audit`.
//!
//! Here are the accounts, which are told the time and are tested without a runtime; [`tell`] writes what they give out.
//! A hold, its end and all between are told one by one as long as they come slowly. What comes faster than that is summed up by socket,
//! kind and cause and told once a second, and what is driven is always summed up: a write costs a mask and a count.

mod driven;
pub mod tell;

pub use driven::{Drove, Writer};

use crate::holder::Caller;
use crate::pods::Tenant;
use crate::sorted::SortedMap;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Notify;

/// How long sums are kept before they are told, in ns.
const WINDOW_NS: u64 = 1_000_000_000;
/// How many events of one sort are told one by one of one socket within that time.
const TOLD: u32 = 20;
/// Callers of whom one-shot writes are summed up apart at a time; of more, it is by their sockets.
const WRITERS: usize = 64;

/// Who did something.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// The line group through whose socket it came; `admin` for the admin socket.
    pub group: &'a str,
    /// What the client calls itself: claimed, not proven.
    pub client: &'a str,
    /// The process.
    pub caller: Caller,
    /// The pod that has the group's device.
    pub tenant: &'a Tenant,
    /// By what: `session`, `program`, `write`.
    pub via: &'static str,
}

/// What happened to the lines of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// They are held.
    Held,
    /// Their holder is back.
    Resumed,
    /// Somebody else took the place of a holder that was away.
    Adopted,
    /// Their holder is not there, and waited for.
    Away,
    /// They were let go.
    Released,
    /// The daemon stops, and they stay as they are.
    Kept,
    /// They were driven.
    Drove,
}

impl Kind {
    /// How it is told.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Resumed => "resumed",
            Self::Adopted => "adopted",
            Self::Away => "away",
            Self::Released => "released",
            Self::Kept => "kept",
            Self::Drove => "drove",
        }
    }
}

/// What one socket's clients did that was too much to be told one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    counts: SortedMap<(Kind, &'static str), u64>,
    /// How often lines were set, in all that was driven.
    pub writes: u64,
}

impl Sums {
    fn is_nothing(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many events are in it.
    pub fn events(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, ((kind, cause), count)) in self.counts.iter().enumerate() {
            let (space, slash) = (if i > 0 { " " } else { "" }, if cause.is_empty() { "" } else { "/" });
            write!(f, "{space}{}{slash}{cause}={count}", kind.word())?;
        }
        Ok(())
    }
}

/// The account of one socket.
#[derive(Debug, Default)]
struct Account {
    /// Until when what was told counts.
    until_ns: u64,
    /// How many events were told one by one: of holds, and of what was driven.
    told: [u32; 2],
    sums: Sums,
}

/// All accounts of one broker.
#[derive(Debug, Default)]
pub struct Audit {
    accounts: HashMap<String, Account>,
    writers: Vec<Writer>,
    due_ns: Option<u64>,
    changed: Arc<Notify>,
    summed: u64,
}

impl Audit {
    /// Whether an event is to be told by itself; else it is in the sums. `writes` is how often lines were set, in one of
    /// what was driven.
    pub fn admits(&mut self, group: &str, kind: Kind, cause: &'static str, writes: u64, now_ns: u64) -> bool {
        let account = match self.accounts.get_mut(group) {
            Some(account) => account,
            None => self.accounts.entry(group.to_owned()).or_default(),
        };
        // Sums that are late are told first.
        if account.until_ns <= now_ns && account.sums.is_nothing() {
            account.until_ns = now_ns.saturating_add(WINDOW_NS);
            account.told = [0; 2];
        }
        let told = &mut account.told[usize::from(kind == Kind::Drove)];
        if *told < TOLD {
            *told += 1;
            return true;
        }
        *account.sums.counts.get_or_default((kind, cause)) += 1;
        account.sums.writes += writes;
        self.summed += 1;
        let until_ns = account.until_ns;
        self.due(until_ns);
        false
    }

    /// A caller set lines without holding them.
    pub fn wrote(&mut self, party: Party<'_>, lines: &[String], now_ns: u64) {
        let same = |writer: &&mut Writer| {
            writer.caller == party.caller && writer.client == party.client && writer.group == party.group
        };
        if let Some(writer) = self.writers.iter_mut().find(same) {
            writer.writes += 1;
            for line in lines {
                if !writer.lines.contains(line) {
                    writer.lines.insert(line.clone());
                }
            }
            return;
        }
        if self.writers.len() >= WRITERS {
            let account = self.accounts.entry(party.group.to_owned()).or_default();
            if account.sums.is_nothing() {
                account.until_ns = account.until_ns.max(now_ns.saturating_add(WINDOW_NS));
            }
            *account.sums.counts.get_or_default((Kind::Drove, party.via)) += 1;
            account.sums.writes += 1;
            self.summed += 1;
            let until_ns = account.until_ns;
            return self.due(until_ns);
        }
        self.writers.push(Writer {
            group: party.group.to_owned(),
            client: party.client.to_owned(),
            caller: party.caller,
            tenant: party.tenant.clone(),
            lines: lines.iter().cloned().collect(),
            writes: 1,
            since_ns: now_ns,
        });
        self.due(now_ns.saturating_add(WINDOW_NS));
    }

    /// Counts what a session drives; what it drove is told by its time.
    #[inline]
    pub fn drives(&mut self, drove: &mut Drove, count: impl FnOnce(&mut Drove)) {
        let first = drove.is_nothing();
        count(drove);
        if let (true, Some(due_ns)) = (first, drove.due_ns()) {
            self.due(due_ns);
        }
    }

    /// Something is to be told by then.
    fn due(&mut self, at_ns: u64) {
        if self.due_ns.is_none_or(|due_ns| at_ns < due_ns) {
            self.due_ns = Some(at_ns);
            self.changed.notify_one();
        }
    }

    /// By when something is to be told; `None` when nothing is.
    pub fn due_ns(&self) -> Option<u64> {
        self.due_ns
    }

    /// Told when something is to be told sooner than before.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Takes the writers that are to be told by now. What sessions drove is the caller's to look for, before this.
    pub fn due_writers(&mut self, now_ns: u64) -> Vec<Writer> {
        self.writers.extract_if(.., |writer| writer.since_ns.saturating_add(WINDOW_NS) <= now_ns).collect()
    }

    /// Takes the sums that are to be told by now, by socket. It is the last to be called, with when the first of what
    /// sessions drove is to be told next.
    pub fn due_sums(&mut self, now_ns: u64, next_drove_ns: Option<u64>) -> Vec<(String, Sums)> {
        let mut due = Vec::new();
        for (group, account) in &mut self.accounts {
            if !account.sums.is_nothing() && account.until_ns <= now_ns {
                due.push((group.clone(), std::mem::take(&mut account.sums)));
            }
        }
        let writers = self.writers.iter().map(|writer| writer.since_ns.saturating_add(WINDOW_NS));
        let sums = self.accounts.values().filter(|account| !account.sums.is_nothing());
        self.due_ns = writers.chain(sums.map(|account| account.until_ns)).chain(next_drove_ns).min();
        due.sort_by(|(one, _), (other, _)| one.cmp(other));
        due
    }

    /// How many events were not told by themselves, so far.
    pub fn summed(&self) -> u64 {
        self.summed
    }
}

#[cfg(test)]
mod tests;
