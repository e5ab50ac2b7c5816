//! The record: what every line did and when, as the board itself saw it. Tests judge by it.

use super::Line;
use crate::json::{object, variants, words};
use crate::line::Direction;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// How many entries are kept; older ones are dropped and counted.
pub const CAPACITY: usize = 100_000;

/// One change of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Counts the entries since power-on, from 1.
    pub seq: u64,
    /// When: CLOCK_MONOTONIC, ns.
    pub time_ns: u64,
    /// Which line.
    pub line: Line,
    /// What changed.
    pub change: Change,
    /// Whether the line is high, after the change.
    pub high: bool,
    /// Which way the line goes, after the change.
    pub direction: Direction,
    /// Whether strong drivers disagree on it, after the change.
    pub contention: bool,
    /// What made the change.
    pub cause: Cause,
}

object!(Entry { seq, time_ns, line, change, high, direction, contention, cause });

/// What changed on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Its level.
    Level,
    /// Its direction.
    Direction,
    /// Whether strong drivers disagree on it.
    Contention,
    /// It was claimed.
    Claim,
    /// Its claim ended.
    Release,
}

words!(Change);

/// What made a change, by its kind and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The board was switched on; before that all lines count as low.
    PowerOn,
    /// The holder of a claim did something.
    Consumer(String),
    /// The claim of this consumer ended.
    Released(String),
    /// A button's contact closed or opened.
    Button(String),
    /// A pulse source went on.
    Pulse(String),
    /// The capacitor of a light sensor crossed the threshold.
    LightSensor(String),
    /// A fault came or went.
    Fault(String),
}

variants!(Cause {
    "power-on" => PowerOn,
    "consumer" => Consumer(name),
    "released" => Released(name),
    "button" => Button(name),
    "pulse" => Pulse(name),
    "light-sensor" => LightSensor(name),
    "fault" => Fault(name),
});

/// Entries from a point in the record on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    /// How many entries after that point are no longer kept. They came before `entries`.
    pub dropped: u64,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The newest entry of the whole record; 0 when nothing has changed since power-on.
    pub last_seq: u64,
}

object!(Page { dropped, entries, last_seq });

/// The newest [`CAPACITY`] changes.
#[derive(Debug)]
pub(super) struct Record {
    entries: VecDeque<Entry>,
    last_seq: u64,
    capacity: usize,
}

impl Record {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), last_seq: 0, capacity }
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Adds an entry; its `seq` is given here.
    pub(super) fn push(&mut self, entry: Entry) {
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.last_seq += 1;
        self.entries.push_back(Entry { seq: self.last_seq, ..entry });
    }

    /// At most `limit` of the entries after `since`.
    pub(super) fn page(&self, since: u64, limit: usize) -> Page {
        let first = self.entries.front().map_or(self.last_seq + 1, |entry| entry.seq);
        let dropped = first.saturating_sub(since.saturating_add(1));
        let skip = usize::try_from(since.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        let entries = self.entries.iter().skip(skip).take(limit).cloned().collect();
        Page { dropped, entries, last_seq: self.last_seq }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("power-on"),
            Self::Consumer(name) => write!(f, "consumer {name}"),
            Self::Released(name) => write!(f, "release by {name}"),
            Self::Button(name) => write!(f, "button {name}"),
            Self::Pulse(name) => write!(f, "pulse {name}"),
            Self::LightSensor(name) => write!(f, "light sensor {name}"),
            Self::Fault(what) => write!(f, "fault: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(capacity: usize, pushed: u64) -> Record {
        let mut record = Record::new(capacity);
        for time_ns in 1..=pushed {
            record.push(Entry {
                seq: 0,
                time_ns,
                line: Line::ALL[0],
                change: Change::Level,
                high: time_ns % 2 == 1,
                direction: Direction::Input,
                contention: false,
                cause: Cause::Button("b".into()),
            });
        }
        record
    }

    fn seqs(page: &Page) -> Vec<u64> {
        page.entries.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn a_page_begins_after_the_given_entry() {
        assert_eq!(seqs(&record(10, 5).page(3, 100)), [4, 5]);
        assert_eq!(seqs(&record(10, 5).page(0, 2)), [1, 2]);
        assert_eq!(seqs(&record(10, 5).page(u64::MAX, 2)), [0; 0]);
    }

    #[test]
    fn what_the_ring_dropped_is_counted() {
        let page = record(3, 10).page(2, 100);
        assert_eq!((page.dropped, seqs(&page)), (5, vec![8, 9, 10]));
        assert_eq!(record(3, 10).page(8, 100).dropped, 0);
    }
}
