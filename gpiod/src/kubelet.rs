//! Offers line groups to a Kubernetes node's kubelet, as its device plugin (v1beta1): a pod that asks for a group's resource
//! has the group's directory mounted, and the scheduler knows where there is one.
//!
//! [`resource`] is what is offered; [`served`] is one resource's socket, [`answer`] what is answered there; [`plugin`] keeps
//! sockets and registrations true to what the kubelet and the file system are now, of which [`signs`] tell; [`pods`] asks
//! the kubelet who has what, and [`listing`] reads its answer. [`grpc`] is as much of gRPC as that needs, on h2 itself, and
//! [`authority`] lets older kubelets through it.
//!
//! Only `serve` uses this. It asks the broker by groups' names, tells [`Pods`] and hears of [`Health`]; nothing waits for it.
//! Nothing is sent while nothing happens: whether the kubelet was started anew is told by inotify.

mod answer;
mod authority;
mod grpc;
mod listing;
mod plugin;
mod pods;
mod resource;
mod served;
mod signs;

pub use resource::Offer;

use crate::broker::Broker;
use crate::health::Health;
use crate::pods::Pods;
use crate::reactor::task;
use std::sync::Arc;
use tokio::sync::watch;

/// The messages, in as much as they are used. Generated from `gpiod/kubelet/*.proto`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    dead_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code; its documentation is in the .proto files"
)]
mod messages {
    pub(super) mod v1beta1 {
        include!("kubelet/generated/v1beta1.rs");
    }
    pub(super) mod v1 {
        include!("kubelet/generated/v1.rs");
    }
}

/// What of the daemon is offered.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Of all parts.
    pub brokers: Vec<Arc<Broker>>,
    /// Which lines can not be used.
    pub health: Arc<Health>,
    /// Whom the kubelet's answers are told to.
    pub pods: Arc<Pods>,
}

impl Lines {
    /// Who has the lines of a group.
    fn broker_of(&self, group: &str) -> Option<Arc<Broker>> {
        self.brokers.iter().find(|broker| broker.has_group(group)).map(Arc::clone)
    }
}

/// Begins to offer what `offer` says, and goes on with what it says later, for as long as the daemon runs.
pub fn begin(lines: Lines, offer: watch::Receiver<Offer>) {
    tokio::spawn(task(pods::ask(Arc::clone(&lines.pods), offer.clone())));
    tokio::spawn(task(plugin::run(lines, offer)));
}
