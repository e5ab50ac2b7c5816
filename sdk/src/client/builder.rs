//! Which socket to connect to, and how long to wait for it.

use crate::client::Client;
use crate::error::Error;
use std::path::PathBuf;
use std::time::Duration;

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
        Err(Error::Closed)
    }
}
