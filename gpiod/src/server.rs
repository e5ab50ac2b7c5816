//! gRPC on Unix sockets: one server for each socket, each knowing by its [`Scope`] what it gives access to.
//!
//! Only this module and its children name tonic or the API's messages. An RPC is found like this: `service` has one
//! short function for each; `session` and `watch` are the streams; `convert` turns messages into domain values and
//! back; `status` turns errors into statuses; `incoming` bounds who may connect; `socket` makes the sockets.

mod caller;
mod convert;
mod incoming;
mod service;
mod session;
pub mod socket;
mod status;
mod watch;

use crate::broker::{Broker, Scope};
use crate::config::Limits;
use gpiod_proto::v1::gpio_service_server::{GpioServiceServer, SERVICE_NAME};
use service::Service;
use socket::Socket;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;

/// How long a stopping daemon waits for its clients' streams to end.
const DRAIN: Duration = Duration::from_secs(2);
/// A connection on which nothing comes back for this long after a ping is closed.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// Bytes of headers that one request may have; ours have some 200.
const HEADER_BYTES: u32 = 8 * 1024;
/// Bytes that may be on their way to us on one stream and on one connection.
const WINDOWS: (u32, u32) = (64 * 1024, 256 * 1024);
/// Streams that a client may reset before we look at them, and after: beyond these its connection is closed.
const RESETS: (usize, usize) = (16, 64);

/// Serves all sockets until the token is cancelled, then ends all streams and waits for their clients, but not long.
///
/// # Errors
/// When a server fails as a whole, which none is known to do.
pub async fn run(broker: Arc<Broker>, sockets: Vec<Socket>, shutdown: CancellationToken) -> io::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", ServingStatus::Serving).await;
    health.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(gpiod_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut servers = JoinSet::new();
    for Socket { listener, scope, .. } in sockets {
        let limits = *broker.limits();
        let incoming = incoming::connections(listener, limits.connections as usize, scope);
        let reflection_v1 = reflection().build_v1().map_err(io::Error::other)?;
        let reflection_v1alpha = reflection().build_v1alpha().map_err(io::Error::other)?;
        servers.spawn(
            http2(&limits)
                .add_service(health_service.clone())
                .add_service(reflection_v1)
                .add_service(reflection_v1alpha)
                .add_service(api(Arc::clone(&broker), scope, &limits))
                .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned()),
        );
    }
    shutdown.cancelled().await;
    health.set_service_status("", ServingStatus::NotServing).await;
    health.set_service_status(SERVICE_NAME, ServingStatus::NotServing).await;
    broker.stop();
    let drained = tokio::time::timeout(DRAIN, async {
        while let Some(ended) = servers.join_next().await {
            ended?.map_err(io::Error::other)?;
        }
        Ok::<(), io::Error>(())
    });
    match drained.await {
        Ok(result) => result,
        Err(_) => {
            tracing::warn!("some clients did not end their streams in {} s, leaving them", DRAIN.as_secs());
            Ok(())
        }
    }
}

/// tonic's defaults leave most of these unbounded: a client that sends requests and never reads would grow the
/// daemon without end.
fn http2(limits: &Limits) -> Server {
    Server::builder()
        .max_concurrent_streams(limits.streams)
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_max_pending_accept_reset_streams(Some(RESETS.0))
        .http2_max_local_error_reset_streams(Some(RESETS.1))
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
}

fn api(broker: Arc<Broker>, scope: Scope, limits: &Limits) -> GpioServiceServer<Service> {
    GpioServiceServer::new(Service::new(broker, scope))
        .max_decoding_message_size(limits.message_bytes as usize)
}
