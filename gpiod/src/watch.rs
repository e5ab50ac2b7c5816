//! What waits for one watcher: a bounded queue of events that counts what it could not keep.

use crate::line::{Edge, Values};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

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

/// Events that a watcher did not get, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Dropped by the kernel's buffer.
    pub kernel: u64,
    /// Dropped by this queue.
    pub watcher: u64,
}

impl Losses {
    /// Whether nothing was lost.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a watcher takes out of its queue: the losses come before the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What was lost before the first event below.
    pub losses: Losses,
    /// The stream sequence number of the first event, from 1.
    pub first_seqno: u64,
    /// The events, oldest first.
    pub events: Vec<Event>,
}

/// The queue between the daemon, which pushes and never waits, and one watcher, which takes when it can.
///
/// The watcher's task leaves its waker when the queue is empty; a push wakes it. When the queue is full the oldest
/// event makes room and is counted, so what a slow watcher sees is recent.
#[derive(Debug)]
pub struct Queue {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    capacity: usize,
    /// The values that the watcher was given, and when they were read, as well as that is known.
    first: Values,
    events: VecDeque<Event>,
    losses: Losses,
    /// The stream sequence number of the first event in `events`.
    first_seqno: u64,
    waker: Option<Waker>,
    closed: bool,
}

impl Queue {
    /// An empty queue for `capacity` events that passes over what is already in the values that the watcher was given.
    pub fn new(capacity: usize, first: Values) -> Self {
        let inner = Inner {
            capacity,
            first,
            events: VecDeque::new(),
            losses: Losses::default(),
            first_seqno: 1,
            waker: None,
            closed: false,
        };
        Self { inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event.
    pub fn push(&self, event: Event) {
        let mut inner = self.lock();
        if inner.first.has(&event) {
            return;
        }
        if inner.events.len() == inner.capacity {
            inner.events.pop_front();
            inner.losses.watcher += 1;
            inner.first_seqno += 1;
        }
        inner.events.push_back(event);
        wake(inner);
    }

    /// Counts an event that is beyond what the watcher's socket may be told. It comes before whatever is pushed next.
    pub fn pass_over(&self, event: &Event) {
        let mut inner = self.lock();
        if inner.first.has(event) {
            return;
        }
        inner.losses.watcher += 1;
        inner.first_seqno += 1;
        wake(inner);
    }

    /// Counts events that the kernel lost. They come before whatever is pushed next; to keep that order the
    /// watcher learns of them ahead of the events that already wait.
    pub fn lose(&self, count: u64) {
        let mut inner = self.lock();
        inner.losses.kernel += count;
        inner.first_seqno += count;
        wake(inner);
    }

    /// Takes all that waits; `None` when nothing does.
    pub fn take(&self) -> Option<Batch> {
        self.lock().take()
    }

    /// Says that nothing more comes. What waits can still be taken.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        wake(inner);
    }

    /// Takes all that waits, or arranges to be woken; `None` when nothing waits and nothing more comes.
    pub fn poll_take(&self, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        let mut inner = self.lock();
        match inner.take() {
            Some(batch) => Poll::Ready(Some(batch)),
            None if inner.closed => Poll::Ready(None),
            None => {
                match &mut inner.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl Values {
    /// Whether an event is in these values already: it came before they were read or, where its stamp leaves that
    /// open, it says what they say. One that says something else came after them, and is what the next is held against.
    fn has(&mut self, event: &Event) -> bool {
        if event.timestamp_ns > self.read.latest_ns() {
            return false;
        }
        let bit = 1 << event.position;
        let told = (self.bits & bit != 0) == (event.edge == Edge::Rising);
        if event.timestamp_ns < self.read.earliest_ns() || told {
            return true;
        }
        self.bits ^= bit;
        false
    }
}

/// Wakes the watcher once it finds the queue unlocked: it may be on a thread that goes before ours.
fn wake(mut inner: MutexGuard<'_, Inner>) {
    let waker = inner.waker.take();
    drop(inner);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Inner {
    fn take(&mut self) -> Option<Batch> {
        if self.events.is_empty() && self.losses.is_none() {
            return None;
        }
        let first_seqno = self.first_seqno;
        self.first_seqno += self.events.len() as u64;
        Some(Batch {
            losses: std::mem::take(&mut self.losses),
            first_seqno,
            events: self.events.drain(..).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Moment;
    use proptest::prelude::*;

    fn event(n: u64) -> Event {
        let edge = if n.is_multiple_of(2) { Edge::Falling } else { Edge::Rising };
        Event { position: 0, edge, timestamp_ns: n, uncertainty_ns: 0, line_seqno: n, source: Source::Kernel }
    }

    fn read(timestamp_ns: u64, uncertainty_ns: u64, bits: u64) -> Values {
        Values { bits, read: Moment { timestamp_ns, uncertainty_ns } }
    }

    #[test]
    fn an_event_of_the_moment_of_reading_is_told_unless_the_values_say_it_already() {
        // Event 9 is rising, 10 falling, 11 rising; the values were read between 8 and 12.
        for (bits, told) in [(0, vec![9, 10, 11, 13]), (1, vec![10, 11, 13])] {
            let queue = Queue::new(8, read(10, 2, bits));
            for n in [6, 7, 9, 10, 11, 13] {
                queue.push(event(n));
            }
            let events = queue.take().unwrap().events;
            assert_eq!(events.iter().map(|event| event.timestamp_ns).collect::<Vec<_>>(), told);
        }
    }

    #[test]
    fn events_of_the_past_are_passed_over() {
        let queue = Queue::new(4, read(10, 0, 0));
        queue.push(event(10));
        assert_eq!(queue.take(), None);
        queue.push(event(11));
        assert_eq!(queue.take().unwrap().events, [event(11)]);
    }

    proptest! {
        /// Whatever the order of pushes, kernel losses and takes: every event is delivered once and in order, or
        /// counted, and the stream sequence numbers say so.
        #[test]
        fn every_event_is_delivered_or_counted(capacity in 1usize..8, steps in prop::collection::vec(0u8..8, 0..200)) {
            let queue = Queue::new(capacity, read(0, 0, 0));
            let (mut pushed, mut lost_by_kernel, mut last_seqno, mut accounted) = (0, 0, 0, 0);
            let mut take = |queue: &Queue| {
                let Some(batch) = queue.take() else { return };
                let lost = batch.losses.kernel + batch.losses.watcher;
                assert_eq!(batch.first_seqno, last_seqno + lost + 1);
                assert!(batch.events.len() <= capacity);
                assert!(batch.events.windows(2).all(|pair| pair[0].timestamp_ns < pair[1].timestamp_ns));
                last_seqno = batch.first_seqno + batch.events.len() as u64 - 1;
                accounted += lost + batch.events.len() as u64;
            };
            for step in steps {
                match step {
                    0 => take(&queue),
                    1 => { queue.lose(3); lost_by_kernel += 3; }
                    _ => { pushed += 1; queue.push(event(pushed)); }
                }
            }
            take(&queue);
            prop_assert_eq!(accounted, pushed + lost_by_kernel);
        }
    }
}
