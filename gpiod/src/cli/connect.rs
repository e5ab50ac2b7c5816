//! Which daemon a command speaks to, and the runtime that it does so in.

use super::arguments::Argument;
use super::given::Given;
use super::words;
use crate::failure::{Exit, Failure};
use gpiod_sdk::{Client, ClientBuilder};
use std::path::PathBuf;
use std::pin::Pin;

/// The socket that sees all lines of the board; root's alone.
const ADMIN: &str = "/run/gpiod/admin/gpiod.sock";
/// The environment variable that names the socket for every client.
const VARIABLE: &str = "GPIOD_SOCKET";

/// The heading of what says which daemon a command speaks to.
pub(super) const WHICH_DAEMON: &str = "Which daemon";

/// What says so.
pub(super) static TARGET: [Argument; 2] = [
    Argument::value(
        "socket",
        "PATH",
        "Use this socket. Default: GPIOD_SOCKET, else the admin socket where it can be reached, else the only line \
         group's below /run/gpiod/groups",
    )
    .not_with("group")
    .below(WHICH_DAEMON),
    Argument::value("group", "NAME", "Use the socket of this line group").below(WHICH_DAEMON),
];

/// Which socket to use.
#[derive(Debug)]
pub struct Target {
    socket: Option<PathBuf>,
    group: Option<String>,
}

impl Target {
    pub(super) fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self { socket: given.maybe_path("socket")?, group: given.maybe("group", words::text)? })
    }

    /// The arguments that name it, to be put behind a command; empty where none was given.
    pub(super) fn arguments(&self) -> String {
        let socket = self.socket.as_ref().map(|path| format!(" --socket {}", path.display()));
        socket.or_else(|| self.group.as_ref().map(|group| format!(" --group {group}"))).unwrap_or_default()
    }

    async fn connect(&self, name: &str) -> Result<Client, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        if let Some(path) = &self.socket {
            return connect(Client::at(path), name).await;
        }
        if let (Some(group), Some(path)) = (&self.group, &variable) {
            // The library would let the variable win in silence.
            let path = path.display();
            let message = format!("--group {group}: {VARIABLE} names a socket already, {path}; unset it");
            return Err(Failure::new(Exit::Usage, message));
        }
        if self.group.is_none()
            && variable.is_none()
            && let Ok(client) = connect(Client::at(ADMIN), name).await
        {
            return Ok(client);
        }
        let builder = match &self.group {
            Some(group) => Client::builder().group(group),
            None => Client::builder(),
        };
        connect(builder, name).await
    }
}

async fn connect(builder: ClientBuilder, name: &str) -> Result<Client, Failure> {
    Ok(builder.name(name).connect().await?)
}

/// What a command does with a connection.
type Work<'a> = Box<dyn FnOnce(Client) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>> + 'a>;

/// Runs a command's work with a connection to the daemon. `name` is what others see as the holder of its lines.
pub(super) fn with_client(
    target: &Target,
    name: &str,
    work: impl AsyncFnOnce(Client) -> Result<(), Failure>,
) -> Result<(), Failure> {
    run(target, name, Box::new(|client| Box::pin(async move { work(client).await })))
}

/// Connecting and the runtime are one piece of code for all commands.
fn run(target: &Target, name: &str, work: Work<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Os, format!("the runtime: {error}")))?;
    runtime.block_on(async { work(target.connect(name).await?).await })
}
