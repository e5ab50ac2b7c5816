//! A hold: what a session's holder does with its lines.

use super::session::Cause;
use super::{Broker, Command, Scope, SessionId, State, Watch, WatchRequest};
use crate::config::Limits;
use crate::error::Error;
use crate::line::{Bias, Direction, Moment, Values};
use crate::operations::Operation;
use crate::token::Token;
use crate::wiring::LineIndex;
use std::sync::{Arc, MutexGuard};

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

/// Lines that a client holds. Dropping it says that the client has gone: they are let go, at once or after the group's
/// grace, and do what their configuration says. [`Hold::end`] lets them go at once.
#[derive(Debug)]
pub struct Hold {
    pub(super) broker: Arc<Broker>,
    pub(super) session: SessionId,
    pub(super) scope: Scope,
    /// Which lines they are; a session has the same ones for as long as it lives.
    pub(super) indices: Arc<[LineIndex]>,
    /// The values of the lines when they were taken.
    pub first: Values,
    /// What its client can come back with.
    pub token: Option<Token>,
    /// Whether it goes on with the session of the client's token.
    pub resumed: bool,
}

impl Hold {
    /// A turn for reads and writes.
    pub fn turn(&self) -> Turn<'_> {
        Turn { state: self.broker.lock(), hold: self, operations: 0, begun_ns: 0, last_ns: 0 }
    }

    /// Changes lines, all or none.
    ///
    /// # Errors
    /// As [`Turn::write`].
    pub fn configure(&self, change: &Change) -> Result<Moment, Error> {
        let mut state = self.broker.lock();
        state.counts.command(self.scope, Command::Configure);
        state.idle(self.session, change.mask)?;
        state.may(self.session, change.mask, Operation::Configure)?;
        if change.direction == Some(Direction::Output) {
            state.may(self.session, change.mask, Operation::Drive)?;
        }
        state.session_configure(self.session, change)
    }

    /// Watches lines of the session.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::NotPermitted`], [`Error::LimitReached`], [`Error::Stopping`],
    /// [`Error::Hardware`].
    pub fn watch(&self, mask: u64, request: WatchRequest) -> Result<Watch, Error> {
        let mut state = self.broker.lock();
        state.counts.command(self.scope, Command::Watch);
        if mask == 0 {
            return Err(Error::InvalidRequest("the mask names no line".to_owned()));
        }
        state.may(self.session, mask, Operation::Watch)?;
        drop(state);
        self.watch_as(Some(self.scope), mask, request)
    }

    pub(super) fn watch_as(
        &self,
        scope: Option<Scope>,
        mask: u64,
        request: WatchRequest,
    ) -> Result<Watch, Error> {
        let all = self.broker.lock().checked(self.session, mask, 0)?;
        let watched: Vec<(u8, LineIndex)> =
            (0..).zip(all.iter()).filter(|(i, _)| mask >> i & 1 == 1).map(|(i, line)| (i, *line)).collect();
        self.broker.watch_lines(scope, &watched, &all, request)
    }

    /// Whether so many of something are within a limit of the session; else counts that it was reached.
    ///
    /// # Errors
    /// [`Error::LimitReached`].
    pub fn within(&self, limit: &'static str, count: usize, max: u32) -> Result<(), Error> {
        if count <= max as usize {
            return Ok(());
        }
        Err(self.broker.lock().usage.reached(limit, max))
    }

    /// Who keeps it.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        self.broker.limits()
    }

    /// Which session this is.
    pub fn session(&self) -> SessionId {
        self.session
    }
}

/// The broker's attention for a moment, for some operations of a holder: nobody else's come between.
#[derive(Debug)]
pub struct Turn<'a> {
    state: MutexGuard<'a, State>,
    hold: &'a Hold,
    operations: u32,
    /// When the first of them was done, and the last.
    begun_ns: u64,
    last_ns: u64,
}

impl Turn<'_> {
    /// Operations that are done in one turn at most, and for how long, so that others need not wait: those of a chip on a
    /// bus take far longer than those of the processor's own pins.
    const OPERATIONS: u32 = 64;
    const LASTS_NS: u64 = 50_000;

    /// Whether others are to have theirs before the next operation.
    pub fn is_over(&self) -> bool {
        self.operations >= Self::OPERATIONS || self.last_ns.saturating_sub(self.begun_ns) > Self::LASTS_NS
    }

    fn done(&mut self, when: Moment) {
        if self.operations == 0 {
            self.begun_ns = when.timestamp_ns;
        }
        self.operations += 1;
        self.last_ns = when.timestamp_ns;
    }

    /// Reads lines; mask 0 is all that may be read.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::NotPermitted`], [`Error::Hardware`].
    pub fn read(&mut self, mask: u64) -> Result<Values, Error> {
        let Hold { session, scope, indices, .. } = self.hold;
        self.state.counts.command(*scope, Command::Read);
        self.state.session(*session)?.refers(mask, 0)?;
        let mask = self.state.readable(*session, mask)?;
        let values = self.state.pins.read(indices, mask)?;
        self.done(values.read);
        Ok(values)
    }

    /// Sets outputs, all or none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::NotPermitted`], [`Error::WrongDirection`], [`Error::ProgramRunning`],
    /// [`Error::Hardware`].
    pub fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        let Hold { session, scope, indices, .. } = self.hold;
        self.state.counts.command(*scope, Command::Write);
        self.state.may_write(*session, mask)?;
        let moment = self.state.session_write(*session, indices, mask, bits)?;
        self.done(moment);
        Ok(moment)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.broker.left(self.session, Cause::Broken);
    }
}
