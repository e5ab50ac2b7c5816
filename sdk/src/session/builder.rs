//! Which lines to hold, asked for step by step.

use crate::client::connection::Connection;
use crate::error::Error;
use crate::line::Value;
use crate::line::line_use::LineUse;
use crate::line::positions::Positions;
use crate::session::core::Core;
use crate::session::{Session, task};
use gpiod_proto::v1;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A session to be opened: from [`Client::session`](crate::Client::session).
#[derive(Clone, Debug)]
#[must_use = "nothing is held before `open`"]
pub struct SessionBuilder {
    connection: Connection,
    client_name: String,
    lines: Vec<LineUse>,
    watchdog: Duration,
}

impl SessionBuilder {
    pub(crate) fn new(connection: Connection, client_name: String) -> Self {
        Self { connection, client_name, lines: Vec::new(), watchdog: Duration::ZERO }
    }

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
        self.watchdog = timeout;
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
        /// Tells the sessions of this process apart, so that none takes another's handles.
        static SESSIONS: AtomicU64 = AtomicU64::new(0);

        let id = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let positions = Positions::new(self.lines.iter().map(|line| line.name.as_str()), Some(id))?;
        let Ok(watchdog_ns) = u64::try_from(self.watchdog.as_nanos()) else {
            return Err(Error::invalid(format!("a watchdog of {:?} is too long", self.watchdog)));
        };
        let mut command = v1::OpenCommand {
            lines: self.lines.iter().map(v1::SessionLine::from).collect(),
            client_name: self.client_name,
            watchdog_ns,
            resume_token: Vec::new(),
        };
        let opened = task::open(&self.connection, command.clone()).await?;
        // When it opens again, nothing may blink: the outputs stay as they are.
        command.resume_token.clone_from(&opened.token);
        for line in &mut command.lines {
            line.initial = v1::Value::Unspecified.into();
        }
        let core = Arc::new(Core::new(id, positions, opened.requests, opened.values));
        tokio::spawn(task::run(core.clone(), self.connection, command, opened.responses));
        let directions = self.lines.iter().map(|line| line.direction).collect();
        Ok(Session::new(core, directions))
    }

    fn line(mut self, line: LineUse) -> Self {
        self.lines.push(line);
        self
    }
}
