//! gRPC on Unix sockets: one accept loop for each socket, one task for each connection, each knowing by its [`Scope`](crate::broker::Scope)
//! what it gives access to.
//!
//! Only this module and its children name tonic or the API's messages. An RPC is found like this: `dispatch` picks the
//! service by the request's path; `service` has one short function for each RPC, `admin` those of the admin socket
//! alone; `session` and `watch` are the streams;
//! `convert` turns messages into domain values and back; `status` turns errors into statuses; `connection` bounds what
//! one connection may use up; `incoming` bounds who may connect; `socket` makes the sockets.

pub mod admin;
mod caller;
mod connection;
mod convert;
mod dispatch;
mod incoming;
mod service;
mod session;
pub mod socket;
mod status;
mod watch;

use crate::broker::{Broker, Scope};
use crate::programs::Programs;
use admin::{Admin, Orders};
use dispatch::Services;
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use incoming::Incoming;
use socket::Socket;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;

/// How long a stopping daemon waits for its clients' streams to end.
const DRAIN: Duration = Duration::from_secs(2);

/// A socket that comes or goes while the daemon runs.
#[derive(Debug)]
pub enum SocketChange {
    /// One more.
    Add(Socket),
    /// One less: its connections end as at a stop.
    Remove(Scope),
}

/// What all sockets are served with.
#[derive(Clone, Debug)]
pub struct Served {
    /// The lines.
    pub broker: Arc<Broker>,
    /// The programs' thread.
    pub programs: Arc<Programs>,
    /// Where the administrator's orders go.
    pub orders: Orders,
}

/// Serves sockets until the token is cancelled, then ends all streams and waits for their clients, but not long.
///
/// # Errors
/// When the services can not be set up, which would be a defect.
pub async fn run(
    served: Served,
    sockets: Vec<Socket>,
    mut changes: mpsc::Receiver<SocketChange>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
    let tasks = TaskTracker::new();
    let mut open: HashMap<Scope, CancellationToken> = HashMap::new();
    let add = |Socket { listener, scope, .. }: Socket, open: &mut HashMap<_, CancellationToken>| {
        let Served { broker, programs, orders } = served.clone();
        let admin = (scope == Scope::Admin).then(|| Admin(orders));
        let services = Services::new(Arc::clone(&broker), programs, scope, admin, health_service.clone())?;
        // Whichever thread serves it: it becomes the reactor's here.
        let listener = UnixListener::from_std(listener)?;
        let incoming = Incoming::new(listener, broker.limits().connections as usize, scope);
        let stop = shutdown.child_token();
        open.insert(scope, stop.clone());
        tasks.spawn(accept(incoming, services, broker, tasks.clone(), stop));
        Ok::<_, io::Error>(())
    };
    for socket in sockets {
        add(socket, &mut open)?;
    }
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(change) = changes.recv() => match change {
                SocketChange::Add(socket) => add(socket, &mut open)?,
                SocketChange::Remove(scope) => {
                    if let Some(stop) = open.remove(&scope) {
                        stop.cancel();
                    }
                }
            },
        }
    }
    health.set_service_status(SERVICE_NAME, ServingStatus::NotServing).await;
    served.broker.stop();
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
    broker: Arc<Broker>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    loop {
        let connection = tokio::select! {
            connection = incoming.next() => connection,
            () = shutdown.cancelled() => return,
        };
        tasks.spawn(connection::serve(connection, services.clone(), *broker.limits(), shutdown.clone()));
    }
}
