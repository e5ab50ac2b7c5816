//! One connection: HTTP/2 with every limit set. There is no ping: a client that goes closes its socket, one that hangs has a
//! watchdog, and one that does not read takes no more than its place.
//!
//! The libraries leave most of these unbounded by default: a client that sends requests and never reads would grow
//! the daemon without end.

use super::DRAIN;
use super::answers::{self, Answering, Piece};
use super::backlog::Backlog;
use super::dispatch::Services;
use super::incoming::Connection;
use super::metered::Meter;
use super::streams::REFUSALS;
use crate::error::Error;
use crate::holder::Caller;
use h2::server::Builder;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Bytes of headers that one request may have; ours have some 200.
const HEADER_BYTES: u32 = 8 * 1024;
/// Bytes that may be on their way to us on one stream and on one connection; the second is HTTP/2's least.
pub(super) const WINDOWS: (u32, u32) = (16 * 1024, 65_535);
/// Streams that a client may reset before we look at them, and frames for streams that we have ended: beyond these its
/// connection is closed. The second are never forgotten while it lives, and cross with every end that is ours.
const RESETS: (usize, usize) = (16, 1024);
/// Small frames that wait to be looked at on one connection; beyond these it is closed. h2 reckons what each lacks to 256
/// bytes; `config/ceiling.rs` has what they take. What is read of a connection in one turn (`READ` in `incoming.rs`) has
/// fewer, and no more is read before that was looked at, unless the client does not read its answers.
const SMALL_FRAMES: usize = 192 * 256;
/// How long a client may take to hear why it is refused.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// A connection that speaks HTTP/2.
type Http = h2::server::Connection<Connection, Piece>;

fn http(streams: u32) -> Builder {
    let mut http = Builder::new();
    http.max_concurrent_streams(streams)
        .max_header_list_size(HEADER_BYTES)
        .max_pending_accept_reset_streams(RESETS.0)
        .max_local_error_reset_streams(Some(RESETS.1))
        .initial_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .data_frame_budget(SMALL_FRAMES);
    http
}

/// Serves a connection until its client closes it or the daemon stops, and then lets its streams end.
pub(super) async fn serve(
    connection: Connection,
    services: Services,
    meter: Meter,
    shutdown: CancellationToken,
) {
    let peer = (connection.caller(), connection.backlog());
    // What it takes to begin is given back then.
    let served = match Box::pin(begin(connection, services.limits().streams + REFUSALS, &shutdown)).await {
        Ok(Some(http)) => answer_all(http, &services, &meter, &peer, &shutdown).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::debug!(%error, pid = peer.0.pid, "a connection broke");
    }
}

/// Greets; `None` when the daemon stops before. Boxed, since a future has room for each place that a value is moved to.
async fn begin(
    connection: Connection,
    streams: u32,
    shutdown: &CancellationToken,
) -> Result<Option<Box<Http>>, h2::Error> {
    tokio::select! {
        begun = http(streams).handshake::<_, Piece>(connection) => Ok(Some(Box::new(begun?))),
        // Whoever has not begun to speak is not waited for.
        () = shutdown.cancelled() => Ok(None),
    }
}

/// Answers what comes on a connection.
async fn answer_all(
    mut http: Box<Http>,
    services: &Services,
    meter: &Meter,
    peer: &(Caller, Arc<Backlog>),
    shutdown: &CancellationToken,
) -> Result<(), h2::Error> {
    let streams = services.streams();
    let next = async |http: &mut Http| {
        poll_fn(|context| {
            let Some(accepted) = ready!(http.poll_accept(context)) else { return Poll::Ready(Ok(false)) };
            // Here, since the future of the connection would keep room for a request for as long as that lives.
            let (request, mut respond) = accepted?;
            match services.enter(&streams) {
                Ok(place) => {
                    let answering = Answering::new(respond, place);
                    meter.spawn(services.clone().answer(request, answering, peer.clone()));
                }
                Err(full) => answers::refuse(&mut respond, full.into()),
            }
            Poll::Ready(Ok::<_, h2::Error>(true))
        })
        .await
    };
    loop {
        tokio::select! {
            more = next(&mut http) => if !more? { return Ok(()) },
            () = shutdown.cancelled() => break,
        }
    }
    http.graceful_shutdown();
    let rest = async { while next(&mut http).await.unwrap_or(false) {} };
    // A client that goes on as if nothing were is left, after the time that a stop gives it.
    let _ = tokio::time::timeout(DRAIN, rest).await;
    Ok(())
}

/// Answers the first call of a connection with why it is refused, whatever the call is, and ends it.
pub(super) async fn refuse(connection: Connection, why: Error, shutdown: CancellationToken) {
    let status = Status::from(why);
    let refused = async {
        let mut http = http(1).handshake::<_, Piece>(connection).await?;
        while let Some(stream) = http.accept().await {
            answers::refuse(&mut stream?.1, status.clone());
            http.graceful_shutdown();
        }
        Ok::<_, h2::Error>(())
    };
    tokio::select! {
        _ = tokio::time::timeout(REFUSAL_TIME, refused) => {}
        () = shutdown.cancelled() => {}
    }
}
