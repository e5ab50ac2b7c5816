//! gRPC on Unix sockets: one accept loop for each socket, one task for each connection, each knowing by its [`Scope`]
//! what it gives access to.
//!
//! Only this module and its children name tonic, h2 or the API's messages. An RPC is found like this: `dispatch` picks the
//! service by the request's path; `service` has one short function for each RPC, `admin` those of the admin socket
//! alone; `session`, `watch` and `sample` are the streams; `messages` and `answers` frame what comes and what goes, and
//! `unary` does both once; `health` is what any gRPC client may ask, `reflection` what the API looks like, out of
//! `descriptors`;
//! `convert` turns messages into domain values and back; `status` turns errors into statuses;
//! `connection` bounds what one connection may use up, `backlog` how far it is read ahead;
//! `doors` decides who is let in, `streams` how much is open at a time
//! (of the `places` that all sockets share) and `incoming` how long one may stay silent; `metered` gives each socket its turns; `socket` makes the
//! sockets.

pub mod admin;
mod answers;
mod backlog;
mod caller;
mod connection;
mod convert;
mod descriptors;
mod dispatch;
mod doors;
mod health;
mod incoming;
mod messages;
mod metered;
mod places;
mod reflection;
mod sample;
mod service;
mod session;
pub mod socket;
mod sockets;
mod status;
mod streams;
mod unary;
mod watch;

use crate::broker::{Broker, Scope};
use crate::programs::Programs;
use crate::reactor::task;
use admin::Orders;
use health::Health;
use metered::Turns;
use socket::Socket;
use sockets::Sockets;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
    let health = Health::new();
    let tasks = TaskTracker::new();
    let broker = Arc::clone(&served.broker);
    let turns = Turns::new(broker.limits().turn_ns());
    tokio::spawn(task(Arc::clone(&turns).call()));
    let (meters, open) = Default::default();
    let mut all = Sockets { served, health: health.clone(), tasks: tasks.clone(), turns, meters, open };
    for socket in sockets {
        all.add(socket, &shutdown)?;
    }
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(change) = changes.recv() => match change {
                SocketChange::Add(socket) => all.add(socket, &shutdown)?,
                SocketChange::Remove(scope) => all.remove(scope),
            },
        }
    }
    health.stop();
    broker.stop();
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some clients did not end their streams in {} s, leaving them", DRAIN.as_secs());
    }
    Ok(())
}
