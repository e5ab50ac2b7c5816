//! The one connection of a client, and since when it is broken.

use crate::error::{Error, status};
use gpiod_proto::v1::gpio_service_client::GpioServiceClient;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// A daemon that is there but frozen answers no ping: it is noticed after the sum of the two. On a Unix socket a
/// ping is answered in microseconds; a Pi under full load may take its time.
const PING_AFTER: Duration = Duration::from_secs(10);
const PING_ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// A connection that is made anew, by the socket's path, when a call finds it broken.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    rpc: GpioServiceClient<Channel>,
    away_since: Arc<Mutex<Option<Instant>>>,
}

impl Connection {
    /// Connects to a socket; fails at once where nobody listens.
    pub(crate) async fn open(socket: &Path) -> Result<Self, Error> {
        let unreachable =
            |source| Error::Unreachable { socket: socket.to_path_buf(), source: Arc::new(source) };
        let Some(path) = socket.to_str() else {
            return Err(unreachable(io::Error::other("the path is not UTF-8")));
        };
        let channel = Endpoint::from_shared(format!("unix://{path}"))
            .map_err(|error| unreachable(io::Error::other(error)))?
            .http2_keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_ANSWERED_WITHIN)
            .keep_alive_while_idle(true)
            .connect()
            .await
            .map_err(|error| unreachable(io_error(&error)))?;
        Ok(Self { rpc: GpioServiceClient::new(channel), away_since: Arc::default() })
    }

    /// The service's client, for one call.
    pub(crate) fn rpc(&self) -> GpioServiceClient<Channel> {
        self.rpc.clone()
    }

    /// What a call came to.
    pub(crate) fn answer<T>(&self, result: Result<Response<T>, Status>) -> Result<T, Error> {
        match result {
            Ok(response) => {
                *self.away_since() = None;
                Ok(response.into_inner())
            }
            Err(status) => Err(self.failed(&status)),
        }
    }

    /// What a failure says. Remembers when the daemon was first seen to be away.
    pub(crate) fn failed(&self, status: &Status) -> Error {
        let mut away_since = self.away_since();
        let error = status::error(status, away_since.unwrap_or_else(now));
        *away_since = if let Error::Away { since, .. } = error { Some(since) } else { None };
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

/// What the system said, found below what the transport makes of it.
fn io_error(error: &tonic::transport::Error) -> io::Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            // An io::Error can not be cloned, and one from the system is its number.
            return found.raw_os_error().map_or_else(
                || io::Error::new(found.kind(), found.to_string()),
                io::Error::from_raw_os_error,
            );
        }
        cause = error.source();
    }
    io::Error::other(error.to_string())
}
