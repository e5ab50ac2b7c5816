//! Which socket to connect to, and how long to wait for it.

use crate::backoff::Backoff;
use crate::client::connection::{Connection, now};
use crate::client::{Client, socket};
use crate::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// The most bytes of a client's name.
const MAX_NAME: usize = 64;

/// A connection to be made: from [`Client::builder`] or [`Client::at`].
///
/// The socket is, in this order: the one named by [`socket`](Self::socket); the one named by the environment
/// variable `GPIOD_SOCKET`; that of the [`group`](Self::group); the only one of `/run/gpiod/groups/*/gpiod.sock`;
/// where there is none, the only one of `/run/gpiod/watch/*/gpiod.sock`, which reads and watches but drives nothing.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is connected before `connect`"]
pub struct ClientBuilder {
    socket: Option<PathBuf>,
    group: Option<String>,
    name: Option<String>,
    wait: Option<Duration>,
}

impl ClientBuilder {
    /// Connects to this socket and looks for no other.
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Connects to the socket of this line group or, where only that is there, to its watch socket.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// What the client calls itself, at most 64 bytes: others see it as the holder of its lines, and as claimed.
    /// Default: the file name of this executable.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Waits up to this long for a daemon that is not there yet. Default: fails at once.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = Some(limit);
        self
    }

    /// Waits for a daemon that is not there yet for as long as it takes.
    pub fn wait_forever(self) -> Self {
        self.wait(Duration::MAX)
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// [`Error::SocketNotFound`], [`Error::SocketAmbiguous`], [`Error::Unreachable`]; [`Error::Invalid`] for a name
    /// that is too long or can be none.
    pub async fn connect(self) -> Result<Client, Error> {
        let name = self.name.clone().unwrap_or_else(executable);
        if name.len() > MAX_NAME {
            return Err(Error::invalid(format!("a client's name of more than {MAX_NAME} bytes: {name:?}")));
        }
        let start = now();
        let mut backoff = Backoff::new();
        loop {
            let error = match self.try_connect(&name).await {
                Err(error) if error.is_retryable() => error,
                result => return result,
            };
            let left = self.wait.unwrap_or_default().saturating_sub(now().duration_since(start));
            if left.is_zero() {
                return Err(error);
            }
            tokio::time::sleep(backoff.delay().min(left)).await;
        }
    }

    /// Looks for the socket anew each time: it may not have been there before.
    async fn try_connect(&self, name: &str) -> Result<Client, Error> {
        let path = match &self.socket {
            Some(path) => path.clone(),
            None => socket::find(std::env::var_os(socket::VARIABLE), self.group.as_deref(), socket::list)?,
        };
        let connection = Connection::open(&path).await?;
        Ok(Client::new(connection, &path, name))
    }
}

/// The file name of this executable, cut to the length of a name; `?` where the system does not tell.
fn executable() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_name().map_or_else(|| "?".into(), |name| name.to_string_lossy());
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name[..end].to_owned()
}
