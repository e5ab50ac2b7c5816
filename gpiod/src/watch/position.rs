//! Where a watcher is: what it needs to know to go on after its connection broke.

use super::Event;
use crate::json::object;
use crate::line::{Edge, Values};
use serde::Serialize;
use std::collections::HashMap;

/// How long before a daemon's end an edge may have happened that never reached it: it was in the kernel's buffer, or
/// the kernel itself had not come to it, since the machine was busy.
const ON_ITS_WAY_NS: u64 = 1_000_000_000;

/// Where a watcher is in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which life of the daemon it is from; never 0.
    pub epoch: u64,
    /// Of each watched line, lowest position first, the number of the last event that was told or counted.
    pub line_seqnos: Vec<u64>,
    /// Until when all is told or counted: CLOCK_MONOTONIC, ns.
    pub timestamp_ns: u64,
    /// The stream sequence number of the last event.
    pub seqno: u64,
    /// The values that the watcher began with, brought forward by its events, and when those were read.
    pub values: Values,
}

impl Position {
    /// Brings it forward by an event of a watch of the lines in `mask`.
    pub(super) fn pass(&mut self, mask: u64, event: &Event) {
        self.seqno = self.seqno.saturating_add(1);
        self.timestamp_ns = self.timestamp_ns.max(event.timestamp_ns);
        self.reach(mask, event.position, event.line_seqno);
        let bit = 1 << event.position;
        match event.edge {
            Edge::Rising => self.values.bits |= bit,
            Edge::Falling => self.values.bits &= !bit,
        }
    }

    /// All of a line up to this number is told or counted. Of a loss that is told ahead of its place the events
    /// before it follow: they take nothing back.
    pub(super) fn reach(&mut self, mask: u64, position: u8, line_seqno: u64) {
        let below = mask & ((1 << position) - 1);
        if let Some(seqno) = self.line_seqnos.get_mut(below.count_ones() as usize) {
            *seqno = (*seqno).max(line_seqno);
        }
    }

    /// Whether it can be one of this life: `seqnos` are how many events of each line there were.
    pub fn is_of(&self, epoch: u64, seqnos: &[u64]) -> bool {
        self.epoch == epoch
            && self.line_seqnos.len() == seqnos.len()
            && self.line_seqnos.iter().zip(seqnos).all(|(had, were)| had <= were)
    }
}

/// How far one line was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// How many events of it there were.
    pub seqno: u64,
    /// Since when none can have gone by unheard: CLOCK_MONOTONIC, ns; `None` where nobody listens.
    pub since_ns: Option<u64>,
}

object!(Heard { seqno, since_ns });

/// What is known of the daemon's life before this one, so that who comes back from it is told the true time in which
/// nobody watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PreviousLife {
    /// Its epoch.
    pub epoch: u64,
    /// When it ceased to watch: CLOCK_MONOTONIC, ns.
    pub stopped_ns: u64,
    /// How far each line had been watched then, by the line's full name.
    pub lines: HashMap<String, Heard>,
}

object!(PreviousLife { epoch, stopped_ns, lines });

impl PreviousLife {
    /// Since when nobody has watched, for a watcher that was at `position` in lines of these names: a little
    /// before that life's end if the watcher had everything that reached it, else all that it does not know to have.
    pub fn unwatched_since(&self, position: &Position, mut names: impl Iterator<Item = String>) -> u64 {
        let mut had = position.line_seqnos.iter();
        let whole = self.epoch == position.epoch
            && names.all(|name| {
                let (had, heard) = (had.next(), self.lines.get(&name));
                had.zip(heard).is_some_and(|(had, heard)| {
                    *had == heard.seqno && heard.since_ns.is_some_and(|since| since <= position.timestamp_ns)
                })
            });
        let sure_ns = if whole { self.stopped_ns.saturating_sub(ON_ITS_WAY_NS) } else { 0 };
        sure_ns.max(position.timestamp_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Moment;

    #[test]
    fn nobody_watched_since_just_before_the_stop_for_who_had_everything_and_since_its_last_event_for_others()
    {
        let heard = |seqno, since_ns| Heard { seqno, since_ns };
        let lines = [("a", heard(3, Some(50))), ("b", heard(0, Some(70))), ("c", heard(2, None))];
        let lines = lines.map(|(name, heard)| (name.to_owned(), heard)).into();
        let life = PreviousLife { epoch: 7, stopped_ns: 500 + ON_ITS_WAY_NS, lines };
        let since = |epoch, names: &str, line_seqnos: &[u64], timestamp_ns| {
            let values = Values { bits: 0, read: Moment { timestamp_ns: 0, uncertainty_ns: 0 } };
            let line_seqnos = line_seqnos.to_vec();
            let position = Position { epoch, line_seqnos, timestamp_ns, seqno: 0, values };
            life.unwatched_since(&position, names.chars().map(String::from))
        };
        assert_eq!(since(7, "ab", &[3, 0], 100), 500, "an edge may have been on its way");
        assert_eq!(since(7, "ab", &[3, 0], 700), 700, "but none of before its last one");
        assert_eq!(since(7, "ab", &[2, 0], 100), 100, "an event had not been told");
        assert_eq!(since(7, "ab", &[3, 0], 60), 60, "it had gone before others made the daemon listen again");
        assert_eq!(since(7, "ac", &[3, 2], 100), 100, "nobody listened at the stop");
        assert_eq!(since(7, "ad", &[3, 0], 100), 100, "a line that was not there");
        assert_eq!(since(8, "ab", &[3, 0], 100), 100, "from an earlier life");
    }
}
