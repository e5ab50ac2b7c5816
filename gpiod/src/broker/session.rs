//! Sessions as the broker keeps them: what may be done with which of their lines, and how they end.

use super::rights::Rights;
use super::usage::Resource;
use super::{Broker, Change, Scope, SessionId, State};
use crate::audit::Drove;
use crate::config::Kind;
use crate::error::Error;
use crate::holder::Holder;
use crate::line::{Direction, LineConfig, Moment, Value, known_mask, ones};
use crate::operations::Operation;
use crate::token::Token;
use crate::wiring::LineIndex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A session as the broker keeps it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) holder: Holder,
    pub(super) scope: Scope,
    pub(super) lines: Vec<SessionLine>,
    pub(super) indices: Arc<[LineIndex]>,
    /// What it may do with them.
    pub(super) rights: Rights,
    /// Lines on which programs of this session run.
    pub(super) busy: u64,
    /// What it drove since the audit last told that.
    pub(super) drove: Drove,
    /// What its client comes back with; without one it does not.
    pub(super) token: Option<Token>,
    /// Whether it is waited for because the daemon was started anew.
    pub(super) after_restart: bool,
    /// How its client is told of the end; `None` when it was told, or is away.
    pub(super) end: Option<oneshot::Sender<Error>>,
}

#[derive(Debug)]
pub(super) struct SessionLine {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Session {
    /// Tells the holder that the session is over. What its lines do is not decided here.
    pub(super) fn end(&mut self, why: Error) {
        if let Some(end) = self.end.take() {
            let _ = end.send(why);
        }
    }

    /// Checks that a mask is of its lines, and bits of the mask.
    pub(super) fn refers(&self, mask: u64, bits: u64) -> Result<(), Error> {
        let count = self.lines.len();
        if mask & !known_mask(count) != 0 {
            let text = format!("the mask names more than the session's {count} lines");
            return Err(Error::InvalidRequest(text));
        }
        if bits & !mask != 0 {
            return Err(Error::InvalidRequest("bits outside of the mask must be 0".to_owned()));
        }
        Ok(())
    }
}

/// Tells a holder that the daemon ended its session, and why.
pub type SessionEnd = oneshot::Receiver<Error>;

/// Why lines are let go, or their holder is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The client ended its session.
    Ended,
    /// Its connection broke: it crashed, was killed, or gave up.
    Broken,
    /// It was not heard for longer than its watchdog allows.
    Watchdog,
    /// It was away and did not come back in time.
    NotBack,
    /// The administrator let go of them.
    Released,
    /// The configuration was changed.
    Reconfigured,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ended, Self::Broken, Self::Watchdog, Self::NotBack, Self::Released, Self::Reconfigured];

    /// How it is told.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Broken => "broken",
            Self::Watchdog => "watchdog",
            Self::NotBack => "not_back",
            Self::Released => "released",
            Self::Reconfigured => "reconfigured",
        }
    }
}

impl Broker {
    /// Ends a session that was not heard for so many ms: its lines are let go, now or after the grace, its holder is told
    /// why.
    pub fn expire(&self, session: SessionId, after_ms: u64) {
        let mut state = self.lock();
        let kept = state.kept_for(session);
        if let Some(session) = state.sessions.get_mut(&session) {
            session.end(Error::WatchdogExpired { after_ms, kept });
        }
        drop(state);
        self.left(session, Cause::Watchdog);
    }

    /// Lets the lines of a session go.
    pub(super) fn let_go(&self, session: SessionId, cause: Cause) {
        let mut state = self.lock();
        let Some(session) = state.remove(session, cause) else { return };
        let stopping = state.stopping;
        drop(state);
        // What was held when the daemon was told to stop is the next daemon's affair.
        if session.token.is_some() && !stopping {
            self.save();
        }
    }
}

impl State {
    /// Takes a session away, and lets its lines go. What is written down is the caller's to do.
    pub(super) fn remove(&mut self, id: SessionId, cause: Cause) -> Option<Session> {
        let held = self.held_by(id);
        let mut session = self.sessions.remove(&id)?;
        self.usage.give_back(session.scope, Resource::Session);
        // Inputs are nobody's alone, and nothing about them is a session's to change.
        for line in &held {
            self.lines[line.0].holder = None;
        }
        // What it could not change is as it was.
        let touched = session.rights.mask(Operation::Drive) | session.rights.mask(Operation::Configure);
        let own = (0..).zip(session.indices.iter()).filter(|(position, _)| touched >> position & 1_u64 == 1);
        let own: Vec<LineIndex> = own.map(|(_, line)| *line).filter(|line| held.contains(line)).collect();
        self.release(&own);
        self.tell_released(&mut session, cause);
        Some(session)
    }

    pub(super) fn session(&mut self, session: SessionId) -> Result<&mut Session, Error> {
        match self.sessions.get_mut(&session) {
            Some(session) => Ok(session),
            None => Err(Error::SessionEnded),
        }
    }

    /// Checks a mask of a session's lines and answers which lines they are.
    pub(super) fn checked(
        &mut self,
        session: SessionId,
        mask: u64,
        bits: u64,
    ) -> Result<Arc<[LineIndex]>, Error> {
        let session = self.session(session)?;
        session.refers(mask, bits)?;
        Ok(Arc::clone(&session.indices))
    }

    /// Checks that no program of the session runs on these lines.
    pub(super) fn idle(&self, session: SessionId, mask: u64) -> Result<(), Error> {
        let Some(session) = self.sessions.get(&session) else { return Err(Error::SessionEnded) };
        match ones(mask & session.busy).next() {
            Some(i) => Err(Error::ProgramRunning { line: session.lines[i].name.clone() }),
            None => Ok(()),
        }
    }

    /// Checks that a session may set lines now: its own, outputs, that no program of it uses.
    #[inline]
    pub(super) fn may_write(&self, session: SessionId, mask: u64, bits: u64) -> Result<(), Error> {
        let Some(known) = self.sessions.get(&session) else { return Err(Error::SessionEnded) };
        // Hardly ever; who may not, is told why.
        if mask & (known.busy | !known.rights.mask(Operation::Drive)) != 0 {
            self.idle(session, mask)?;
            self.may(session, mask, Operation::Drive)?;
        }
        self.settable(known, mask, bits)
    }

    /// Checks that lines of a session are outputs now.
    #[inline]
    fn settable(&self, session: &Session, mask: u64, bits: u64) -> Result<(), Error> {
        if mask == 0 {
            return Err(Error::InvalidRequest("the mask names no line".to_owned()));
        }
        session.refers(mask, bits)?;
        let is_input = |i: &usize| self.pins.config(session.indices[*i]).direction == Direction::Input;
        let Some(i) = ones(mask).find(is_input) else { return Ok(()) };
        let line = &session.lines[i];
        let configured = self.wiring.line(session.indices[i]).config.kind;
        let is = fixed_as(line.kind, configured).unwrap_or("an input now");
        Err(Error::WrongDirection { line: line.name.clone(), is, wanted: "an output" })
    }

    /// Sets lines of a session, which are `indices`, for a program of it.
    pub(super) fn session_write(
        &mut self,
        session: SessionId,
        indices: &[LineIndex],
        mask: u64,
        bits: u64,
    ) -> Result<Moment, Error> {
        let Some(known) = self.sessions.get(&session) else { return Err(Error::SessionEnded) };
        self.settable(known, mask, bits)?;
        let moment = self.write(indices, mask, bits)?;
        self.drives(session, |drove| drove.wrote(mask, moment.timestamp_ns));
        Ok(moment)
    }

    pub(super) fn session_configure(&mut self, session: SessionId, change: &Change) -> Result<Moment, Error> {
        let Change { mask, direction, bits, bias } = *change;
        if mask == 0 {
            return Err(Error::InvalidRequest("the mask names no line".to_owned()));
        }
        if bits != 0 && direction != Some(Direction::Output) {
            return Err(Error::InvalidRequest("bits are for lines that become outputs".to_owned()));
        }
        let indices = self.checked(session, mask, bits)?;
        if bias.is_some() {
            self.may_change_bias(session, &indices, mask)?;
        }
        let mut changes = Vec::new();
        for i in ones(mask) {
            let line = indices[i];
            let now = *self.pins.config(line);
            let configured = self.wiring.line(line).config.kind;
            let held = &self.session(session)?.lines[i];
            let is = fixed_as(held.kind, configured);
            if let (Some(_), Some(is)) = (direction, is) {
                return Err(Error::WrongDirection { line: held.name.clone(), is, wanted: "both" });
            }
            let value = match direction {
                Some(Direction::Output) => Value::from_bit(bits >> i & 1 == 1),
                Some(Direction::Input) | None => now.value,
            };
            let direction = direction.unwrap_or(now.direction);
            changes.push((line, LineConfig { direction, value, bias: bias.or(now.bias), ..now }));
        }
        let moment = self.configure(&changes)?;
        self.drives(session, |drove| drove.configured(mask, moment.timestamp_ns));
        Ok(moment)
    }

    /// A session's pull must go back to something when it ends, and may be nobody else's.
    fn may_change_bias(&mut self, session: SessionId, indices: &[LineIndex], mask: u64) -> Result<(), Error> {
        for i in ones(mask) {
            let config = &self.wiring.line(indices[i]).config;
            let (input, fixed) = (config.kind == Kind::Input, config.bias.is_none());
            let line = &self.session(session)?.lines[i].name;
            if input {
                let reason = format!(
                    "line {line:?} is an input, which others may share: its bias is the configuration's"
                );
                return Err(Error::NotPermitted(reason));
            }
            if fixed {
                let reason = format!(
                    "line {line:?} has no bias in the configuration to go back to: it can not be changed"
                );
                return Err(Error::NotPermitted(reason));
            }
        }
        Ok(())
    }
}

/// In which direction a session's line is fixed, if it is: by the configuration, or by what it was opened as.
fn fixed_as(held: Kind, configured: Kind) -> Option<&'static str> {
    match (held, configured) {
        (Kind::Both(_), _) => None,
        (Kind::Input, Kind::Input) => Some("configured as an input"),
        (Kind::Input, _) => Some("held as an input"),
        (Kind::Output(_), Kind::Output(_)) => Some("configured as an output"),
        (Kind::Output(_), _) => Some("held as an output"),
    }
}
