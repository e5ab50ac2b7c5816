//! The sockets that are served: they come and go with the groups of the configuration.

use super::admin::Admin;
use super::connection;
use super::dispatch::Services;
use super::health::Health;
use super::incoming::Incoming;
use super::metered::{Meter, Turns};
use super::{Served, Socket};
use crate::broker::Scope;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All sockets of one reactor.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) served: Served,
    pub(super) health: Health,
    pub(super) tasks: TaskTracker,
    pub(super) turns: Arc<Turns>,
    /// A group that comes back goes on with what it has used.
    pub(super) meters: HashMap<Scope, Meter>,
    pub(super) open: HashMap<Scope, CancellationToken>,
}

impl Sockets {
    /// Begins to serve one.
    pub(super) fn add(&mut self, socket: Socket, shutdown: &CancellationToken) -> io::Result<()> {
        let Socket { listener, scope, door, .. } = socket;
        let Served { broker, programs, orders } = self.served.clone();
        let admin = (scope == Scope::Admin).then_some(Admin(orders));
        let health = self.health.clone();
        let services = Services::new(Arc::clone(&broker), programs, (scope, &door), admin, health);
        // Whichever thread serves it: it becomes the reactor's here.
        let listener = UnixListener::from_std(listener)?;
        let incoming = Incoming::new(listener, door, broker, scope);
        let meter = self.meters.entry(scope).or_insert_with(|| self.turns.meter()).clone();
        let stop = shutdown.child_token();
        let served = accept(incoming, services, meter.clone(), self.tasks.clone(), stop.clone());
        self.tasks.spawn(meter.measure_begun(served));
        if let Some(before) = self.open.insert(scope, stop) {
            before.cancel();
        }
        Ok(())
    }

    /// Ends one and its connections, as at a stop.
    pub(super) fn remove(&mut self, scope: Scope) {
        if let Some(stop) = self.open.remove(&scope) {
            stop.cancel();
        }
    }
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
                let connected = incoming.connected();
                tasks.spawn(meter.measure(async move {
                    served.await;
                    drop(connected);
                }));
            }
            Err(why) => {
                let refused = connection::refuse(connection, why, shutdown.clone());
                tasks.spawn(meter.measure(refused));
            }
        }
        // Each connection is a turn: many at once are work, too.
        tokio::task::yield_now().await;
    }
}
