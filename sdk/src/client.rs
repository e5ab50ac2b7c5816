//! The client: one connection to one socket of the daemon, shared by its clones.

pub(crate) mod builder;

use crate::client::builder::ClientBuilder;
use crate::error::Error;
use crate::line::Lines;
use crate::line::name::Assignment;
use crate::program::{LineUse, Program, ProgramResult};
use crate::session::builder::SessionBuilder;
use crate::values::Values;
use crate::watch::builder::WatchBuilder;
use std::path::{Path, PathBuf};

/// A connection to one socket of the daemon. Its clones share the connection.
///
/// When the connection breaks, the next call makes a new one, by the socket's path.
#[derive(Clone, Debug)]
pub struct Client {}

impl Client {
    /// Connects to the socket that [`Client::builder`] finds, under the name of this executable.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    pub async fn connect() -> Result<Self, Error> {
        Self::builder().connect().await
    }

    /// Asks for the socket at that path, wherever it is.
    pub fn at(socket: impl Into<PathBuf>) -> ClientBuilder {
        Self::builder().socket(socket)
    }

    /// Asks for a connection step by step.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// What this client calls itself.
    pub fn name(&self) -> &str {
        ""
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        Path::new("")
    }

    /// All lines of the socket, who holds them, and what stands behind them.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], [`Error::Away`].
    pub async fn lines(&self) -> Result<Lines, Error> {
        Err(Error::Closed)
    }

    /// Reads several lines at one moment, held or not.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `LineNotFound`, `InvalidRequest` or `Hardware`; [`Error::Away`];
    /// [`Error::Invalid`] for no line, more than 64, or one twice.
    pub async fn read(&self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Values, Error> {
        Err(Error::Closed)
    }

    /// Sets several free lines whose configuration says `one_shot`, all or none; the values stay. Returns when it
    /// was done: CLOCK_MONOTONIC of the node, ns; the true moment is not later.
    ///
    /// # Errors
    ///
    /// As [`read`](Client::read); also [`Error::Refused`] with `NotPermitted`, `LineHeld` or `WrongDirection`, and [`Error::ForeignHandle`] for a session's handle.
    pub async fn write(&self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Result<u64, Error> {
        Err(Error::Closed)
    }

    /// Watches several lines, held or not: [`open`](WatchBuilder::open) it.
    pub fn watch(&self, names: impl IntoIterator<Item = impl Into<String>>) -> WatchBuilder {
        todo!()
    }

    /// Holds lines for a while: [`open`](SessionBuilder::open) it.
    pub fn session(&self) -> SessionBuilder {
        todo!()
    }

    /// Holds free lines, runs a program on them and lets them go. The program names lines by their names.
    ///
    /// # Errors
    ///
    /// As [`SessionBuilder::open`] and [`Session::program`](crate::Session::program).
    pub async fn run_program(
        &self,
        lines: impl IntoIterator<Item = impl Into<LineUse>>,
        program: &Program,
    ) -> Result<ProgramResult, Error> {
        Err(Error::Closed)
    }
}
