//! The bounded queue between the daemon and one watcher. It counts what it could not keep, and keeps each loss in its
//! place between the events.

use super::{EdgeFilter, Event, Losses, Position, Unwatched};
use crate::line::{Edge, Values};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

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

/// How many losses have places of their own; more are told with the last of them.
const LOSSES: usize = 16;

#[derive(Debug)]
struct Inner {
    /// How many events it keeps.
    capacity: usize,
    filter: EdgeFilter,
    /// Which lines are watched, by position.
    mask: u64,
    /// The values that the watcher was given, and when they were read, as well as that is known.
    first: Values,
    items: VecDeque<Item>,
    /// How many of the items are events.
    events: usize,
    /// Where the watcher is before the first item.
    position: Position,
    waker: Option<Waker>,
    closed: bool,
}

/// No two losses are next to each other.
#[derive(Debug)]
enum Item {
    Event(Event),
    Lost(Box<Lost>),
}

#[derive(Debug, Default)]
struct Lost {
    losses: Losses,
    /// Of which lines all is told or counted with this, up to which number.
    reached: Vec<(u8, u64)>,
    /// Until when all is.
    until_ns: u64,
}

impl Queue {
    /// An empty queue for `capacity` events of the lines in `mask`, from `position` on. It passes over what is already
    /// in the values that the watcher was given.
    pub fn new(capacity: usize, filter: EdgeFilter, mask: u64, position: Position) -> Self {
        let inner = Inner {
            capacity,
            filter,
            mask,
            first: position.values,
            items: VecDeque::new(),
            events: 0,
            position,
            waker: None,
            closed: false,
        };
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
            inner.lose(|lost| lost.swallowed(event.timestamp_ns));
        }
        if inner.filter.wants(event.edge) {
            if inner.events == inner.capacity {
                inner.drop_oldest();
            }
            inner.items.push_back(Item::Event(event));
            inner.events += 1;
        } else if !swallowed {
            return;
        }
        wake(inner);
    }

    /// Counts events of a line that the kernel lost, the last of them with that number of the line.
    pub fn lose(&self, position: u8, count: u64, line_seqno: u64) {
        self.told(|lost| {
            lost.losses.kernel = lost.losses.kernel.saturating_add(count);
            lost.reached.push((position, line_seqno));
        });
    }

    /// Counts events of a line that nobody remembers any more, the last of them with that number of the line.
    pub fn forgotten(&self, position: u8, count: u64, line_seqno: u64) {
        self.told(|lost| {
            lost.losses.watcher = lost.losses.watcher.saturating_add(count);
            lost.reached.push((position, line_seqno));
        });
    }

    /// Counts an event, if it is wanted, that is more than the configuration allows.
    pub fn over_limit(&self, event: &Event) {
        let mut inner = self.lock();
        if inner.first.has(event) || !inner.filter.wants(event.edge) {
            return;
        }
        inner.lose(|lost| {
            lost.losses.limit = lost.losses.limit.saturating_add(1);
            lost.reach(event);
        });
        wake(inner);
    }

    /// The chip swallowed an edge, as was seen at that moment, CLOCK_MONOTONIC, ns.
    pub fn swallowed(&self, seen_ns: u64) {
        self.told(|lost| lost.swallowed(seen_ns));
    }

    /// Nobody watched for a while.
    pub fn unwatched(&self, time: Unwatched) {
        self.told(|lost| {
            lost.losses.add(&Losses { restart: Some(time), ..Losses::default() });
            lost.until_ns = lost.until_ns.max(time.until_ns);
        });
    }

    fn told(&self, add: impl FnOnce(&mut Lost)) {
        let mut inner = self.lock();
        inner.lose(add);
        wake(inner);
    }

    /// Takes all that waits up to the next loss; `None` when nothing does.
    pub fn take(&self) -> Option<Batch> {
        self.lock().take()
    }

    /// Takes what waits when the stream begins, with the position that it begins at.
    pub fn begin(&self) -> Batch {
        let mut inner = self.lock();
        let position = inner.position.clone();
        let first_seqno = position.seqno.saturating_add(1);
        let mut batch = inner.take().unwrap_or(Batch { first_seqno, ..Batch::default() });
        batch.position.get_or_insert(position);
        batch
    }

    /// Says that nothing more comes. What waits can still be taken.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        wake(inner);
    }

    /// As [`take`](Self::take), or arranges to be woken; `None` when nothing waits and nothing more comes.
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
    /// Adds a loss behind all that waits, or to the last of many.
    fn lose(&mut self, add: impl FnOnce(&mut Lost)) {
        let many = self.items.len() - self.events >= LOSSES;
        let place = match self.items.back_mut() {
            Some(Item::Lost(last)) => Some(last),
            _ if many => self.items.iter_mut().rev().find_map(|item| match item {
                Item::Lost(lost) => Some(lost),
                Item::Event(_) => None,
            }),
            _ => None,
        };
        if let Some(lost) = place {
            add(lost);
            lost.tidy();
            return;
        }
        let mut lost = Box::<Lost>::default();
        add(&mut lost);
        self.items.push_back(Item::Lost(lost));
    }

    fn first_lost(&mut self) -> Option<Box<Lost>> {
        match self.items.pop_front()? {
            Item::Lost(lost) => Some(lost),
            event @ Item::Event(_) => {
                self.items.push_front(event);
                None
            }
        }
    }

    /// Makes room: the oldest event becomes part of the loss at the front.
    fn drop_oldest(&mut self) {
        let mut lost = self.first_lost().unwrap_or_default();
        if let Some(Item::Event(event)) = self.items.pop_front() {
            self.events -= 1;
            lost.losses.watcher = lost.losses.watcher.saturating_add(1);
            lost.reach(&event);
        }
        if let Some(next) = self.first_lost() {
            lost.losses.add(&next.losses);
            lost.reached.extend(next.reached);
            lost.until_ns = lost.until_ns.max(next.until_ns);
            lost.tidy();
        }
        self.items.push_front(Item::Lost(lost));
    }

    fn take(&mut self) -> Option<Batch> {
        if self.items.is_empty() {
            return None;
        }
        let lost = self.first_lost();
        let is_lost = lost.is_some();
        let losses = lost.map_or_else(Losses::default, |lost| self.pass(&lost));
        let position = is_lost.then(|| self.position.clone());
        let first_seqno = self.position.seqno.saturating_add(1);
        let events = self.items.iter().position(|item| matches!(item, Item::Lost(_)));
        let count = events.unwrap_or(self.items.len());
        self.events -= count;
        let mut events = Vec::with_capacity(count);
        for item in self.items.drain(..count) {
            if let Item::Event(event) = item {
                self.position.pass(self.mask, &event);
                events.push(event);
            }
        }
        Some(Batch { losses, position, first_seqno, events })
    }

    /// Brings the position forward by a loss.
    fn pass(&mut self, lost: &Lost) -> Losses {
        for (position, line_seqno) in &lost.reached {
            self.position.reach(self.mask, *position, *line_seqno);
        }
        self.position.seqno = self.position.seqno.saturating_add(lost.losses.counted());
        self.position.timestamp_ns = self.position.timestamp_ns.max(lost.until_ns);
        lost.losses
    }
}

impl Lost {
    fn swallowed(&mut self, seen_ns: u64) {
        self.losses.hardware = true;
        self.until_ns = self.until_ns.max(seen_ns);
    }

    /// All up to this event is told or counted with this loss.
    fn reach(&mut self, event: &Event) {
        self.until_ns = self.until_ns.max(event.timestamp_ns);
        match self.reached.iter_mut().find(|(position, _)| *position == event.position) {
            Some((_, seqno)) => *seqno = (*seqno).max(event.line_seqno),
            None => self.reached.push((event.position, event.line_seqno)),
        }
    }

    /// Keeps of each line the last number.
    fn tidy(&mut self) {
        self.reached.sort_unstable_by(|one, other| other.cmp(one));
        self.reached.dedup_by_key(|(position, _)| *position);
    }
}

#[cfg(test)]
mod tests;
