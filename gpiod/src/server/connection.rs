//! One connection: HTTP/2 with every limit set.
//!
//! The libraries leave most of these unbounded by default: a client that sends requests and never reads would grow
//! the daemon without end.

use super::DRAIN;
use super::dispatch::Services;
use super::incoming::Connection;
use super::metered::Meter;
use super::streams::REFUSALS;
use crate::error::Error;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A connection on which nothing comes back for this long after a ping is closed.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// Bytes of headers that one request may have; ours have some 200.
const HEADER_BYTES: u32 = 8 * 1024;
/// Bytes that may be on their way to us on one stream and on one connection; the second is HTTP/2's least.
pub(super) const WINDOWS: (u32, u32) = (16 * 1024, 65_535);
/// Bytes of answers that wait for a client that does not read, for each stream. Small answers cost some ten times
/// their bytes while they wait.
const SEND_BYTES: usize = 4 * 1024;
/// Streams that a client may reset before we look at them, and streams that its mistakes make us reset: beyond these
/// its connection is closed.
const RESETS: (usize, usize) = (16, 64);
/// How long a client may take to hear why it is refused.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

fn http(streams: u32, meter: Meter) -> http2::Builder<Meter> {
    let mut http = http2::Builder::new(meter);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_header_list_size(HEADER_BYTES)
        .max_pending_accept_reset_streams(RESETS.0)
        .max_local_error_reset_streams(RESETS.1)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(SEND_BYTES)
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1);
    http
}

/// Serves a connection until its client closes it or the daemon stops, and then lets its streams end.
pub(super) async fn serve(
    connection: Connection,
    services: Services,
    meter: Meter,
    shutdown: CancellationToken,
) {
    let (caller, spoken) = (connection.caller(), connection.spoken());
    let most = services.limits().streams + REFUSALS;
    let streams = services.streams();
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(caller);
        let (services, streams) = (services.clone(), streams.clone());
        async move { Ok::<_, Infallible>(services.call(request, streams).await) }
    });
    let mut served = pin!(http(most, meter).serve_connection(TokioIo::new(connection), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            if !spoken.load(Ordering::Relaxed) {
                return;
            }
            served.as_mut().graceful_shutdown();
            // A client that goes on as if nothing were is left, after the time that a stop gives it.
            tokio::time::timeout(DRAIN, served).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, pid = caller.pid, "a connection broke");
    }
}

/// Answers the first call of a connection with why it is refused, whatever the call is, and ends it.
pub(super) async fn refuse(connection: Connection, why: Error, meter: Meter, shutdown: CancellationToken) {
    let status = Status::from(why);
    let told = Arc::new(Notify::new());
    let tell = Arc::clone(&told);
    let service = service_fn(move |_| {
        tell.notify_one();
        let answer = status.clone().into_http::<tonic::body::Body>();
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut served = pin!(http(1, meter).serve_connection(TokioIo::new(connection), service));
    let refused = async {
        tokio::select! {
            ended = served.as_mut() => return ended,
            () = told.notified() => served.as_mut().graceful_shutdown(),
        }
        served.await
    };
    tokio::select! {
        _ = tokio::time::timeout(REFUSAL_TIME, refused) => {}
        () = shutdown.cancelled() => {}
    }
}
