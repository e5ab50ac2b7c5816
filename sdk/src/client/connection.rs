//! The one connection of a client, and since when it is broken.

use crate::client::transport::Transport;
use crate::error::{Error, Reason, status};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tonic::Status;

/// How long a daemon that is there may take to do what is done at once: one that takes longer is frozen, and taken for
/// gone. A session looks that often, and so notices it between once and twice as late. On a Unix socket an answer takes microseconds; a Pi under full load may take its time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// What a daemon answers that is not frozen.
pub(crate) async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, answer).await.map_err(|_| frozen())
}

/// What to say of a daemon that does not answer.
pub(crate) fn frozen() -> Error {
    Error::Away { since: now(), why: format!("no answer within {} s", PATIENCE.as_secs()) }
}

/// A connection that is made anew, by the socket's path, when a call finds it broken.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    transport: Transport,
    away_since: Arc<Mutex<Option<Instant>>>,
}

impl Connection {
    /// Connects to a socket; fails at once where nobody listens.
    pub(crate) async fn open(socket: &Path) -> Result<Self, Error> {
        let transport = Transport::connect(socket)
            .await
            .map_err(|error| Error::Unreachable { socket: socket.to_path_buf(), cause: Arc::new(error) })?;
        Ok(Self { transport, away_since: Arc::default() })
    }

    /// What calls go through; what they come to is told by [`call`](Self::call) or [`answer`](Self::answer).
    pub(crate) fn rpc(&self) -> &Transport {
        &self.transport
    }

    /// What a call comes to that is done at once.
    pub(crate) async fn call<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Error> {
        let answer = in_time(call).await.inspect_err(|_| self.transport.leave())?;
        self.answer(answer)
    }

    /// The daemon does not answer on this connection: the next call is to make another.
    pub(crate) fn leave(&self) {
        self.transport.leave();
    }

    /// What a call came to.
    pub(crate) fn answer<T>(&self, result: Result<T, Status>) -> Result<T, Error> {
        if result.is_ok() {
            *self.away_since() = None;
        }
        result.map_err(|status| self.failed(&status))
    }

    /// What a failure says. Remembers when the daemon was first seen to be away.
    pub(crate) fn failed(&self, status: &Status) -> Error {
        let mut away_since = self.away_since();
        let error = status::error(status, away_since.unwrap_or_else(now));
        *away_since = if let Error::Away { since, .. } = error { Some(since) } else { None };
        if error.reason() == Some(&Reason::Stopping) {
            // The socket's path may already be the next daemon's, while this one still ends its streams.
            self.transport.leave();
        }
        error
    }

    fn away_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Now, by the clock that tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
