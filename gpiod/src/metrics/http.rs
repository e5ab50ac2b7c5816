//! HTTP/1.1 for metrics: one answer for each connection, and bounds for whoever does not want one.

use super::Measured;
use super::address::{Listener, Socket};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Connections at a time. One more ends the oldest: that one has had time enough, and whoever floods must not keep
/// out who measures.
const CONNECTIONS: usize = 16;
/// How long a client may take for its request.
const REQUEST_TIME: Duration = Duration::from_secs(2);
/// How long a connection may last in all, with a client that does not read.
const TIME: Duration = Duration::from_secs(5);
/// How many headers a request may have, and how many bytes with them: the least that hyper takes.
const HEADERS: (usize, usize) = (32, 8 * 1024);
/// How long accepting rests after it failed, as it does when there are no descriptors left.
const REST: Duration = Duration::from_millis(100);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Serves for as long as the reactor turns.
///
/// # Errors
/// When the listener can not be used, which would be a defect.
pub async fn serve(listener: Listener, measured: Arc<Measured>) -> io::Result<()> {
    let incoming = Accept::new(listener)?;
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let stream = match incoming.next().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "accepting connections for metrics rests for {} ms", REST.as_millis());
                sleep(REST).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(connection(stream, Arc::clone(&measured))).abort_handle());
        // Many at once still give others their turn.
        tokio::task::yield_now().await;
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

enum Accept {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Accept {
    fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener.socket {
            Socket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            Socket::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }

    async fn next(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

async fn connection(stream: Box<dyn Stream>, measured: Arc<Measured>) {
    let service = service_fn(move |request| {
        let measured = Arc::clone(&measured);
        async move { Ok::<_, Infallible>(answer(&request, &measured).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .max_headers(HEADERS.0)
        .max_buf_size(HEADERS.1)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // What clients do wrong is their own affair.
    let _ = timeout(TIME, served).await;
}

async fn answer(request: &Request<Incoming>, measured: &Measured) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/metrics" | "/healthz") {
        return plain(StatusCode::NOT_FOUND, "there is /metrics and /healthz\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/metrics" => response(StatusCode::OK, OPENMETRICS, measured.text().await),
        _ if measured.serves() => plain(StatusCode::OK, "ok\n"),
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    response(status, PLAIN, text.to_owned())
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
