//! What waits in a queue: a bounded number of events, and the losses between them.

use super::Batch;
use crate::watch::{Event, Losses, Position};
use std::collections::VecDeque;

/// How many losses have places of their own; for more, the oldest ones become one. The tests get there sooner.
pub(super) const LOSSES: usize = if cfg!(test) { 3 } else { 16 };

/// How many events go into one batch; the tests get there sooner. More are in the next.
pub(super) const PART: usize = if cfg!(test) { 8 } else { 256 };
/// Items for which memory is kept while nothing waits.
const KEPT: usize = 32;

/// Events and losses in their order, and where the watcher is before them.
#[derive(Debug)]
pub(super) struct Waiting {
    /// How many events it keeps.
    capacity: usize,
    /// Which lines are watched, by position.
    mask: u64,
    pub(super) items: VecDeque<Item>,
    /// How many of the items are events.
    events: usize,
    /// Where the watcher is before the first item.
    position: Position,
}

/// No two losses are next to each other.
#[derive(Debug)]
pub(super) enum Item {
    Event(Event),
    Lost(Box<Lost>),
}

/// A loss, in its place.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) losses: Losses,
    /// Of which lines all is told or counted with this, up to which number.
    pub(super) reached: Vec<(u8, u64)>,
    /// Until when all is.
    pub(super) until_ns: u64,
}

impl Waiting {
    /// Nothing, with room for so many events of the lines in `mask`.
    pub(super) fn new(capacity: usize, mask: u64, position: Position) -> Self {
        Self { capacity, mask, items: VecDeque::new(), events: 0, position }
    }

    /// Where the watcher is before all that waits.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Adds an event; where there is no room, the oldest makes some. Answers whether it had to.
    pub(super) fn push(&mut self, event: Event) -> bool {
        let full = self.events == self.capacity;
        if full {
            self.drop_oldest();
        }
        self.grow();
        self.items.push_back(Item::Event(event));
        self.events += 1;
        full
    }

    /// Makes room for one more item: by doubling, but for no more than there can be.
    fn grow(&mut self) {
        let (len, most) = (self.items.len(), self.capacity + LOSSES + 1);
        if len == self.items.capacity() && len < most {
            self.items.reserve_exact(len.max(4).min(most - len));
        }
    }

    /// Adds a loss behind all that waits. Where there is no place for one more, the oldest two become one, with the events
    /// between them: a loss that stood before events that it comes after would be told as if they had been, too. Answers how
    /// many events were dropped for it.
    pub(super) fn lose(&mut self, add: impl FnOnce(&mut Lost)) -> u64 {
        if let Some(Item::Lost(last)) = self.items.back_mut() {
            add(last);
            last.tidy();
            return 0;
        }
        let mut dropped = 0;
        while self.items.len() - self.events >= LOSSES {
            self.drop_oldest();
            dropped += 1;
        }
        let mut lost = Box::<Lost>::default();
        add(&mut lost);
        self.grow();
        self.items.push_back(Item::Lost(lost));
        dropped
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

    /// Takes what waits up to the next loss, but not too much at once; `None` when nothing waits.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.items.is_empty() {
            return None;
        }
        let lost = self.first_lost();
        let is_lost = lost.is_some();
        let losses = lost.map_or_else(Losses::default, |lost| self.pass(&lost));
        let position = is_lost.then(|| self.position.clone());
        let first_seqno = self.position.seqno.saturating_add(1);
        let events = self.items.iter().position(|item| matches!(item, Item::Lost(_)));
        let count = events.unwrap_or(self.items.len()).min(PART);
        self.events -= count;
        let mut events = Vec::with_capacity(count);
        for item in self.items.drain(..count) {
            if let Item::Event(event) = item {
                self.position.pass(self.mask, &event);
                events.push(event);
            }
        }
        if self.items.is_empty() {
            self.items.shrink_to(KEPT);
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
    /// The chip swallowed an edge, as was seen at that moment.
    pub(super) fn swallowed(&mut self, seen_ns: u64) {
        self.losses.hardware = true;
        self.until_ns = self.until_ns.max(seen_ns);
    }

    /// All up to this event is told or counted with this loss.
    pub(super) fn reach(&mut self, event: &Event) {
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
