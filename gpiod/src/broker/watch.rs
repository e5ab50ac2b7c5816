//! Watches: who is told of which line's edges.

use super::state::State;
use super::usage::Resource;
use super::{Broker, Scope};
use crate::error::Error;
use crate::line::{Values, ones};
use crate::log_keys as keys;
use crate::operations::Operation;
use crate::watch::{EdgeFilter, Queue};
use crate::wiring::LineIndex;
use std::sync::Arc;

/// One line's entry for one watch.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) watch: u64,
    pub(super) position: u8,
    pub(super) filter: EdgeFilter,
    /// Whether a program listens: it wants edges as the kernel stamped them, knows what it drives itself, and asks for
    /// what the kernel did not see.
    pub(super) programs: bool,
    /// The socket whose events it counts as some of; a program's count as none.
    pub(super) scope: Option<Scope>,
    pub(super) queue: Arc<Queue>,
}

/// A watch. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    broker: Arc<Broker>,
    id: u64,
    /// The socket whose watches it counts as one of; a program's own counts as none.
    scope: Option<Scope>,
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
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::NotPermitted`], [`Error::LimitReached`],
    /// [`Error::Stopping`], [`Error::Hardware`].
    pub fn watch(
        self: &Arc<Self>,
        scope: Scope,
        names: &[String],
        filter: EdgeFilter,
    ) -> Result<Watch, Error> {
        let lines = {
            let wiring = &self.lock().wiring;
            let lines = scope.resolve(wiring, names)?;
            scope.may(wiring, &lines, names, Operation::Watch)?;
            lines
        };
        let positions = (0..).zip(&lines).map(|(position, line)| (position, *line)).collect::<Vec<_>>();
        self.watch_lines(Some(scope), &positions, &lines, filter)
    }

    /// Begins a watch of lines, each known to the watcher by its position in `all`.
    pub(super) fn watch_lines(
        self: &Arc<Self>,
        scope: Option<Scope>,
        watched: &[(u8, LineIndex)],
        all: &[LineIndex],
        filter: EdgeFilter,
    ) -> Result<Watch, Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let lines: Vec<LineIndex> = watched.iter().map(|(_, line)| *line).collect();
        if let Some(scope) = scope {
            state.usage.take(scope, Resource::Watch, &self.limits)?;
        }
        let mask = watched.iter().fold(0, |mask, (position, _)| mask | 1 << position);
        let first = match state.begin_watch(&lines, all, mask) {
            Ok(first) => first,
            Err(error) => {
                state.end_watch(scope, &[]);
                return Err(error);
            }
        };
        let id = state.new_id();
        let queue = Arc::new(Queue::new(self.limits.watch_events as usize, first));
        for (position, line) in watched {
            let (queue, programs) = (Arc::clone(&queue), scope.is_none());
            let watcher = Watcher { watch: id, position: *position, filter, programs, scope, queue };
            state.lines[line.0].watchers.push(watcher);
        }
        Ok(Watch { broker: Arc::clone(self), id, scope, lines: all.to_vec(), mask, queue, first })
    }
}

impl State {
    /// Switches edges on, and reads what they begin from.
    fn begin_watch(&mut self, lines: &[LineIndex], all: &[LineIndex], mask: u64) -> Result<Values, Error> {
        self.pins.want_edges(lines)?;
        Ok(self.pins.read(all, mask).inspect_err(|_| self.edges_off(lines))?)
    }

    fn end_watch(&mut self, scope: Option<Scope>, lines: &[LineIndex]) {
        if let Some(scope) = scope {
            self.usage.give_back(scope, Resource::Watch);
        }
        self.edges_off(lines);
    }

    fn edges_off(&mut self, lines: &[LineIndex]) {
        self.pins.unwant_edges(lines);
        self.unwanted.notify_one();
    }
}

impl Broker {
    /// Waits until edges are unwanted that have been wanted. They are to be switched off by
    /// [`sweep_edges`](Self::sweep_edges), but not at once: to switch an edge on takes the kernel so long that a client
    /// which watches and lets it be in a loop would leave the others little of the daemon.
    pub async fn edges_unwanted(&self) {
        let unwanted = Arc::clone(&self.lock().unwanted);
        unwanted.notified().await;
    }

    /// Switches off the edges that nobody wants any more.
    pub fn sweep_edges(&self) {
        if let Err(error) = self.lock().pins.sweep_edges() {
            tracing::warn!({ keys::ERROR } = %error, "edges could not be switched off");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        let watched: Vec<LineIndex> = ones(self.mask).map(|i| self.lines[i]).collect();
        for line in &watched {
            state.lines[line.0].watchers.retain(|watcher| watcher.watch != self.id);
        }
        state.end_watch(self.scope, &watched);
    }
}
