//! A hold: what a session's holder does with its lines.

use super::session::Cause;
use super::{Broker, Command, Scope, SessionId, Turn, Watch, WatchRequest};
use crate::config::Limits;
use crate::error::Error;
use crate::line::{Bias, Direction, Moment, Values};
use crate::operations::Operation;
use crate::token::Token;
use crate::wiring::LineIndex;
use std::sync::Arc;

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
        Turn::begin(self)
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

impl Drop for Hold {
    fn drop(&mut self) {
        self.broker.left(self.session, Cause::Broken);
    }
}
