//! The one place where lines, holders and watchers meet.
//!
//! Small state under one standard mutex. Nothing here waits: backend calls are short, watchers have bounded queues,
//! and no client is ever waited for. The mutex is never held over an `.await`, and since there is one reactor thread
//! it is never contended; it is there because tonic's services must be `Sync`.
//!
//! A hold is a value ([`Hold`]), and so is a watch ([`Watch`]): dropping it gives back what it stands for.

mod hold;
mod list;
mod pins;
mod scope;
mod watch;

pub use hold::{
    Change, Hold, OpenRequest, ProgramHold, SessionEnd, SessionHandle, WantedDirection, WantedLine,
};
pub use list::{BackendView, LineView, ListView};
pub use scope::Scope;
pub use watch::Watch;

use crate::backend::{self, Backend, EdgeSource};
use crate::clock;
use crate::config::{Limits, OnRelease};
use crate::error::Error;
use crate::holder::{Caller, Holder};
use crate::line::{Direction, Edge, EdgeEvent, LineConfig, Moment, Value, Values};
use crate::log_keys as keys;
use crate::watch::{Event, Source};
use crate::wiring::{LineIndex, Wiring};
use hold::Session;
use pins::{Pins, RequestIndex, Taken, configured, ones};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use watch::Watcher;

/// Which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct SessionId(u64);

/// Where the edges of each of the daemon's requests come from.
pub type EdgeSources = Vec<Box<dyn EdgeSource>>;

/// Lines, holders and watchers of the whole daemon.
#[derive(Debug)]
pub struct Broker {
    state: Mutex<State>,
    limits: Limits,
}

#[derive(Debug)]
struct State {
    wiring: Wiring,
    backend: Box<dyn Backend>,
    pins: Pins,
    lines: Vec<LineState>,
    sessions: HashMap<SessionId, Session>,
    next_id: u64,
    /// Set once, at the stop: from then on nothing is driven any more, since outputs are to stay as they are.
    stopping: bool,
}

#[derive(Debug, Default)]
struct LineState {
    holder: Option<SessionId>,
    watchers: Vec<Watcher>,
    /// How many edges the daemon has seen, lost ones included.
    seqno: u64,
    /// Found driven at the start and not held since.
    adopted: bool,
}

impl Broker {
    /// Takes the lines of the board. The edge sources are to be read by the caller, who gives what comes to
    /// [`Broker::edges`] with the source's position as request.
    ///
    /// # Errors
    /// What the backend says, when a line can not be had.
    pub fn new(
        backend: Box<dyn Backend>,
        wiring: Wiring,
        limits: Limits,
    ) -> Result<(Arc<Self>, EdgeSources), backend::Error> {
        let Taken { pins, adopted, sources } = Pins::request(backend.as_ref(), &wiring)?;
        let mut lines = Vec::with_capacity(adopted.len());
        for (index, adopted) in adopted.into_iter().enumerate() {
            let line = LineIndex(index);
            if adopted {
                let value = pins.config(line).value;
                tracing::info!({ keys::LINE } = wiring.full_name(line), { keys::VALUE } = %value, "output found driven, kept");
            }
            lines.push(LineState { adopted, ..LineState::default() });
        }
        let state =
            State { wiring, backend, pins, lines, sessions: HashMap::new(), next_id: 1, stopping: false };
        Ok((Arc::new(Self { state: Mutex::new(state), limits }), sources))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads lines by name.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::Hardware`].
    pub fn read(&self, scope: Scope, names: &[String]) -> Result<Values, Error> {
        let mut state = self.lock();
        let lines = scope.resolve(&state.wiring, names)?;
        Ok(state.pins.read(&lines, crate::program::known_mask(lines.len()))?)
    }

    /// Sets free lines that may be set without a hold.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::LineHeld`], [`Error::WrongDirection`], and those of [`Broker::read`].
    pub fn write(&self, scope: Scope, names: &[String], bits: u64) -> Result<Moment, Error> {
        let mut state = self.lock();
        let lines = scope.resolve(&state.wiring, names)?;
        if bits & !crate::program::known_mask(lines.len()) != 0 {
            return Err(Error::InvalidRequest(format!("bits has more than the {} lines named", lines.len())));
        }
        scope.may_drive()?;
        for (line, name) in lines.iter().zip(names) {
            let Some(driven) = state.wiring.line(*line).config.kind.driven() else {
                return Err(Error::WrongDirection {
                    line: name.clone(),
                    is: "an input",
                    wanted: "an output",
                });
            };
            if !driven.one_shot && scope != Scope::Admin {
                let reason =
                    format!("line {name:?} is not configured with one_shot: hold it in a session to set it");
                return Err(Error::NotPermitted(reason));
            }
            if let Some(holder) = state.holder(*line) {
                return Err(Error::LineHeld { line: name.clone(), holder: holder.clone() });
            }
            if state.pins.config(*line).direction == Direction::Input {
                return Err(Error::WrongDirection {
                    line: name.clone(),
                    is: "an input now",
                    wanted: "an output",
                });
            }
        }
        let moment = state.write(&lines, crate::program::known_mask(lines.len()), bits)?;
        for line in lines {
            state.lines[line.0].adopted = false;
        }
        Ok(moment)
    }

    /// Takes what the board reported of one request.
    pub fn edges(&self, request: usize, events: &[EdgeEvent]) {
        let mut state = self.lock();
        for event in events {
            state.edge(RequestIndex(request), *event);
        }
    }

    /// Releases outputs that were found driven at the start and that nobody has held since.
    pub fn release_adopted(&self) {
        let mut state = self.lock();
        let orphans: Vec<LineIndex> =
            (0..state.lines.len()).map(LineIndex).filter(|line| state.lines[line.0].adopted).collect();
        for line in &orphans {
            state.lines[line.0].adopted = false;
            tracing::info!(
                { keys::LINE } = state.wiring.full_name(*line),
                "nobody came back for this output, releasing it"
            );
        }
        state.release(&orphans);
    }

    /// Ends all sessions and watches with [`Error::Stopping`]. Outputs stay as they are.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for session in state.sessions.values_mut() {
            session.end(Error::Stopping);
        }
        for watcher in state.lines.iter().flat_map(|line| &line.watchers) {
            watcher.queue.close();
        }
    }
}

impl State {
    fn holder(&self, line: LineIndex) -> Option<&Holder> {
        let session = self.lines[line.0].holder?;
        self.sessions.get(&session).map(|session| &session.holder)
    }

    fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Sets outputs and tells their watchers.
    fn write(&mut self, lines: &[LineIndex], mask: u64, bits: u64) -> Result<Moment, Error> {
        let changed = ones(mask).fold(0, |changed, i| {
            let was = self.pins.config(lines[i]).value.is_active();
            changed | u64::from(was != (bits >> i & 1 == 1)) << i
        });
        let moment = self.pins.write(lines, mask, bits)?;
        for i in ones(changed) {
            self.output_changed(lines[i], Value::from_bit(bits >> i & 1 == 1), moment.timestamp_ns);
        }
        Ok(moment)
    }

    /// Changes lines and tells the watchers of those outputs whose value changed by it.
    fn configure(&mut self, changes: &[(LineIndex, LineConfig)]) -> Result<Moment, Error> {
        let outputs: Vec<(LineIndex, Value)> = changes
            .iter()
            .filter(|(_, new)| new.direction == Direction::Output)
            .filter(|(line, new)| {
                let old = self.pins.config(*line);
                old.direction == Direction::Output && old.value != new.value
            })
            .map(|(line, new)| (*line, new.value))
            .collect();
        let moment = self.pins.configure(changes)?;
        for (line, value) in outputs {
            self.output_changed(line, value, moment.timestamp_ns);
        }
        Ok(moment)
    }

    fn output_changed(&mut self, line: LineIndex, value: Value, timestamp_ns: u64) {
        let edge = if value.is_active() { Edge::Rising } else { Edge::Falling };
        self.tell(line, edge, timestamp_ns, Source::Daemon);
    }

    fn edge(&mut self, request: RequestIndex, event: EdgeEvent) {
        let Some(edge) = self.pins.edge(request, event) else { return };
        if edge.lost > 0 {
            let line = &mut self.lines[edge.line.0];
            line.seqno += u64::from(edge.lost);
            for watcher in &line.watchers {
                watcher.queue.lose(edge.lost.into());
            }
        }
        self.tell(edge.line, event.edge, event.timestamp_ns, Source::Kernel);
    }

    fn tell(&mut self, line: LineIndex, edge: Edge, timestamp_ns: u64, source: Source) {
        let line = &mut self.lines[line.0];
        line.seqno += 1;
        for watcher in line.watchers.iter().filter(|watcher| watcher.filter.wants(edge)) {
            let line_seqno = line.seqno;
            watcher.queue.push(Event { position: watcher.position, edge, timestamp_ns, line_seqno, source });
        }
    }

    /// Does what the configuration says for lines whose holder has gone. A failure is logged: there is nobody left
    /// to tell.
    fn release(&mut self, lines: &[LineIndex]) {
        let changes: Vec<(LineIndex, LineConfig)> = lines
            .iter()
            .map(|line| (*line, self.released(*line)))
            .filter(|(line, new)| new != self.pins.config(*line))
            .collect();
        if changes.is_empty() || self.stopping {
            return;
        }
        if let Err(error) = self.configure(&changes) {
            let names: Vec<String> = lines.iter().map(|line| self.wiring.full_name(*line)).collect();
            tracing::error!({ keys::LINES } = ?names, { keys::ERROR } = %error, "lines could not be released");
        }
    }

    /// What a line becomes when its holder has gone: direction and bias as configured, value by `on_release`.
    fn released(&self, line: LineIndex) -> LineConfig {
        let now = self.pins.config(line);
        let base = LineConfig { edges: now.edges, ..configured(self.wiring.line(line)) };
        let Some(driven) = self.wiring.line(line).config.kind.driven() else { return base };
        let output = |value| LineConfig { direction: Direction::Output, value, edges: false, ..base };
        match driven.on_release {
            OnRelease::Keep => LineConfig { direction: now.direction, value: now.value, ..base },
            OnRelease::Inactive => output(Value::Inactive),
            OnRelease::Active => output(Value::Active),
            OnRelease::Input => LineConfig { value: now.value, ..base },
        }
    }
}

/// Who calls, for the log and for others who want the line.
fn holder(scope: Scope, wiring: &Wiring, caller: Caller, name: String) -> Holder {
    Holder { name, group: scope.name(wiring).to_owned(), caller, since_ns: clock::now_ns() }
}
