//! The client: one connection to one socket of the daemon, shared by its clones.

pub(crate) mod answers;
pub(crate) mod builder;
mod calls;
pub(crate) mod connection;
mod framing;
mod health;
pub(crate) mod methods;
mod outgoing;
pub(crate) mod requests;
pub(crate) mod socket;
pub(crate) mod transport;

use crate::client::builder::ClientBuilder;
use crate::client::connection::Connection;
use crate::error::Error;
use crate::line::Lines;
use crate::line::line_use::LineUse;
use crate::line::name::Assignment;
use crate::line::positions::Positions;
use crate::program::{Program, ProgramResult};
use crate::sample::builder::SampleBuilder;
use crate::session::builder::SessionBuilder;
use crate::values::Values;
use crate::watch::builder::WatchBuilder;
use gpiod_proto::v1;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A connection to one socket of the daemon. Its clones share the connection.
///
/// When the connection breaks, the next call makes a new one, by the socket's path.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Connection,
    socket: Arc<Path>,
    name: Arc<str>,
}

impl Client {
    pub(crate) fn new(connection: Connection, socket: &Path, name: &str) -> Self {
        Self { connection, socket: socket.into(), name: name.into() }
    }

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

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What this client calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// All lines of the socket, who holds them, and what stands behind them.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], [`Error::Away`].
    pub async fn lines(&self) -> Result<Lines, Error> {
        let listed = self.connection.rpc().unary(methods::LIST_LINES, &v1::ListLinesRequest {});
        self.connection.call(listed).await.map(Lines::from)
    }

    /// Whether the daemon says that it serves: `false` while it stops. Touches no line.
    ///
    /// # Errors
    ///
    /// [`Error::Away`], [`Error::Refused`].
    pub async fn serves(&self) -> Result<bool, Error> {
        health::serves(&self.connection).await
    }

    /// Reads several lines at one moment, held or not.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `LineNotFound`, `InvalidRequest` or `Hardware`; [`Error::Away`];
    /// [`Error::Invalid`] for no line, more than 64, or one twice.
    pub async fn read(&self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Values, Error> {
        let lines: Vec<String> = names.into_iter().map(Into::into).collect();
        let positions = Positions::new(lines.iter().map(String::as_str), None)?;
        let request = v1::ReadRequest { lines };
        match self.connection.call(self.connection.rpc().unary(methods::READ, &request)).await?.values {
            Some(v1::Values { bits, timestamp_ns }) => {
                Ok(Values::new(positions.names().clone(), positions.all(), bits, timestamp_ns))
            }
            None => Err(Error::protocol("a read without values")),
        }
    }

    /// Sets several free lines whose configuration says `one_shot`, all or none; the values stay. Returns when it
    /// was done: CLOCK_MONOTONIC of the node, ns; the true moment is not later.
    ///
    /// # Errors
    ///
    /// As [`read`](Client::read); also [`Error::Refused`] with `NotPermitted`, `LineHeld` or `WrongDirection`, and [`Error::ForeignHandle`] for a session's handle.
    pub async fn write(&self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Result<u64, Error> {
        let values: Vec<Assignment> = values.into_iter().map(Into::into).collect();
        let lines: Vec<String> = values.iter().map(|value| value.line.name.to_string()).collect();
        let positions = Positions::new(lines.iter().map(String::as_str), None)?;
        let (_, bits) = positions.mask_and_bits(values)?;
        let client_name = self.name.to_string();
        let request = v1::WriteRequest { lines, bits, client_name };
        let written = self.connection.call(self.connection.rpc().unary(methods::WRITE, &request)).await;
        written.map(|response| response.timestamp_ns)
    }

    /// Watches several lines, held or not: [`open`](WatchBuilder::open) it.
    pub fn watch(&self, names: impl IntoIterator<Item = impl Into<String>>) -> WatchBuilder {
        let names = names.into_iter().map(Into::into).collect();
        WatchBuilder::of_client(self.connection.clone(), self.name.to_string(), names)
    }

    /// Samples several lines at a steady rate, held or not: [`open`](SampleBuilder::open) it.
    pub fn sample(&self, names: impl IntoIterator<Item = impl Into<String>>) -> SampleBuilder {
        let names = names.into_iter().map(Into::into).collect();
        SampleBuilder::new(self.connection.clone(), self.name.to_string(), names)
    }

    /// Holds lines for a while: [`open`](SessionBuilder::open) it.
    pub fn session(&self) -> SessionBuilder {
        SessionBuilder::new(self.connection.clone(), self.name.to_string())
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
        let lines: Vec<LineUse> = lines.into_iter().map(Into::into).collect();
        let positions = Positions::new(lines.iter().map(|line| line.name.as_str()), None)?;
        let request = v1::RunProgramRequest {
            lines: lines.iter().map(v1::SessionLine::from).collect(),
            program: Some(program.to_wire(&positions)?),
            client_name: self.name.to_string(),
        };
        let result = self.connection.rpc().unary(methods::RUN_PROGRAM, &request).await;
        match self.connection.answer(result)?.result {
            Some(result) => ProgramResult::from_wire(result, &positions),
            None => Err(Error::protocol("a program without a result")),
        }
    }
}
