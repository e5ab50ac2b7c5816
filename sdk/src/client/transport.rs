//! The HTTP/2 connection below gRPC: made when it is first needed, and anew, by the socket's path, when it broke.
//!
//! A connection is one task, which moves its bytes; a call is a future that puts its frames on the connection by
//! itself, and is moved by whoever waits for its answer.

use super::calls::broken;
use h2::SendStream;
use h2::client::{Builder, ResponseFuture, SendRequest};
use prost::bytes::Bytes;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::codegen::http::header::{CONTENT_TYPE, HeaderValue, TE};
use tonic::codegen::http::{Method, Request, Uri};

/// Bytes that may be on their way to us on one stream and on one connection: a watch that is read late holds up no
/// other, and a burst of its edges waits here, not in the daemon.
const WINDOWS: (u32, u32) = (2 * 1024 * 1024, 5 * 1024 * 1024);
/// Bytes of headers of one answer; a refusal's text and details are in them.
const HEADERS: u32 = 16 * 1024;
/// Calls that are sent before the daemon has said how many it takes: HTTP/2 wants no daemon to take less.
const CALLS: usize = 100;

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

type Requests = SendRequest<Bytes>;

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

    /// Begins a call: its headers wait to be sent, and where its answer comes and its messages go is given.
    pub(super) async fn begin(
        &self,
        uri: &'static str,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), Status> {
        let mut requests = match self.shared.usable() {
            Some(requests) => requests,
            None => Box::pin(self.shared.connected()).await?,
        };
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(uri);
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        requests.send_request(request, false).map_err(broken)
    }
}

impl Shared {
    /// The connection, if there is one that takes a new call: one that broke does not, nor one that the daemon is about
    /// to end, though its old calls go on.
    fn usable(&self) -> Option<Requests> {
        let mut requests = self.lock().clone()?;
        // It is told at once: only a queue of its own, which this clone has not, would make it wait.
        let ready = requests.poll_ready(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Ok(()))).then_some(requests)
    }

    async fn connected(&self) -> Result<Requests, Status> {
        // It is never closed.
        let _turn = self.connecting.acquire().await;
        if let Some(requests) = self.usable() {
            return Ok(requests);
        }
        let requests = connect(&self.socket).await.map_err(|error| Status::from_error(Box::new(error)))?;
        *self.lock() = Some(requests.clone());
        Ok(requests)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Requests>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(socket: &Path) -> io::Result<Requests> {
    let stream = UnixStream::connect(socket).await?;
    let mut http = Builder::new();
    http.initial_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_header_list_size(HEADERS)
        .initial_max_send_streams(CALLS)
        .enable_push(false);
    // A daemon that is full, or going, takes the connection and closes it.
    let refused = |error| io::Error::new(io::ErrorKind::ConnectionReset, error);
    let (requests, connection) = http.handshake(stream).await.map_err(refused)?;
    // Moves the bytes until the last user of `requests` and of its streams has gone, or the connection breaks: then
    // each of them learns it by itself.
    tokio::spawn(connection);
    Ok(requests)
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.shared.socket).finish()
    }
}
