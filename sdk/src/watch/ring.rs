//! The bounded ring between a connection, which always puts, and a reader, which takes when it can.
//!
//! What does not fit pushes the oldest out. Nothing goes without a word: edges are counted, losses are added up and
//! values are brought forward, and the reader is told all that before it gets what remains, in its order.

use crate::error::Error;
use crate::line::Edge;
use crate::values::{Names, Values};
use crate::watch::position::Position;
use crate::watch::wire::edge_event;
use crate::watch::{EdgeEvent, Loss, LossCause, WatchItem};
use gpiod_proto::v1;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A ring for one watch. One task puts, one reader takes; the lock is never held for longer than one message.
#[derive(Debug)]
pub(crate) struct Ring {
    names: Names,
    /// Which lines are watched, by position.
    mask: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<WatchItem>,
    capacity: usize,
    /// What was pushed out, to be told before the queue: one for each cause at most.
    lost: Vec<Loss>,
    /// The values just before the first item of the queue; `None` where they can not be known.
    values: Option<Values>,
    /// Whether edges of both kinds are watched, without which values can not be brought forward.
    both_edges: bool,
    /// Whether `values` are to be told after `lost`.
    tell_values: bool,
    /// Set when nothing more will come; the error is told once.
    end: Option<Option<Error>>,
    reader: Option<Waker>,
    /// Where the stream is that fills the ring.
    position: Position,
}

impl Ring {
    /// A ring of so many items for a watch of the lines in `mask`.
    pub(crate) fn new(names: Names, mask: u64, edge: Edge, capacity: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            capacity: capacity.max(1),
            lost: Vec::new(),
            values: None,
            both_edges: edge == Edge::Both,
            tell_values: false,
            end: None,
            reader: None,
            position: Position::new(mask),
        };
        Self { names, mask, state: Mutex::new(state) }
    }

    /// Where to go on when the stream has broken.
    pub(crate) fn resume(&self) -> Option<v1::WatchPosition> {
        self.lock().position.resume()
    }

    /// Puts what a message holds. `away` is for how long nobody watched before it, where a stream was opened again: what
    /// a daemon that knows no positions leaves to be told here.
    /// Answers what was lost.
    pub(crate) fn put(
        &self,
        message: &v1::WatchResponse,
        away: Option<Duration>,
    ) -> Result<Vec<Loss>, Error> {
        let mut lost = Vec::new();
        let mut state = self.lock();
        let away = away.filter(|_| message.position.is_none());
        if away.is_some() {
            state.position.forget();
            lost.push(Loss { away, ..Loss::of(LossCause::Restart, None) });
        }
        // The daemon's word for the same gap comes without its length.
        let told = message.losses.iter().map(Loss::from);
        lost.extend(told.filter(|loss| away.is_none() || loss.cause != LossCause::Restart));
        for loss in &lost {
            state.push(WatchItem::Lost(*loss));
        }
        if let Some(v1::Values { bits, timestamp_ns }) = message.values {
            let values = Values::new(self.names.clone(), self.mask, bits, timestamp_ns);
            state.push(WatchItem::Values(values));
        }
        for (seqno, event) in (message.first_seqno..).zip(&message.events) {
            let event = edge_event(&self.names, event, seqno)?;
            state.push(WatchItem::Edge(event));
        }
        state.position.pass(message);
        state.wake();
        Ok(lost)
    }

    /// Nothing more will come. What is in the ring is still given, then the error.
    pub(crate) fn end(&self, error: Option<Error>) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.end = Some(error);
        }
        state.wake();
    }

    /// Takes the oldest item.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Result<WatchItem, Error>>> {
        let mut state = self.lock();
        if let Some(item) = state.take() {
            return Poll::Ready(Some(Ok(item)));
        }
        if let Some(error) = &mut state.end {
            return Poll::Ready(error.take().map(Err));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, item: WatchItem) {
        if self.queue.len() >= self.capacity
            && let Some(oldest) = self.queue.pop_front()
        {
            self.pass(&oldest);
            match oldest {
                WatchItem::Edge(_) => {
                    self.lose(Loss::of(LossCause::Watcher, Some(1)));
                }
                WatchItem::Lost(loss) => self.lose(loss),
                WatchItem::Values(_) => {}
            }
            self.tell_values = true;
        }
        self.queue.push_back(item);
    }

    fn take(&mut self) -> Option<WatchItem> {
        if !self.lost.is_empty() {
            return Some(WatchItem::Lost(self.lost.remove(0)));
        }
        if std::mem::take(&mut self.tell_values)
            && let Some(values) = &self.values
        {
            return Some(WatchItem::Values(values.clone()));
        }
        let item = self.queue.pop_front()?;
        self.pass(&item);
        Some(item)
    }

    /// Brings `values` forward over an item that leaves the queue.
    fn pass(&mut self, item: &WatchItem) {
        match item {
            WatchItem::Values(values) => self.values = Some(values.clone()),
            WatchItem::Edge(EdgeEvent { position, value, timestamp_ns, .. }) if self.both_edges => {
                if let Some(values) = &mut self.values {
                    values.bring_forward(*position, *value, *timestamp_ns);
                }
            }
            // After an edge of one kind the line may have gone back unseen; after a loss all may be otherwise.
            WatchItem::Edge(_) | WatchItem::Lost(_) => self.values = None,
        }
    }

    /// Adds a loss to those to be told.
    fn lose(&mut self, loss: Loss) {
        loss.add_to(&mut self.lost);
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests;
