//! The HTTP/2 connection below gRPC: made when it is first needed, and anew, by the socket's path, when it broke.
//!
//! This stands in for tonic's own channel, which would double the weight of a small app with what a Unix socket
//! does not need: name resolution, TCP, balancing, and a task and a queue in between.

use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tower_service::Service;

/// One connection to a socket, shared by all clones.
#[derive(Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    socket: PathBuf,
    requests: Mutex<Option<Requests>>,
    /// Held by the one call that connects, so that others wait for its connection and make none of their own.
    connecting: Semaphore,
}

type Requests = http2::SendRequest<Body>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Transport {
    /// Connects to a socket; fails at once where nobody listens.
    pub(crate) async fn connect(socket: &Path) -> io::Result<Self> {
        let requests = Mutex::new(Some(connect(socket).await?));
        let socket = socket.to_path_buf();
        Ok(Self { shared: Arc::new(Shared { socket, requests, connecting: Semaphore::new(1) }) })
    }

    /// Makes the next call connect anew; what runs on the present connection goes on there.
    pub(crate) fn leave(&self) {
        *self.shared.lock() = None;
    }
}

impl Shared {
    /// The connection, if there is one that has not broken.
    fn usable(&self) -> Option<Requests> {
        self.lock().as_ref().filter(|requests| !requests.is_closed()).cloned()
    }

    async fn requests(&self) -> Result<Requests, BoxError> {
        if let Some(requests) = self.usable() {
            return Ok(requests);
        }
        let _turn = self.connecting.acquire().await?;
        if let Some(requests) = self.usable() {
            return Ok(requests);
        }
        let requests = connect(&self.socket).await?;
        *self.lock() = Some(requests.clone());
        Ok(requests)
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        let mut requests = self.requests().await?;
        let response = requests.send_request(request).await;
        if response.is_err() {
            // A connection that takes no new request may still live for its old ones: the next call has its own.
            *self.lock() = None;
        }
        Ok(response?)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Requests>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(socket: &Path) -> io::Result<Requests> {
    let stream = UnixStream::connect(socket).await?;
    let (requests, connection) = http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        // A daemon that is full, or going, takes the connection and closes it.
        .map_err(|error| io::Error::new(io::ErrorKind::ConnectionReset, error))?;
    // Moves the bytes until the last user of `requests` and of its streams has gone, or the connection breaks: then
    // each of them learns it by itself.
    tokio::spawn(connection);
    Ok(requests)
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move { shared.send(request).await })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.shared.socket).finish()
    }
}
