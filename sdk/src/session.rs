//! Sessions: lines held by this process, and the commands on them.

pub(crate) mod batch;
pub(crate) mod builder;
pub(crate) mod core;
pub(crate) mod handle;
pub(crate) mod notice;
pub(crate) mod task;

use crate::error::Error;
use crate::line::Direction;
use crate::line::name::{Assignment, LineRefs};
use crate::program::{Program, ProgramResult};
use crate::session::batch::Batch;
use crate::session::core::{Core, unexpected};
use crate::session::handle::{Both, Input, Output, SessionLine};
use crate::session::notice::Notice;
use crate::values::Values;
use crate::watch::builder::WatchBuilder;
use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use std::sync::Arc;

/// Lines that this process holds, until it is closed or dropped.
///
/// Commands may be sent while others are on their way (join their futures); the daemon does plain commands in the
/// order in which they were first polled. At most 256 are on their way, more wait. A command whose future is dropped
/// was sent all the same; a program runs on then, until the session is closed or dropped.
///
/// # When the daemon goes
///
/// The session re-opens by itself on the same lines, after 10 ms, then after twice as long each time up to 1 s.
/// Until then commands fail at once with [`Error::Away`]; a command that was on its way fails so too, and may have
/// been done or not. Outputs get no initial values when it re-opens, so nothing blinks. A line that somebody else
/// has taken meanwhile is waited for. [`Session::next_notice`] tells all that. The session ends for good
/// ([`Notice::Ended`]) when the daemon no longer has the lines or no longer allows them, and when its watchdog
/// expired.
///
/// Dropping a session lets its lines go as well, but nobody is told when; a program that is about to exit
/// should [`close`](Session::close) it, or the daemon may take it for a crash.
#[derive(Debug)]
pub struct Session {
    core: Arc<Core>,
    /// As what each line was opened, by position.
    directions: Vec<Option<Direction>>,
}

impl Session {
    pub(crate) fn new(core: Arc<Core>, directions: Vec<Option<Direction>>) -> Self {
        Self { core, directions }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The handle of an output.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLine`] where the session has no output of that name.
    pub fn output(&self, name: &str) -> Result<Output, Error> {
        self.line(name, Direction::Output).map(Output)
    }

    /// The handle of an input.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLine`] where the session has no input of that name.
    pub fn input(&self, name: &str) -> Result<Input, Error> {
        self.line(name, Direction::Input).map(Input)
    }

    /// The handle of a line that is driven and listened to in turn.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLine`] where the session has no such line of that name.
    pub fn both(&self, name: &str) -> Result<Both, Error> {
        self.line(name, Direction::Both).map(Both)
    }

    /// The values of all lines when the session was opened, or last re-opened.
    pub fn opened_with(&self) -> Values {
        self.core.opened_with()
    }

    /// Sets several lines in one command: all of them or, on a mistake, none. Returns when it was done:
    /// CLOCK_MONOTONIC of the node, ns; the true moment is not later.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for no line or one twice; [`Error::ForeignHandle`], [`Error::NoSuchLine`];
    /// [`Error::Refused`] with `WrongDirection`, `ProgramRunning` or `Hardware`; [`Error::Away`], [`Error::Closed`].
    pub async fn write(&self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Result<u64, Error> {
        let (mask, bits) = self.core.lines().mask_and_bits(values.into_iter().map(Into::into))?;
        self.core.done(Command::Write(v1::WriteCommand { mask, bits })).await
    }

    /// Reads several lines at one moment.
    ///
    /// # Errors
    ///
    /// As [`write`](Session::write).
    pub async fn read(&self, lines: impl Into<LineRefs>) -> Result<Values, Error> {
        let mask = self.core.lines().mask(&lines.into())?;
        self.core.read(mask).await
    }

    /// Reads all lines at one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `Hardware`; [`Error::Away`], [`Error::Closed`].
    pub async fn read_all(&self) -> Result<Values, Error> {
        self.core.read(self.core.lines().all()).await
    }

    /// Several reads and writes, done in order without anything in between.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Watches some of the session's lines: [`open`](WatchBuilder::open) it. It ends with the session or when it is dropped.
    pub fn watch(&self, lines: impl Into<LineRefs>) -> WatchBuilder {
        WatchBuilder::of_session(self.core.clone(), lines.into())
    }

    /// Runs a program on the session's lines; done when the program has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a duration of more than 64 bits of ns; [`Error::Refused`] with `InvalidProgram` or `BeyondLimit`;
    /// otherwise as [`write`](Session::write).
    pub async fn program(&self, program: &Program) -> Result<ProgramResult, Error> {
        let program = program.to_wire(self.core.lines())?;
        let answer = self.core.program(program).await?;
        let Answer::Program(result) = answer else { return Err(unexpected("a program")) };
        ProgramResult::from_wire(result, self.core.lines())
    }

    /// Feeds the watchdog and does nothing else. Every other command feeds it too; this library never does on its
    /// own, since a hung app is what a watchdog is for.
    ///
    /// # Errors
    ///
    /// [`Error::Away`], [`Error::Closed`], or what ended the session.
    pub async fn feed(&self) -> Result<(), Error> {
        self.core.done(Command::Feed(v1::FeedCommand {})).await.map(drop)
    }

    /// The next thing that happened to the session as a whole. Nothing is lost when this is cancelled or called
    /// late: what was not asked for is summed up, see [`Notice`].
    pub async fn next_notice(&self) -> Notice {
        self.core.notices.next().await
    }

    /// Ends the session cleanly; done when the daemon has let the lines go.
    ///
    /// Plain commands on their way (reads, writes, batches and such) are still done and answered. A program that
    /// still runs, because the future of its call was dropped, is not: the daemon drops it where it stands and lets
    /// its lines go with the others. Await a program that must come to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Away`] where the daemon is away: it lets go by its own rules. What ended the session, where it had
    /// ended before.
    pub async fn close(self) -> Result<(), Error> {
        // The task answers before it ends, unless the runtime itself is shutting down.
        self.core.close()?.await.unwrap_or(Err(Error::Closed))
    }

    fn line(&self, name: &str, wanted: Direction) -> Result<SessionLine, Error> {
        let mut lines = self.core.lines().names().iter().zip(&self.directions);
        match lines.position(|(line, direction)| **line == *name && *direction == Some(wanted)) {
            Some(position) => Ok(SessionLine::new(self.core.clone(), position)),
            None => Err(Error::NoSuchLine { line: name.to_owned(), wanted: Some(wanted) }),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Fails where it was closed or has ended before: then there is nothing to end.
        let _ = self.core.close();
    }
}
