//! What is remembered of a line for those who watched it, lost their connection and come back: its last events, and
//! the times in which more may have happened than was seen.
//!
//! A number that no remembered event has between two that have theirs was lost by the kernel.

use super::position::Heard;
use super::{EdgeFilter, Event, Position, Queue, Source, Unwatched};
use crate::line::{Edge, Moment};
use std::collections::VecDeque;

/// How many times of one kind are remembered apart; of more, the oldest become one.
const MARKS: usize = 16;

/// The last events of one line, from when it was first watched.
#[derive(Debug)]
pub struct History {
    /// How many events are remembered.
    capacity: usize,
    records: VecDeque<Record>,
    /// The number of the last event that is not remembered.
    forgotten: u64,
    /// Nobody listened, and somebody does again.
    unheard: Marks,
    /// The chip swallowed edges.
    swallowed: Marks,
    /// Since when nobody listens, if nobody does.
    deaf_since: Option<u64>,
    /// Since when somebody has listened, before that.
    heard_since: u64,
}

/// An event as it is remembered.
#[derive(Clone, Copy, Debug)]
struct Record {
    line_seqno: u64,
    when: Moment,
    edge: Edge,
    source: Source,
}

/// A time in which edges may have gone by unseen, after the event with that number.
#[derive(Clone, Copy, Debug)]
struct Mark {
    line_seqno: u64,
    from_ns: u64,
    until_ns: u64,
}

#[derive(Debug, Default)]
struct Marks(VecDeque<Mark>);

impl Marks {
    fn push(&mut self, mark: Mark) {
        match self.0.back_mut().filter(|last| last.line_seqno == mark.line_seqno) {
            Some(last) => last.until_ns = mark.until_ns,
            None => self.0.push_back(mark),
        }
        if self.0.len() > MARKS
            && let Some(oldest) = self.0.pop_front()
            && let Some(next) = self.0.front_mut()
        {
            next.from_ns = oldest.from_ns;
        }
    }

    /// Those that a watcher was not told of that had all up to `had` and up to a moment. Its events of one kind leave
    /// open how far it came among those of the other: then the moment decides.
    fn since(&self, had: u64, had_ns: u64, filter: EdgeFilter) -> impl Iterator<Item = Mark> {
        self.0.iter().copied().filter(move |mark| {
            let later = mark.until_ns > had_ns;
            if filter == EdgeFilter::Both && mark.line_seqno != had { mark.line_seqno > had } else { later }
        })
    }
}

impl History {
    /// Begins with a line that had so many events before, and that is listened to since a moment.
    pub fn new(capacity: usize, line_seqno: u64, now_ns: u64) -> Self {
        Self {
            capacity,
            records: VecDeque::new(),
            forgotten: line_seqno,
            unheard: Marks::default(),
            swallowed: Marks::default(),
            deaf_since: None,
            heard_since: now_ns,
        }
    }

    /// Remembers an event. Its number is higher than the last one's.
    pub fn push(&mut self, line_seqno: u64, edge: Edge, when: Moment, source: Source) {
        if self.records.len() >= self.capacity {
            let oldest = self.records.pop_front();
            self.forgotten = oldest.map_or(line_seqno, |oldest| oldest.line_seqno);
        }
        if self.capacity > 0 {
            self.records.push_back(Record { line_seqno, when, edge, source });
        }
    }

    /// Begins anew with a line that had so many events: what was before is no longer told.
    pub fn forget(&mut self, line_seqno: u64, now_ns: u64) {
        let deaf_since = self.deaf_since;
        *self = Self { deaf_since, ..Self::new(self.capacity, line_seqno, now_ns) };
    }

    /// The chip swallowed an edge after the event with that number, as was seen at that moment.
    pub fn swallowed(&mut self, line_seqno: u64, seen_ns: u64) {
        self.swallowed.push(Mark { line_seqno, from_ns: seen_ns, until_ns: seen_ns });
    }

    /// Whether the line is listened to.
    pub fn is_heard(&self) -> bool {
        self.deaf_since.is_none()
    }

    /// From this moment on edges of the line go by unheard.
    pub fn deaf(&mut self, since_ns: u64) {
        self.deaf_since.get_or_insert(since_ns);
    }

    /// From this moment on, after the event with that number, the line is listened to again.
    pub fn hears(&mut self, line_seqno: u64, now_ns: u64) {
        if let Some(from_ns) = self.deaf_since.take() {
            self.unheard.push(Mark { line_seqno, from_ns, until_ns: now_ns });
            self.heard_since = now_ns;
        }
    }

    /// How far it was watched, of a line that had so many events.
    pub fn heard(&self, line_seqno: u64) -> Heard {
        Heard { seqno: line_seqno, since_ns: self.is_heard().then_some(self.heard_since) }
    }

    /// What a watcher is to be told that had all up to an event and a moment, of a line that had `line_seqno` events.
    fn since(&self, line: &Watched<'_>, had: u64, had_ns: u64, filter: EdgeFilter, told: &mut Vec<Told>) {
        let mut reached = had;
        let mut tell = |at_ns, what| told.push(Told { position: line.position, at_ns, what });
        if self.forgotten > had {
            reached = self.forgotten;
            tell(0, What::Forgotten { count: self.forgotten - had, line_seqno: self.forgotten });
        }
        let unheard = self.unheard.since(had, had_ns, filter).map(|mark| (mark, true));
        let swallowed = self.swallowed.since(had, had_ns, filter).map(|mark| (mark, false));
        let mut marks: Vec<(Mark, bool)> = unheard.chain(swallowed).collect();
        marks.sort_by_key(|(mark, _)| (mark.line_seqno, mark.until_ns));
        let mut marks = marks.into_iter().peekable();
        let mut tell_marks = |before: u64, tell: &mut dyn FnMut(u64, What)| {
            while let Some((mark, unheard)) = marks.next_if(|(mark, _)| mark.line_seqno < before) {
                let since_had = if had_ns < mark.until_ns { had_ns } else { 0 };
                let time = Unwatched { from_ns: Some(mark.from_ns.max(since_had)), until_ns: mark.until_ns };
                tell(
                    mark.until_ns,
                    if unheard { What::Unwatched(time) } else { What::Swallowed(mark.until_ns) },
                );
            }
        };
        let first = self.records.partition_point(|record| record.line_seqno <= reached);
        for record in self.records.range(first..) {
            tell_marks(record.line_seqno, &mut tell);
            let (at_ns, lost) = (record.when.timestamp_ns, record.line_seqno - reached - 1);
            if lost > 0 {
                tell(at_ns, What::Lost { count: lost, line_seqno: record.line_seqno - 1 });
            }
            reached = record.line_seqno;
            tell(at_ns, What::Event(*record));
        }
        tell_marks(u64::MAX, &mut tell);
        if line.line_seqno > reached {
            let (count, line_seqno) = (line.line_seqno - reached, line.line_seqno);
            tell(0, What::Lost { count, line_seqno });
        }
    }
}

/// A line of a watcher who comes back.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// Its position in the watch.
    pub position: u8,
    /// How many events it had.
    pub line_seqno: u64,
    /// What is remembered of it.
    pub history: &'a History,
}

struct Told {
    position: u8,
    at_ns: u64,
    what: What,
}

enum What {
    Event(Record),
    Lost { count: u64, line_seqno: u64 },
    Forgotten { count: u64, line_seqno: u64 },
    Swallowed(u64),
    Unwatched(Unwatched),
}

/// Puts into a queue what a watcher has missed since a position of this life of the daemon. `lines` are those of the
/// position, in its order. What does not fit is counted by the queue.
pub fn replay(queue: &Queue, position: &Position, filter: EdgeFilter, lines: &[Watched<'_>]) {
    let mut told = Vec::new();
    for (line, had) in lines.iter().zip(&position.line_seqnos) {
        let begin = told.len();
        line.history.since(line, *had, position.timestamp_ns, filter, &mut told);
        // Of one line the order stays, whoever stamped what.
        let mut at_ns = 0;
        for told in &mut told[begin..] {
            at_ns = at_ns.max(told.at_ns);
            told.at_ns = at_ns;
        }
    }
    told.sort_by_key(|told| told.at_ns);
    for Told { position, what, .. } in told {
        match what {
            What::Event(Record { line_seqno, when, edge, source }) => {
                let Moment { timestamp_ns, uncertainty_ns } = when;
                let event = Event { position, edge, timestamp_ns, uncertainty_ns, line_seqno, source };
                queue.push(event, false);
            }
            What::Lost { count, line_seqno } => queue.lose(position, count, line_seqno),
            What::Forgotten { count, line_seqno } => queue.forgotten(position, count, line_seqno),
            What::Swallowed(seen_ns) => queue.swallowed(seen_ns),
            What::Unwatched(time) => queue.unwatched(time),
        }
    }
}

#[cfg(test)]
mod tests;
