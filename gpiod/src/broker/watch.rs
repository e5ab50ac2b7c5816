//! Watches: who is told of which line's edges.

use super::{Broker, Scope};
use crate::error::Error;
use crate::line::Values;
use crate::log_keys as keys;
use crate::watch::{EdgeFilter, Queue};
use crate::wiring::LineIndex;
use std::sync::Arc;

/// One line's entry for one watch.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) watch: u64,
    pub(super) position: u8,
    pub(super) filter: EdgeFilter,
    pub(super) queue: Arc<Queue>,
}

/// A watch. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    broker: Arc<Broker>,
    id: u64,
    lines: Vec<LineIndex>,
    mask: u64,
    queue: Arc<Queue>,
    /// The values when it began; all later events come through the queue.
    pub first: Values,
}

impl Watch {
    /// What waits for the watcher.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The present values of all its lines, as the first ones were.
    ///
    /// # Errors
    /// [`Error::Hardware`].
    pub fn values(&self) -> Result<Values, Error> {
        Ok(self.broker.lock().pins.read(&self.lines, self.mask)?)
    }
}

impl Broker {
    /// Begins a watch of lines by name.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn watch(
        self: &Arc<Self>,
        scope: Scope,
        names: &[String],
        filter: EdgeFilter,
    ) -> Result<Watch, Error> {
        let lines = scope.resolve(&self.lock().wiring, names)?;
        let positions = (0..).zip(&lines).map(|(position, line)| (position, *line)).collect::<Vec<_>>();
        self.watch_lines(&positions, &lines, filter)
    }

    /// Begins a watch of lines, each known to the watcher by its position in `all`.
    pub(super) fn watch_lines(
        self: &Arc<Self>,
        watched: &[(u8, LineIndex)],
        all: &[LineIndex],
        filter: EdgeFilter,
    ) -> Result<Watch, Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let lines: Vec<LineIndex> = watched.iter().map(|(_, line)| *line).collect();
        state.pins.want_edges(&lines)?;
        let mask = watched.iter().fold(0, |mask, (position, _)| mask | 1 << position);
        let first = match state.pins.read(all, mask) {
            Ok(values) => values,
            Err(error) => {
                let _ = state.pins.unwant_edges(&lines);
                return Err(error.into());
            }
        };
        let id = state.new_id();
        let queue = Arc::new(Queue::new(self.limits.watch_events as usize, first.timestamp_ns));
        for (position, line) in watched {
            let watcher = Watcher { watch: id, position: *position, filter, queue: Arc::clone(&queue) };
            state.lines[line.0].watchers.push(watcher);
        }
        Ok(Watch { broker: Arc::clone(self), id, lines: all.to_vec(), mask, queue, first })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        let watched: Vec<LineIndex> = self
            .lines
            .iter()
            .copied()
            .filter(|line| state.lines[line.0].watchers.iter().any(|watcher| watcher.watch == self.id))
            .collect();
        for line in &watched {
            state.lines[line.0].watchers.retain(|watcher| watcher.watch != self.id);
        }
        if let Err(error) = state.pins.unwant_edges(&watched) {
            tracing::warn!({ keys::ERROR } = %error, "edges could not be switched off");
        }
    }
}
