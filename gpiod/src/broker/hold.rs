//! Sessions: who holds which lines, and what a holder does with them.

use super::pins::ones;
use super::{Broker, Scope, SessionId, State, Watch, holder};
use crate::config::Kind;
use crate::error::Error;
use crate::holder::{Caller, Holder};
use crate::line::{Bias, Direction, LineConfig, Moment, Value, Values};
use crate::log_keys as keys;
use crate::program::{self, Shape, Step, known_mask};
use crate::watch::EdgeFilter;
use crate::wiring::LineIndex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a client asks for when it opens a session.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// Through which socket.
    pub scope: Scope,
    /// Who it is.
    pub caller: Caller,
    /// What it calls itself.
    pub client_name: String,
    /// Which lines it wants, 1 to 64.
    pub lines: Vec<WantedLine>,
}

/// A line that a client wants to hold.
#[derive(Clone, Debug)]
pub struct WantedLine {
    /// Its name on the socket.
    pub name: String,
    /// What the client means to do with it; `None`: all that the configuration allows.
    pub direction: Option<WantedDirection>,
    /// For a line that is to be driven, its first value.
    pub initial: Option<Value>,
}

/// What a client means to do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedDirection {
    /// Read and watch it.
    Input,
    /// Drive it.
    Output,
    /// Drive it and listen to it in turn.
    Both,
}

/// Changes to lines of a session.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Which lines, by position.
    pub mask: u64,
    /// Their direction; `None`: as it is.
    pub direction: Option<Direction>,
    /// For outputs, their values; 1 is active.
    pub bits: u64,
    /// Their pull; `None`: as it is.
    pub bias: Option<Bias>,
}

/// A session as the broker keeps it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) holder: Holder,
    lines: Vec<SessionLine>,
    indices: Arc<[LineIndex]>,
    /// Lines on which programs of this session run.
    busy: u64,
    programs: u32,
    end: Option<oneshot::Sender<Error>>,
}

#[derive(Debug)]
struct SessionLine {
    name: String,
    kind: Kind,
}

impl Session {
    /// Tells the holder that the session is over. What its lines do is not decided here.
    pub(super) fn end(&mut self, why: Error) {
        if let Some(end) = self.end.take() {
            let _ = end.send(why);
        }
    }
}

/// Tells a holder that the daemon ended its session, and why.
pub type SessionEnd = oneshot::Receiver<Error>;

/// Lines that a client holds. Dropping it lets them go, and they do what their configuration says.
#[derive(Debug)]
pub struct Hold {
    broker: Arc<Broker>,
    session: SessionId,
    /// The values of the lines when they were taken.
    pub first: Values,
}

impl Broker {
    /// Holds lines for a client, all or none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::NotPermitted`], [`Error::LineHeld`],
    /// [`Error::WrongDirection`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn open(self: &Arc<Self>, request: OpenRequest) -> Result<(Hold, SessionEnd), Error> {
        let OpenRequest { scope, caller, client_name, lines: wanted } = request;
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let names: Vec<&str> = wanted.iter().map(|line| line.name.as_str()).collect();
        let indices: Arc<[LineIndex]> = scope.resolve(&state.wiring, &names)?.into();
        scope.may_drive()?;
        let mut changes = Vec::new();
        for (line, wanted) in indices.iter().zip(&wanted) {
            changes.extend(state.may_hold(*line, wanted)?.map(|config| (*line, config)));
        }
        if !changes.is_empty() {
            state.configure(&changes)?;
        }
        let first = state.pins.read(&indices, known_mask(indices.len()))?;
        let session = SessionId(state.new_id());
        for line in indices.iter() {
            let kind = state.wiring.line(*line).config.kind;
            let line = &mut state.lines[line.0];
            line.adopted = false;
            if kind != Kind::Input {
                line.holder = Some(session);
            }
        }
        let holder = holder(scope, &state.wiring, caller, client_name);
        tracing::info!(
            { keys::GROUP } = holder.group,
            { keys::CLIENT } = holder.name,
            { keys::UID } = caller.uid,
            { keys::PID } = caller.pid,
            { keys::LINES } = names.join(","),
            "lines held"
        );
        let lines = indices
            .iter()
            .zip(wanted)
            .map(|(line, wanted)| SessionLine {
                name: wanted.name,
                kind: state.wiring.line(*line).config.kind,
            })
            .collect();
        let (end, ended) = oneshot::channel();
        let kept = Session { holder, lines, indices, busy: 0, programs: 0, end: Some(end) };
        state.sessions.insert(session, kept);
        Ok((Hold { broker: Arc::clone(self), session, first }, ended))
    }

    /// Lets the lines of a session go. `cause` is for the log.
    fn let_go(&self, session: SessionId) {
        let mut state = self.lock();
        let Some(Session { holder, indices, .. }) = state.sessions.remove(&session) else { return };
        for line in indices.iter() {
            let line = &mut state.lines[line.0];
            line.holder = line.holder.filter(|held_by| *held_by != session);
        }
        // Inputs may be shared: whoever holds one with us keeps the pull that it has.
        let free: Vec<LineIndex> = indices
            .iter()
            .copied()
            .filter(|line| !state.sessions.values().any(|other| other.indices.contains(line)))
            .collect();
        state.release(&free);
        tracing::info!(
            { keys::GROUP } = holder.group,
            { keys::CLIENT } = holder.name,
            { keys::PID } = holder.caller.pid,
            "lines let go"
        );
    }
}

impl State {
    /// Checks that a line may be held as wanted; answers what must change of it, if anything.
    fn may_hold(&self, line: LineIndex, wanted: &WantedLine) -> Result<Option<LineConfig>, Error> {
        let wrong =
            |is, wanted_as| Err(Error::WrongDirection { line: wanted.name.clone(), is, wanted: wanted_as });
        let kind = self.wiring.line(line).config.kind;
        match (kind, wanted.direction) {
            (Kind::Input, Some(WantedDirection::Output)) => {
                return wrong("configured as an input", "an output");
            }
            (Kind::Input, Some(WantedDirection::Both)) => return wrong("configured as an input", "both"),
            (Kind::Output(_), Some(WantedDirection::Input)) => {
                return wrong("configured as an output", "an input");
            }
            (Kind::Output(_), Some(WantedDirection::Both)) => {
                return wrong("configured as an output", "both");
            }
            _ => {}
        }
        let drives = match kind {
            Kind::Input => false,
            Kind::Output(_) => true,
            Kind::Both(_) => wanted.direction != Some(WantedDirection::Input),
        };
        if wanted.initial.is_some() && !drives {
            return wrong("an input", "an output, as an initial value needs");
        }
        if kind != Kind::Input
            && let Some(holder) = self.holder(line)
        {
            return Err(Error::LineHeld { line: wanted.name.clone(), holder: holder.clone() });
        }
        let now = self.pins.config(line);
        let output = |value| Some(LineConfig { direction: Direction::Output, value, ..*now });
        Ok(match (wanted.initial, kind) {
            (Some(value), _) => output(value).filter(|new| new != now),
            (None, Kind::Output(_)) if now.direction == Direction::Input => output(Value::Inactive),
            (None, Kind::Input | Kind::Output(_) | Kind::Both(_)) => None,
        })
    }

    fn session(&mut self, session: SessionId) -> Result<&mut Session, Error> {
        self.sessions.get_mut(&session).ok_or(Error::SessionEnded)
    }

    /// Checks a mask of a session's lines and answers which lines they are.
    fn checked(&mut self, session: SessionId, mask: u64, bits: u64) -> Result<Arc<[LineIndex]>, Error> {
        let session = self.session(session)?;
        let count = session.lines.len();
        if mask & !known_mask(count) != 0 {
            return Err(Error::InvalidRequest(format!(
                "the mask names more than the session's {count} lines"
            )));
        }
        if bits & !mask != 0 {
            return Err(Error::InvalidRequest("bits outside of the mask must be 0".to_owned()));
        }
        Ok(Arc::clone(&session.indices))
    }

    /// Checks that no program of the session runs on these lines.
    fn idle(&mut self, session: SessionId, mask: u64) -> Result<(), Error> {
        let session = self.session(session)?;
        match ones(mask & session.busy).next() {
            Some(i) => Err(Error::ProgramRunning { line: session.lines[i].name.clone() }),
            None => Ok(()),
        }
    }

    fn session_write(&mut self, session: SessionId, mask: u64, bits: u64) -> Result<Moment, Error> {
        if mask == 0 {
            return Err(Error::InvalidRequest("the mask names no line".to_owned()));
        }
        let indices = self.checked(session, mask, bits)?;
        for i in ones(mask) {
            if self.pins.config(indices[i]).direction == Direction::Input {
                let line = &self.session(session)?.lines[i];
                let is = if line.kind == Kind::Input { "configured as an input" } else { "an input now" };
                return Err(Error::WrongDirection { line: line.name.clone(), is, wanted: "an output" });
            }
        }
        self.write(&indices, mask, bits)
    }

    fn session_configure(&mut self, session: SessionId, change: &Change) -> Result<Moment, Error> {
        let Change { mask, direction, bits, bias } = *change;
        if mask == 0 {
            return Err(Error::InvalidRequest("the mask names no line".to_owned()));
        }
        if bits != 0 && direction != Some(Direction::Output) {
            return Err(Error::InvalidRequest("bits are for lines that become outputs".to_owned()));
        }
        let indices = self.checked(session, mask, bits)?;
        let mut changes = Vec::new();
        for i in ones(mask) {
            let line = indices[i];
            let now = *self.pins.config(line);
            if direction.is_some() && !matches!(self.wiring.line(line).config.kind, Kind::Both(_)) {
                let line = self.session(session)?.lines[i].name.clone();
                let is = if now.direction == Direction::Input {
                    "configured as an input"
                } else {
                    "configured as an output"
                };
                return Err(Error::WrongDirection { line, is, wanted: "both" });
            }
            let value = match direction {
                Some(Direction::Output) => Value::from_bit(bits >> i & 1 == 1),
                Some(Direction::Input) | None => now.value,
            };
            let direction = direction.unwrap_or(now.direction);
            changes.push((line, LineConfig { direction, value, bias: bias.or(now.bias), ..now }));
        }
        self.configure(&changes)
    }
}

impl Hold {
    /// Reads lines; mask 0 is all.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::Hardware`].
    pub fn read(&self, mask: u64) -> Result<Values, Error> {
        let mut state = self.broker.lock();
        let indices = state.checked(self.session, mask, 0)?;
        let mask = if mask == 0 { known_mask(indices.len()) } else { mask };
        Ok(state.pins.read(&indices, mask)?)
    }

    /// Sets outputs, all or none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::WrongDirection`], [`Error::ProgramRunning`], [`Error::Hardware`].
    pub fn write(&self, mask: u64, bits: u64) -> Result<Moment, Error> {
        let mut state = self.broker.lock();
        state.idle(self.session, mask)?;
        state.session_write(self.session, mask, bits)
    }

    /// Changes lines, all or none.
    ///
    /// # Errors
    /// As [`Hold::write`].
    pub fn configure(&self, change: &Change) -> Result<Moment, Error> {
        let mut state = self.broker.lock();
        state.idle(self.session, change.mask)?;
        state.session_configure(self.session, change)
    }

    /// Watches lines of the session.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn watch(&self, mask: u64, filter: EdgeFilter) -> Result<Watch, Error> {
        if mask == 0 {
            return Err(Error::InvalidRequest("the mask names no line".to_owned()));
        }
        let all = self.broker.lock().checked(self.session, mask, 0)?;
        let watched: Vec<(u8, LineIndex)> =
            (0..).zip(all.iter()).filter(|(i, _)| mask >> i & 1 == 1).map(|(i, line)| (i, *line)).collect();
        self.broker.watch_lines(&watched, &all, filter)
    }

    /// Checks a program whole and reserves its lines for it.
    ///
    /// # Errors
    /// [`Error::InvalidProgram`], [`Error::ProgramRunning`], [`Error::LimitReached`], [`Error::Hardware`].
    pub fn begin_program(&self, steps: &[Step]) -> Result<ProgramHold, Error> {
        let limits = *self.broker.limits();
        let mask = steps.iter().fold(0, |mask, step| mask | step.mask());
        let edges = steps.iter().fold(0, |mask, step| mask | step.edge_mask());
        {
            let mut state = self.broker.lock();
            let session = state.session(self.session)?;
            let indices = Arc::clone(&session.indices);
            let kinds: Vec<Kind> = session.lines.iter().map(|line| line.kind).collect();
            if session.programs >= limits.programs {
                return Err(Error::LimitReached { limit: "limits.programs", max: limits.programs.into() });
            }
            let shapes: Vec<Shape> = kinds
                .iter()
                .zip(indices.iter())
                .map(|(kind, line)| Shape { kind: *kind, now: state.pins.config(*line).direction })
                .collect();
            program::check(steps, &shapes, &limits)
                .map_err(|mistake| Error::InvalidProgram { step: mistake.step, reason: mistake.reason })?;
            state.idle(self.session, mask)?;
        }
        let watch = if edges == 0 { None } else { Some(self.watch(edges, EdgeFilter::Both)?) };
        let mut state = self.broker.lock();
        let session = state.session(self.session)?;
        session.busy |= mask;
        session.programs += 1;
        Ok(ProgramHold { broker: Arc::clone(&self.broker), session: self.session, mask, watch })
    }

    /// Ends the session from the daemon's side: its lines are let go now, its holder is told why.
    pub fn expire(broker: &Broker, hold: SessionHandle, why: Error) {
        if let Some(session) = broker.lock().sessions.get_mut(&hold.0) {
            session.end(why);
        }
        broker.let_go(hold.0);
    }

    /// Names the session without keeping it.
    pub fn handle(&self) -> SessionHandle {
        SessionHandle(self.session)
    }
}

/// Names a session without keeping it.
#[derive(Clone, Copy, Debug)]
pub struct SessionHandle(SessionId);

impl Drop for Hold {
    fn drop(&mut self) {
        self.broker.let_go(self.session);
    }
}

/// The lines of a running program, refused to other commands of its session. Dropping it ends that.
#[derive(Debug)]
pub struct ProgramHold {
    broker: Arc<Broker>,
    session: SessionId,
    mask: u64,
    /// The edges that its steps listen to; `None` when none does.
    pub watch: Option<Watch>,
}

impl ProgramHold {
    /// Sets outputs.
    ///
    /// # Errors
    /// [`Error::SessionEnded`], [`Error::Hardware`].
    pub fn set(&self, mask: u64, bits: u64) -> Result<Moment, Error> {
        self.broker.lock().session_write(self.session, mask, bits)
    }

    /// Changes direction.
    ///
    /// # Errors
    /// [`Error::SessionEnded`], [`Error::Hardware`].
    pub fn direction(&self, mask: u64, direction: Direction, bits: u64) -> Result<Moment, Error> {
        let change = Change { mask, direction: Some(direction), bits, bias: None };
        self.broker.lock().session_configure(self.session, &change)
    }

    /// The present values of all lines of the session.
    ///
    /// # Errors
    /// [`Error::SessionEnded`], [`Error::Hardware`].
    pub fn values(&self) -> Result<Values, Error> {
        let mut state = self.broker.lock();
        let indices = state.checked(self.session, 0, 0)?;
        Ok(state.pins.read(&indices, known_mask(indices.len()))?)
    }
}

impl Drop for ProgramHold {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        if let Some(session) = state.sessions.get_mut(&self.session) {
            session.busy &= !self.mask;
            session.programs -= 1;
        }
    }
}
