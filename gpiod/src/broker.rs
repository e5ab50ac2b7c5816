//! The one place where lines, holders and watchers meet.
//!
//! Small state under one standard mutex. Nothing here waits: backend calls are short, watchers have bounded queues,
//! and no client is ever waited for. The mutex is never held over an `.await`. Two threads take it: the reactor, for
//! all that clients ask and boards report, and the programs' thread, for each step of a program. Either waits for at
//! most one call of the other.
//!
//! A hold is a value ([`Hold`]), and so is a watch ([`Watch`]): dropping it gives back what it stands for.

mod adopted;
mod audited;
mod away;
mod counts;
mod hold;
mod list;
mod listening;
mod offered;
mod open;
mod pins;
mod prepare;
mod program_hold;
mod rate;
mod release;
mod renamed;
mod rest;
mod rewire;
mod rights;
mod sampler;
mod scope;
mod session;
mod state;
mod turn;
mod usage;
mod watch;

pub use counts::{Command, Connected, Snapshot, Used};
pub use hold::{Change, Hold};
pub use list::{BackendView, LineView, ListView};
pub use open::{OpenRequest, WantedDirection, WantedLine};
pub use program_hold::{ProgramHold, ProgramPlace};
pub use release::Released;
pub use rewire::Rewired;
pub use sampler::Sampler;
pub use scope::Scope;
pub use session::{Cause, SessionEnd};
pub use turn::Turn;
pub use watch::{Watch, WatchRequest};

use crate::audit::Audit;
use crate::backend::{self, Backend, EdgeSource};
use crate::clock;
use crate::config::Limits;
use crate::error::Error;
use crate::fair::FairMutex;
use crate::holder::Caller;
use crate::line::{Direction, EdgeEvent, Moment, Values, known_mask};
use crate::operations::Operation;
use crate::pods::Pods;
use crate::random;
use crate::sorted::SortedMap;
use crate::state_file::Section;
use crate::watch::PreviousLife;
use crate::wiring::{LineIndex, Wiring};
use counts::Counts;
use pins::Pins;
use state::{LineState, State};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use usage::Usage;

/// Which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

/// Which of the daemon's requests to the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestIndex(usize);

/// Where the edges of the daemon's requests come from.
pub type EdgeSources = Vec<(RequestIndex, Box<dyn EdgeSource>)>;

/// Lines, holders and watchers of the whole daemon.
#[derive(Debug)]
pub struct Broker {
    state: FairMutex<State>,
    /// Taken before the state, so that what is written last is what is so last.
    saved: Mutex<Section>,
    limits: Limits,
    /// The same as the state's, once they are known.
    pods: OnceLock<Arc<Pods>>,
}

impl Broker {
    /// Takes the lines of the board. The edge sources are to be read by the caller, who gives what comes to
    /// [`Broker::edges`]. Who holds what is written to `saved`, see [`Broker::restore`]. `previous` are the lives of the
    /// daemon that clients may remember: they make the times exact that watchers who come back are told. Outputs that are
    /// found driven are kept for whoever drove them until `keep_until_ns`, and then released.
    ///
    /// # Errors
    /// What the backend says, when a line can not be had.
    pub fn new(
        backend: Arc<dyn Backend>,
        wiring: Wiring,
        limits: Limits,
        saved: Section,
        previous: Vec<PreviousLife>,
        keep_until_ns: u64,
    ) -> Result<(Arc<Self>, EdgeSources), backend::Error> {
        let all: Vec<LineIndex> = (0..wiring.lines.len()).map(LineIndex).collect();
        let mut pins = Pins::default();
        let (adopted, sources) = pins.request(backend.as_ref(), &wiring, &all)?;
        let mut lines = Vec::new();
        lines.resize_with(all.len(), LineState::default);
        let mut state = State {
            wiring,
            backend,
            pins,
            lines,
            sessions: SortedMap::new(),
            samplings: SortedMap::new(),
            usage: Usage::default(),
            audit: Audit::default(),
            pods: Arc::default(),
            counts: Counts::default(),
            rates: SortedMap::new(),
            events_per_s: limits.socket_events_per_s,
            next_id: 1,
            // Drawn by lot; where the system has no lots, no two lives begin at the same moment of a boot.
            epoch: random::bytes().map_or_else(|_| clock::now_ns(), u64::from_ne_bytes).max(1),
            previous,
            renamed_ns: HashMap::new(),
            unwanted: Arc::default(),
            away_changed: Arc::default(),
            prepared: None,
            stopping: false,
        };
        state.adopt(&adopted, keep_until_ns);
        let pods = OnceLock::new();
        Ok((Arc::new(Self { state: FairMutex::new(state), saved: Mutex::new(saved), limits, pods }), sources))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Writes down who holds what.
    pub fn save(&self) {
        let mut section = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        // What was held when the daemon was told to stop was written then, by whoever had the section.
        if self.lock().stopping {
            return;
        }
        section.write(|sessions| self.lock().note(sessions));
    }

    /// Whether lines of a socket are here; the administrator's are where most are.
    pub fn serves(&self, scope: Scope) -> bool {
        match scope {
            Scope::Group(group) | Scope::Watch(group) => self.lock().wiring.serves(group),
            Scope::Admin => false,
        }
    }

    /// Whether a client is let in at a socket now. It is asked at each call: who was let in once may have been excluded
    /// since.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::NamespaceNotAllowed`], [`Error::PodUnknown`].
    pub fn admit(&self, scope: Scope, caller: Caller) -> Result<(), Error> {
        self.lock().admit(scope, caller)
    }

    /// The same of a connection, before its first call: by its ids alone, for what is known of pods may be known by then.
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub fn admit_caller(&self, scope: Scope, caller: Caller) -> Result<(), Error> {
        scope.admit_caller(&self.lock().wiring, caller)
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts a refusal that was decided elsewhere, if a limit was the reason.
    pub fn count_refusal(&self, error: &Error) {
        if let Error::LimitReached { limit, .. } | Error::BeyondLimit { limit, .. } = error {
            self.lock().usage.count(limit);
        }
    }

    /// Counts that a request alone asks for more than a limit allows, and says so.
    pub fn beyond(&self, limit: &'static str, max: u32) -> Error {
        self.lock().usage.beyond(limit, max)
    }

    /// Reads lines by name.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::NotPermitted`], [`Error::Hardware`].
    pub fn read(&self, scope: Scope, names: &[String]) -> Result<Values, Error> {
        let mut state = self.lock();
        state.counts.command(scope, Command::Read);
        let lines = scope.resolve(&state.wiring, names)?;
        scope.may(&state.wiring, &lines, names, Operation::Read)?;
        Ok(state.pins.read(&lines, known_mask(lines.len()))?)
    }

    /// Sets free lines that may be set without a hold.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::LineHeld`], [`Error::WrongDirection`], and those of [`Broker::read`].
    pub fn write(&self, scope: Scope, names: &[String], bits: u64) -> Result<Moment, Error> {
        let mut state = self.lock();
        state.counts.command(scope, Command::Write);
        scope.may_drive()?;
        let lines = scope.resolve(&state.wiring, names)?;
        if bits & !known_mask(lines.len()) != 0 {
            return Err(Error::InvalidRequest(format!("bits has more than the {} lines named", lines.len())));
        }
        for (line, name) in lines.iter().zip(names) {
            let Some(driven) = state.wiring.line(*line).config.kind.driven() else {
                return Err(Error::WrongDirection {
                    line: name.clone(),
                    is: "an input",
                    wanted: "an output",
                });
            };
            rights::permit(name, scope.operations(&state.wiring, *line), Operation::Drive)?;
            if !driven.one_shot && scope != Scope::Admin {
                let reason =
                    format!("line {name:?} is not configured with one_shot: hold it in a session to set it");
                return Err(Error::NotPermitted(reason));
            }
            if let Some(holder) = state.holder(*line) {
                return Err(Error::LineHeld { line: name.clone(), holder: Box::new(holder.clone()) });
            }
            if state.pins.config(*line).direction == Direction::Input {
                return Err(Error::WrongDirection {
                    line: name.clone(),
                    is: "an input now",
                    wanted: "an output",
                });
            }
        }
        let moment = state.write(&lines, known_mask(lines.len()), bits)?;
        state.claimed(&lines);
        Ok(moment)
    }

    /// Takes what the board reported of one request, and whether that is all for now. Answers whether
    /// [`check_levels`](Self::check_levels) is to be called when nothing has come for a while.
    pub fn edges(&self, request: RequestIndex, events: &[EdgeEvent], drained: bool) -> bool {
        let mut state = self.lock();
        for event in events {
            state.edge(request, *event);
        }
        if drained {
            state.drained(request);
        }
        drained && state.is_unsure(request)
    }

    /// Ends all sessions and watches with [`Error::Stopping`]. Outputs stay as they are, and who holds them is written
    /// down for the next daemon.
    pub fn stop(&self) {
        let mut section = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.lock();
        state.stopping = true;
        state.tell_kept();
        section.write_last(|sessions| state.note(sessions), state.life(clock::now_ns()));
        for session in state.sessions.values_mut() {
            session.end(Error::Stopping);
        }
        for watcher in state.lines.iter().flat_map(|line| &line.watchers) {
            watcher.queue.close();
        }
        for sampled in state.samplings.values() {
            sampled.queue.end(Err(Error::Stopping));
        }
    }
}
