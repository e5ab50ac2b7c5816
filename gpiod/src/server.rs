//! gRPC on Unix sockets: one accept loop for each socket, one task for each connection, each knowing by its [`Scope`](crate::broker::Scope)
//! what it gives access to.
//!
//! Only this module and its children name tonic or the API's messages. An RPC is found like this: `dispatch` picks the
//! service by the request's path; `service` has one short function for each RPC; `session` and `watch` are the streams;
//! `convert` turns messages into domain values and back; `status` turns errors into statuses; `connection` bounds what
//! one connection may use up; `doors` decides who is let in and `incoming` how long one may stay silent; `metered` gives each socket its turns; `socket` makes the
//! sockets.

mod caller;
mod connection;
mod convert;
mod dispatch;
mod doors;
mod incoming;
mod metered;
mod service;
mod session;
pub mod socket;
mod status;
mod watch;

use crate::broker::Broker;
use crate::programs::Programs;
use dispatch::Services;
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use incoming::Incoming;
use metered::{Meter, Turns};
use socket::Socket;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;

/// How long a stopping daemon waits for its clients' streams to end.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves all sockets until the token is cancelled, then ends all streams and waits for their clients, but not long.
///
/// # Errors
/// When the services can not be set up, which would be a defect.
pub async fn run(
    broker: Arc<Broker>,
    programs: Arc<Programs>,
    sockets: Vec<Socket>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
    let tasks = TaskTracker::new();
    let turns = Turns::new(sockets.len(), broker.limits().turn_ns());
    tokio::spawn(Arc::clone(&turns).call());
    for (index, Socket { listener, scope, door, .. }) in sockets.into_iter().enumerate() {
        let services =
            Services::new(Arc::clone(&broker), Arc::clone(&programs), scope, health_service.clone())?;
        // Whichever thread serves it: it becomes the reactor's here.
        let listener = UnixListener::from_std(listener)?;
        let incoming = Incoming::new(listener, door, Arc::clone(&broker), scope);
        let meter = turns.meter(index);
        let served = accept(incoming, services, meter.clone(), tasks.clone(), shutdown.clone());
        tasks.spawn(meter.measure_begun(served));
    }
    shutdown.cancelled().await;
    health.set_service_status(SERVICE_NAME, ServingStatus::NotServing).await;
    broker.stop();
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some clients did not end their streams in {} s, leaving them", DRAIN.as_secs());
    }
    Ok(())
}

/// Serves the connections of one socket, each in a task of its own.
async fn accept(
    mut incoming: Incoming,
    services: Services,
    meter: Meter,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    loop {
        let (connection, admitted) = tokio::select! {
            connection = incoming.next() => connection,
            () = shutdown.cancelled() => return,
        };
        match admitted {
            Ok(()) => {
                let served = connection::serve(connection, services.clone(), meter.clone(), shutdown.clone());
                tasks.spawn(meter.measure(served));
            }
            Err(why) => {
                let refused = connection::refuse(connection, why, meter.clone(), shutdown.clone());
                tasks.spawn(meter.measure(refused));
            }
        }
        // Each connection is a turn: many at once are work, too.
        tokio::task::yield_now().await;
    }
}
