//! One connection: HTTP/2 with every limit set.
//!
//! The libraries leave most of these unbounded by default: a client that sends requests and never reads would grow
//! the daemon without end.

use super::dispatch::Services;
use super::incoming::Connection;
use crate::config::Limits;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A connection on which nothing comes back for this long after a ping is closed.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// Bytes of headers that one request may have; ours have some 200.
const HEADER_BYTES: u32 = 8 * 1024;
/// Bytes that may be on their way to us on one stream and on one connection.
const WINDOWS: (u32, u32) = (64 * 1024, 256 * 1024);
/// Bytes of answers that wait for a client that does not read, for each stream. Small answers cost some ten times
/// their bytes while they wait.
const SEND_BYTES: usize = 16 * 1024;
/// Streams that a client may reset before we look at them, and streams that its mistakes make us reset: beyond these
/// its connection is closed.
const RESETS: (usize, usize) = (16, 64);

/// Serves a connection until its client closes it or the daemon stops, and then lets its streams end.
pub(super) async fn serve(
    connection: Connection,
    services: Services,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let (caller, spoken) = (connection.caller(), connection.spoken());
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(caller);
        let services = services.clone();
        async move { Ok::<_, Infallible>(services.call(request).await) }
    });
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEADER_BYTES)
        .max_pending_accept_reset_streams(RESETS.0)
        .max_local_error_reset_streams(RESETS.1)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(SEND_BYTES)
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .serve_connection(TokioIo::new(connection), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            if !spoken.load(Ordering::Relaxed) {
                return;
            }
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, pid = caller.pid, "a connection broke");
    }
}
