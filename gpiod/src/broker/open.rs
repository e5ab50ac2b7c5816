//! Opening a session: which lines a client wants, and whether it may have them, all or none.

use super::away::Predecessor;
use super::rights::{Rights, permit};
use super::session::{Session, SessionEnd, SessionLine};
use super::usage::{Resource, Usage};
use super::{Broker, Command, Hold, Scope, SessionId, State};
use crate::audit::Drove;
use crate::clock;
use crate::config::Kind;
use crate::error::Error;
use crate::holder::{Caller, Holder};
use crate::line::{Direction, LineConfig, Value, Values, known_mask};
use crate::operations::{Operation, Operations};
use crate::program::{self, Shape, Step};
use crate::token::Token;
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
    /// The token of the session that it means to go on with.
    pub token: Option<Token>,
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
        self.open_if(request, Token::random(), |_, _, _| Ok(()))
    }

    /// Holds lines for a program, if it can be run on them. A program that can not moves nothing. Nobody comes back to
    /// it: it ends with its call.
    ///
    /// # Errors
    /// [`Error::InvalidProgram`], [`Error::BeyondLimit`], and those of [`Broker::open`].
    pub fn open_for_program(
        self: &Arc<Self>,
        request: OpenRequest,
        steps: &[Step],
    ) -> Result<(Hold, SessionEnd), Error> {
        let scope = request.scope;
        let names: Vec<String> = request.lines.iter().map(|line| line.name.clone()).collect();
        self.open_if(request, None, |usage, shapes, rights| {
            let name = |line: usize| names[line].as_str();
            let checked = program::check(steps, shapes, name, &self.limits);
            checked.map_err(|mistake| usage.refused(mistake))?;
            rights.may(known_mask(names.len()), Operation::Program, name)?;
            rights.may_run(steps, name)?;
            usage.has_room(scope, Resource::Program, &self.limits)
        })
    }

    /// Holds lines if `fits` agrees, which is asked before anything moves.
    fn open_if(
        self: &Arc<Self>,
        request: OpenRequest,
        new_token: Option<Token>,
        fits: impl FnOnce(&mut Usage, &[Shape], &Rights) -> Result<(), Error>,
    ) -> Result<(Hold, SessionEnd), Error> {
        let OpenRequest { scope, caller, client_name, lines: wanted, token } = request;
        let mut state = self.lock();
        let asked = if new_token.is_some() { Command::Open } else { Command::Program };
        state.counts.command(scope, asked);
        if state.stopping {
            return Err(Error::Stopping);
        }
        scope.may_drive()?;
        state.admit(scope, caller)?;
        let names: Vec<&str> = wanted.iter().map(|line| line.name.as_str()).collect();
        let predecessor = state.predecessor(scope, token, &scope.resolve(&state.wiring, &names)?)?;
        let (indices, lines) = state.resolve(scope, &wanted, predecessor.session())?;
        let mut changes = Vec::new();
        let mut shapes = Vec::with_capacity(wanted.len());
        for ((line, wanted), SessionLine { kind, .. }) in indices.iter().zip(&wanted).zip(&lines) {
            let change = state.at_open(*line, *kind, wanted.initial, predecessor);
            let now = change.as_ref().unwrap_or(state.pins.config(*line)).direction;
            shapes.push(Shape { kind: *kind, now });
            changes.extend(change.map(|config| (*line, config)));
        }
        let rights = state.rights(scope, &indices);
        fits(&mut state.usage, &shapes, &rights)?;
        if predecessor == Predecessor::None {
            state.usage.take(scope, Resource::Session, &self.limits)?;
        }
        let first = match state.take(&changes, &indices, rights.mask(Operation::Read)) {
            Ok(first) => first,
            // What a predecessor holds is still its own, to be released when its time is over.
            Err(error) if predecessor != Predecessor::None => return Err(error),
            Err(error) => {
                state.usage.give_back(scope, Resource::Session);
                let moved: Vec<LineIndex> = changes.iter().map(|(line, _)| *line).collect();
                state.release(&moved);
                return Err(error);
            }
        };
        // Whoever drives such a line from now on relies on the guardian.
        if let Some(guardian) = indices.iter().find_map(|line| state.wiring.line(*line).guardian.as_ref()) {
            guardian.ask();
        }
        // Whatever is left of its stream finds no session any more, and so lets nothing go.
        let before = predecessor.session().and_then(|session| state.replaced(session));
        let resumed = matches!(predecessor, Predecessor::Own(_));
        let token = if resumed { token } else { new_token };
        let group = scope.name(&state.wiring).to_owned();
        let since_ns = before.filter(|_| resumed).map_or_else(clock::now_ns, |before| before.holder.since_ns);
        let tenant = state.tenant(scope);
        let holder = Holder { name: client_name, group, caller, tenant, since_ns, away_until_ns: None };
        let (end, ended) = oneshot::channel();
        let own = Arc::clone(&indices);
        let session = state.enter(Session {
            holder,
            scope,
            lines,
            indices,
            rights,
            busy: 0,
            drove: Drove::default(),
            token,
            after_restart: false,
            end: Some(end),
        });
        state.tell_held(session, predecessor.said());
        drop(state);
        if token.is_some() || predecessor != Predecessor::None {
            self.save();
        }
        let broker = Arc::clone(self);
        Ok((Hold { broker, session, scope, indices: own, first, token, resumed }, ended))
    }
}

impl State {
    /// Finds lines and checks that they may be held as wanted, by whoever takes the place of `predecessor`.
    pub(super) fn resolve(
        &self,
        scope: Scope,
        wanted: &[WantedLine],
        predecessor: Option<SessionId>,
    ) -> Result<(Arc<[LineIndex]>, Vec<SessionLine>), Error> {
        let names: Vec<&str> = wanted.iter().map(|line| line.name.as_str()).collect();
        let indices = scope.resolve(&self.wiring, &names)?;
        let lines = indices.iter().zip(wanted).map(|(line, wanted)| {
            let kind = self.may_hold(*line, wanted, scope.operations(&self.wiring, *line), predecessor)?;
            Ok(SessionLine { name: wanted.name.clone(), kind })
        });
        let lines = lines.collect::<Result<_, Error>>()?;
        Ok((indices.into(), lines))
    }

    /// Enters a session: outputs are its own from now on.
    pub(super) fn enter(&mut self, session: Session) -> SessionId {
        let id = SessionId(self.new_id());
        for line in session.indices.iter() {
            let exclusive = self.wiring.line(*line).config.kind != Kind::Input;
            if exclusive {
                self.lines[line.0].holder = Some(id);
            }
        }
        self.claimed(&session.indices);
        self.sessions.insert(id, session);
        id
    }

    /// Checks that a line may be held as wanted; answers what the session may then do with it.
    fn may_hold(
        &self,
        line: LineIndex,
        wanted: &WantedLine,
        may: Operations,
        predecessor: Option<SessionId>,
    ) -> Result<Kind, Error> {
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
            Some(holder) if self.lines[line.0].holder != predecessor => {
                Err(Error::LineHeld { line: wanted.name.clone(), holder: Box::new(holder.clone()) })
            }
            Some(_) | None => Ok(kind),
        }
    }

    /// What must change of a line when it is opened as `kind`, if anything: an output drives from the first moment.
    /// Who takes over from somebody else finds the configured pull again.
    fn at_open(
        &self,
        line: LineIndex,
        kind: Kind,
        initial: Option<Value>,
        predecessor: Predecessor,
    ) -> Option<LineConfig> {
        let now = self.pins.config(line);
        let mut base = *now;
        if matches!(predecessor, Predecessor::Away(_)) {
            base.bias = self.wiring.line(line).config.bias;
        }
        let output = |value| LineConfig { direction: Direction::Output, value, ..base };
        let new = match (initial, kind) {
            (Some(value), _) => output(value),
            (None, Kind::Output(_)) if now.direction == Direction::Input => output(Value::Inactive),
            (None, Kind::Input) => LineConfig { direction: Direction::Input, ..base },
            (None, Kind::Output(_) | Kind::Both(_)) => base,
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
