//! The bounded queue between the daemon and one watcher. It counts what it could not keep, and keeps each loss in its
//! place between the events.

mod tally;
mod waiting;

pub use tally::Tally;

use super::{EdgeFilter, Event, Losses, Position, Unwatched};
use crate::line::{Edge, Values};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use waiting::{Lost, Waiting};

/// What a watcher takes out of its queue: the losses come before the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What was lost before the first event below.
    pub losses: Losses,
    /// Where the watcher is after the losses and before the events: in the first batch, and in each with losses.
    pub position: Option<Position>,
    /// The stream sequence number of the first event.
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
    filter: EdgeFilter,
    /// The values that the watcher was given, and when they were read, as well as that is known.
    first: Values,
    waiting: Waiting,
    tally: Tally,
    waker: Option<Waker>,
    closed: bool,
}

impl Queue {
    /// An empty queue for `capacity` events of the lines in `mask`, from `position` on. It passes over what is already
    /// in the values that the watcher was given.
    pub fn new(capacity: usize, filter: EdgeFilter, mask: u64, position: Position) -> Self {
        let first = position.values;
        let waiting = Waiting::new(capacity, mask, position);
        let inner = Inner { filter, first, waiting, tally: Tally::default(), waker: None, closed: false };
        Self { inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, if it is wanted; `swallowed` says that the chip must have swallowed one just before it.
    pub fn push(&self, event: Event, swallowed: bool) {
        let mut inner = self.lock();
        if inner.first.has(&event) {
            return;
        }
        if swallowed {
            inner.tally.hardware += 1;
            inner.tally.watcher += inner.waiting.lose(|lost| lost.swallowed(event.timestamp_ns));
        }
        if inner.filter.wants(event.edge) {
            inner.tally.events += 1;
            inner.tally.watcher += u64::from(inner.waiting.push(event));
        } else if !swallowed {
            return;
        }
        wake(inner);
    }

    /// Counts events of a line that the kernel lost, the last of them with that number of the line.
    pub fn lose(&self, position: u8, count: u64, line_seqno: u64) {
        self.told(
            |tally| tally.kernel = tally.kernel.saturating_add(count),
            |lost| {
                lost.losses.kernel = lost.losses.kernel.saturating_add(count);
                lost.reached.push((position, line_seqno));
            },
        );
    }

    /// Counts events of a line that nobody remembers any more, the last of them with that number of the line.
    pub fn forgotten(&self, position: u8, count: u64, line_seqno: u64) {
        self.told(
            |tally| tally.watcher = tally.watcher.saturating_add(count),
            |lost| {
                lost.losses.watcher = lost.losses.watcher.saturating_add(count);
                lost.reached.push((position, line_seqno));
            },
        );
    }

    /// Counts an event, if it is wanted, that is more than the configuration allows.
    pub fn over_limit(&self, event: &Event) {
        let mut inner = self.lock();
        if inner.first.has(event) || !inner.filter.wants(event.edge) {
            return;
        }
        inner.tally.limit += 1;
        inner.tally.watcher += inner.waiting.lose(|lost| {
            lost.losses.limit = lost.losses.limit.saturating_add(1);
            lost.reach(event);
        });
        wake(inner);
    }

    /// The chip swallowed an edge, as was seen at that moment, CLOCK_MONOTONIC, ns.
    pub fn swallowed(&self, seen_ns: u64) {
        self.told(|tally| tally.hardware += 1, |lost| lost.swallowed(seen_ns));
    }

    /// Nobody watched for a while.
    pub fn unwatched(&self, time: Unwatched) {
        self.told(
            |tally| tally.restart += 1,
            |lost| {
                lost.losses.add(&Losses { restart: Some(time), ..Losses::default() });
                lost.until_ns = lost.until_ns.max(time.until_ns);
            },
        );
    }

    fn told(&self, count: impl FnOnce(&mut Tally), add: impl FnOnce(&mut Lost)) {
        let mut inner = self.lock();
        count(&mut inner.tally);
        inner.tally.watcher += inner.waiting.lose(add);
        wake(inner);
    }

    /// What came into it and what was lost, from its beginning on.
    pub fn tally(&self) -> Tally {
        self.lock().tally
    }

    /// Takes what waits up to the next loss, but not too much at once; `None` when nothing does.
    pub fn take(&self) -> Option<Batch> {
        self.lock().waiting.take()
    }

    /// Takes what waits when the stream begins, with the position that it begins at.
    pub fn begin(&self) -> Batch {
        let mut inner = self.lock();
        let position = inner.waiting.position().clone();
        let first_seqno = position.seqno.saturating_add(1);
        let mut batch = inner.waiting.take().unwrap_or(Batch { first_seqno, ..Batch::default() });
        batch.position.get_or_insert(position);
        batch
    }

    /// Says that nothing more comes. What waits can still be taken.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        wake(inner);
    }

    /// Whether nothing more comes.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// As [`take`](Self::take), or arranges to be woken; `None` when nothing waits and nothing more comes.
    pub fn poll_take(&self, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        let mut inner = self.lock();
        match inner.waiting.take() {
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

#[cfg(test)]
mod tests;
