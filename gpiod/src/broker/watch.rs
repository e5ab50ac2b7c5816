//! Watches: who is told of which line's edges.

use super::listening::Listening;
use super::state::{LineState, State};
use super::usage::Resource;
use super::{Broker, Command, Scope};
use crate::clock;
use crate::error::Error;
use crate::holder::Caller;
use crate::line::{Values, ones};
use crate::log_keys as keys;
use crate::operations::Operation;
use crate::watch::{self, EdgeFilter, Position, Queue, Unwatched, Watched};
use crate::wiring::LineIndex;
use std::sync::Arc;

/// One line's entry for one watch.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) watch: u64,
    pub(super) position: u8,
    /// Whether a program listens: it wants edges as the kernel stamped them, knows what it drives itself, and asks for
    /// what the kernel did not see.
    pub(super) programs: bool,
    /// The socket whose events it counts as some of; a program's count as none.
    pub(super) scope: Option<Scope>,
    /// Who watches; a session's watch ends with it.
    pub(super) caller: Option<Caller>,
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
    /// The values when it began, unless it goes on from where the watcher was; all later events come through the queue.
    pub first: Option<Values>,
}

impl Watch {
    /// What waits for the watcher.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Why nothing more comes, when its queue is closed.
    pub fn end(&self) -> Error {
        if self.broker.lock().stopping { Error::Stopping } else { Error::Reconfigured }
    }

    /// The present values of all its lines, as the first ones were.
    ///
    /// # Errors
    /// [`Error::Hardware`]; when the watch is over, why.
    pub fn values(&self) -> Result<Values, Error> {
        if self.queue.is_closed() {
            return Err(self.end());
        }
        Ok(self.broker.lock().pins.read(&self.lines, self.mask)?)
    }
}

/// What a watcher wants of lines.
#[derive(Clone, Debug)]
pub struct WatchRequest {
    /// Which edges.
    pub filter: EdgeFilter,
    /// Where it was before, to go on from there.
    pub resume: Option<Position>,
    /// Who watches; `None` within a session, which knows it.
    pub caller: Option<Caller>,
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
        request: WatchRequest,
    ) -> Result<Watch, Error> {
        let lines = {
            let mut state = self.lock();
            state.counts.command(scope, Command::Watch);
            let lines = scope.resolve(&state.wiring, names)?;
            scope.may(&state.wiring, &lines, names, Operation::Watch)?;
            lines
        };
        let positions = (0..).zip(&lines).map(|(position, line)| (position, *line)).collect::<Vec<_>>();
        self.watch_lines(Some(scope), &positions, &lines, request)
    }

    /// Begins a watch of lines, each known to the watcher by its position in `all`. Without a scope it is a program's.
    pub(super) fn watch_lines(
        self: &Arc<Self>,
        scope: Option<Scope>,
        watched: &[(u8, LineIndex)],
        all: &[LineIndex],
        request: WatchRequest,
    ) -> Result<Watch, Error> {
        let WatchRequest { filter, resume, caller } = request;
        if let Some(position) = &resume
            && position.line_seqnos.len() != watched.len()
        {
            let (had, now) = (position.line_seqnos.len(), watched.len());
            return Err(Error::InvalidRequest(format!("the position is of {had} lines, the watch of {now}")));
        }
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let lines: Vec<LineIndex> = watched.iter().map(|(_, line)| *line).collect();
        if let Some(scope) = scope {
            state.usage.take(scope, Resource::Watch, &self.limits)?;
        }
        let mask = watched.iter().fold(0, |mask, (position, _)| mask | 1 << position);
        // Of what programs listen to nobody comes back.
        let remembers = scope.map(|_| self.limits.replay_events as usize);
        let first = match state.begin_watch(&lines, all, mask, remembers) {
            Ok(first) => first,
            Err(error) => {
                state.end_watch(scope, &[]);
                return Err(error);
            }
        };
        let begun = state.begun(scope, &lines, first, resume);
        let queue = Queue::new(self.limits.watch_events as usize, filter, mask, begun.position.clone());
        if let Some(time) = begun.unwatched {
            queue.unwatched(time);
        }
        if begun.goes_on {
            watch::replay(&queue, &begun.position, filter, &state.remembered(watched));
        }
        let (id, queue) = (state.new_id(), Arc::new(queue));
        state.counts.watches(id, scope, Arc::clone(&queue));
        for (position, line) in watched {
            let (queue, programs) = (Arc::clone(&queue), scope.is_none());
            let watcher = Watcher { watch: id, position: *position, scope, caller, programs, queue };
            state.lines[line.0].watchers.push(watcher);
        }
        let first = (!begun.goes_on).then_some(first);
        Ok(Watch { broker: Arc::clone(self), id, scope, lines: all.to_vec(), mask, queue, first })
    }
}

/// Where a watch begins.
struct Begun {
    position: Position,
    /// Whether it goes on from where the watcher was in this life of the daemon.
    goes_on: bool,
    /// For how long nobody watched, of a watcher that was there in another life.
    unwatched: Option<Unwatched>,
}

impl State {
    /// Switches edges on, begins to remember so many, and reads what they begin from.
    fn begin_watch(
        &mut self,
        lines: &[LineIndex],
        all: &[LineIndex],
        mask: u64,
        remembers: Option<usize>,
    ) -> Result<Values, Error> {
        let before_ns = clock::now_ns();
        let wanted = self.pins.want_edges(lines);
        self.heed(lines, before_ns);
        wanted?;
        if let Some(events) = remembers {
            self.listen_to(lines, events);
        }
        Ok(self.pins.read(all, mask).inspect_err(|_| self.edges_off(lines))?)
    }

    /// Begins to remember the events of lines.
    fn listen_to(&mut self, lines: &[LineIndex], events: usize) {
        for line in lines {
            let line = &mut self.lines[line.0];
            let seqno = line.seqno;
            line.listening.get_or_insert_with(|| Box::new(Listening::new(events, seqno)));
        }
    }

    /// Where a watch begins. A position that can not be one of this life is taken for one of another, and so is one from
    /// before a line had its name: it is of another line.
    fn begun(
        &self,
        scope: Option<Scope>,
        lines: &[LineIndex],
        first: Values,
        resume: Option<Position>,
    ) -> Begun {
        let line_seqnos: Vec<u64> = lines.iter().map(|line| self.lines[line.0].seqno).collect();
        let (seqno, unwatched) = match resume {
            Some(position)
                if position.is_of(self.epoch, &line_seqnos)
                    && !self.is_renamed_since(scope, lines, position.timestamp_ns) =>
            {
                return Begun { position, goes_on: true, unwatched: None };
            }
            Some(was) => {
                let names = lines.iter().map(|line| self.wiring.full_name(*line));
                let life = self.previous.iter().find(|life| life.epoch == was.epoch);
                let from_ns = life.map_or(was.timestamp_ns, |life| life.unwatched_since(&was, names));
                let until_ns = first.read.latest_ns();
                // What lies ahead was stamped before the machine itself was started anew.
                let from_ns = Some(from_ns).filter(|from_ns| *from_ns <= until_ns);
                (was.seqno, Some(Unwatched { from_ns, until_ns }))
            }
            None => (0, None),
        };
        let (epoch, timestamp_ns) = (self.epoch, first.read.timestamp_ns);
        let position = Position { epoch, line_seqnos, timestamp_ns, seqno, values: first };
        Begun { position, goes_on: false, unwatched }
    }

    /// What is remembered of lines.
    fn remembered(&self, lines: &[(u8, LineIndex)]) -> Vec<Watched<'_>> {
        let watched = lines.iter().filter_map(|(position, line)| {
            let LineState { seqno, listening, .. } = &self.lines[line.0];
            let history = &listening.as_ref()?.history;
            Some(Watched { position: *position, line_seqno: *seqno, history })
        });
        watched.collect()
    }

    fn end_watch(&mut self, scope: Option<Scope>, lines: &[LineIndex]) {
        if let Some(scope) = scope {
            self.usage.give_back(scope, Resource::Watch);
        }
        self.edges_off(lines);
    }

    pub(super) fn edges_off(&mut self, lines: &[LineIndex]) {
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
        let mut state = self.lock();
        let before_ns = clock::now_ns();
        let swept = state.pins.sweep_edges();
        let all: Vec<LineIndex> = (0..state.lines.len()).map(LineIndex).collect();
        state.heed(&all, before_ns);
        drop(state);
        if let Err(error) = swept {
            tracing::warn!({ keys::ERROR } = %error, "edges could not be switched off");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        // A line of which it was taken away is no longer watched by it.
        let mut watched: Vec<LineIndex> = ones(self.mask).map(|i| self.lines[i]).collect();
        watched.retain(|line| {
            let watchers = &mut state.lines[line.0].watchers;
            let before = watchers.len();
            watchers.retain(|watcher| watcher.watch != self.id);
            watchers.len() < before
        });
        state.counts.watched(self.id);
        state.end_watch(self.scope, &watched);
    }
}
