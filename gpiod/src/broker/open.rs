//! Opening a session: which lines a client wants, and whether it may have them, all or none.

use super::rights::{Rights, permit};
use super::session::{Session, SessionEnd, SessionLine};
use super::usage::{Resource, Usage};
use super::{Broker, Hold, Scope, SessionId, State};
use crate::clock;
use crate::config::Kind;
use crate::error::Error;
use crate::holder::{Caller, Holder};
use crate::line::{Direction, LineConfig, Value, Values, known_mask};
use crate::log_keys as keys;
use crate::operations::{Operation, Operations};
use crate::program::{self, Shape, Step};
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

impl Broker {
    /// Holds lines for a client, all or none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::NotPermitted`], [`Error::LineHeld`],
    /// [`Error::WrongDirection`], [`Error::LimitReached`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn open(self: &Arc<Self>, request: OpenRequest) -> Result<(Hold, SessionEnd), Error> {
        self.open_if(request, |_, _, _| Ok(()))
    }

    /// Holds lines for a program, if it can be run on them. A program that can not moves nothing.
    ///
    /// # Errors
    /// [`Error::InvalidProgram`], and those of [`Broker::open`].
    pub fn open_for_program(
        self: &Arc<Self>,
        request: OpenRequest,
        steps: &[Step],
    ) -> Result<(Hold, SessionEnd), Error> {
        let scope = request.scope;
        let names: Vec<String> = request.lines.iter().map(|line| line.name.clone()).collect();
        self.open_if(request, |usage, shapes, rights| {
            let checked = program::check(steps, shapes, &self.limits);
            checked.map_err(|mistake| Error::InvalidProgram(mistake.0))?;
            let name = |line: usize| names[line].as_str();
            rights.may(known_mask(names.len()), Operation::Program, name)?;
            rights.may_run(steps, name)?;
            usage.has_room(scope, Resource::Program, &self.limits)
        })
    }

    /// Holds lines if `fits` agrees, which is asked before anything moves.
    fn open_if(
        self: &Arc<Self>,
        request: OpenRequest,
        fits: impl FnOnce(&mut Usage, &[Shape], &Rights) -> Result<(), Error>,
    ) -> Result<(Hold, SessionEnd), Error> {
        let OpenRequest { scope, caller, client_name, lines: wanted } = request;
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        scope.may_drive()?;
        let names: Vec<&str> = wanted.iter().map(|line| line.name.as_str()).collect();
        let indices: Arc<[LineIndex]> = scope.resolve(&state.wiring, &names)?.into();
        let mut changes = Vec::new();
        let mut lines = Vec::with_capacity(wanted.len());
        let mut shapes = Vec::with_capacity(wanted.len());
        let may = indices.iter().map(|line| scope.operations(&state.wiring, *line)).collect::<Vec<_>>();
        for ((line, wanted), may) in indices.iter().zip(&wanted).zip(&may) {
            let kind = state.may_hold(*line, wanted, *may)?;
            let change = state.at_open(*line, kind, wanted.initial);
            let now = change.as_ref().unwrap_or(state.pins.config(*line)).direction;
            shapes.push(Shape { kind, now });
            changes.extend(change.map(|config| (*line, config)));
            lines.push(SessionLine { name: wanted.name.clone(), kind });
        }
        let rights = Rights::of(may);
        fits(&mut state.usage, &shapes, &rights)?;
        state.usage.take(scope, Resource::Session, &self.limits)?;
        let first = match state.take(&changes, &indices, rights.mask(Operation::Read)) {
            Ok(first) => first,
            Err(error) => {
                state.usage.give_back(scope, Resource::Session);
                let moved: Vec<LineIndex> = changes.iter().map(|(line, _)| *line).collect();
                state.release(&moved);
                return Err(error);
            }
        };
        let session = SessionId(state.new_id());
        for line in indices.iter() {
            let exclusive = state.wiring.line(*line).config.kind != Kind::Input;
            let line = &mut state.lines[line.0];
            line.adopted = false;
            if exclusive {
                line.holder = Some(session);
            }
        }
        let group = scope.name(&state.wiring).to_owned();
        let holder = Holder { name: client_name, group, caller, since_ns: clock::now_ns() };
        tracing::info!(
            { keys::GROUP } = holder.group,
            { keys::CLIENT } = holder.name,
            { keys::UID } = caller.uid,
            { keys::PID } = caller.pid,
            { keys::LINES } = names.join(","),
            "lines held"
        );
        let (end, ended) = oneshot::channel();
        let kept = Session { holder, scope, lines, indices, rights, busy: 0, end: Some(end) };
        state.sessions.insert(session, kept);
        Ok((Hold { broker: Arc::clone(self), session, scope, first }, ended))
    }
}

impl State {
    /// Checks that a line may be held as wanted; answers what the session may then do with it.
    fn may_hold(&self, line: LineIndex, wanted: &WantedLine, may: Operations) -> Result<Kind, Error> {
        let wrong =
            |is, wanted_as| Err(Error::WrongDirection { line: wanted.name.clone(), is, wanted: wanted_as });
        let configured = self.wiring.line(line).config.kind;
        let kind = match (configured, wanted.direction) {
            // Who does not say is given all that is allowed.
            (Kind::Both(_), None) if !may.has(Operation::Drive) => Kind::Input,
            (kind, None)
            | (kind @ Kind::Input, Some(WantedDirection::Input))
            | (kind @ Kind::Output(_), Some(WantedDirection::Output))
            | (kind @ Kind::Both(_), Some(WantedDirection::Both)) => kind,
            (Kind::Both(_), Some(WantedDirection::Input)) => Kind::Input,
            (Kind::Both(driven), Some(WantedDirection::Output)) => Kind::Output(driven),
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
        };
        if wanted.initial.is_some() && kind == Kind::Input {
            return wrong("an input", "an output, as an initial value needs");
        }
        if kind != Kind::Input {
            permit(&wanted.name, may, Operation::Drive)?;
        } else if self.pins.config(line).direction == Direction::Output {
            // To hold it as an input would turn it.
            permit(&wanted.name, may, Operation::Configure)?;
        }
        match self.holder(line) {
            Some(holder) => Err(Error::LineHeld { line: wanted.name.clone(), holder: holder.clone() }),
            None => Ok(kind),
        }
    }

    /// What must change of a line when it is opened as `kind`, if anything: an output drives from the first moment.
    fn at_open(&self, line: LineIndex, kind: Kind, initial: Option<Value>) -> Option<LineConfig> {
        let now = self.pins.config(line);
        let output = |value| LineConfig { direction: Direction::Output, value, ..*now };
        let new = match (initial, kind) {
            (Some(value), _) => output(value),
            (None, Kind::Output(_)) if now.direction == Direction::Input => output(Value::Inactive),
            (None, Kind::Input) => LineConfig { direction: Direction::Input, ..*now },
            (None, Kind::Output(_) | Kind::Both(_)) => *now,
        };
        (new != *now).then_some(new)
    }

    /// Makes the changes and reads the lines of the mask.
    fn take(
        &mut self,
        changes: &[(LineIndex, LineConfig)],
        lines: &[LineIndex],
        mask: u64,
    ) -> Result<Values, Error> {
        if !changes.is_empty() {
            self.configure(changes)?;
        }
        Ok(self.pins.read(lines, mask)?)
    }
}
