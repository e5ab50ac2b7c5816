//! How groups are offered to a Kubernetes node's kubelet.

use std::path::PathBuf;

/// The section `[kubernetes]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// What stands before the group's name in the name of its resource; `gpiod.local` by default.
    pub resource_domain: String,
    /// The kubelet's directory; `/var/lib/kubelet` by default.
    pub kubelet_dir: PathBuf,
    /// How many containers may watch each group at a time; 16 by default, 0 for none, 256 at most.
    pub watchers: u32,
}

impl Kubernetes {
    /// A group's resource, or the one for those who only watch: `door`, `door.watch`.
    pub fn resource(group: &str, watch: bool) -> String {
        format!("{group}{}", if watch { ".watch" } else { "" })
    }

    /// Where the kubelet and its plugins have their sockets.
    pub fn plugins(&self) -> PathBuf {
        self.kubelet_dir.join("device-plugins")
    }

    /// The name of the socket there of a group's resource. No domain has the sign that parts the two, so no two resources
    /// have one socket.
    pub fn socket(&self, group: &str, watch: bool) -> String {
        format!("{}_{}.sock", self.resource_domain, Self::resource(group, watch))
    }
}
