//! What is offered: for each group a resource for whoever drives it and one for those who watch, and what a container gets
//! that has one.

use super::messages::v1beta1::{
    AllocateRequest, AllocateResponse, ContainerAllocateResponse, Device, ListAndWatchResponse, Mount,
};
use crate::config::{Config, Kubernetes};
use crate::pods::Access;
use crate::run_dir::{GROUPS, WATCH};
use std::path::{Path, PathBuf};

/// Where a client looks for its socket: the default run directory, whatever the daemon's own is.
const LOOKED_FOR: &str = "/run/gpiod";
/// The kubelet's own socket there.
pub(super) const KUBELET: &str = "kubelet.sock";

/// All that is offered to a kubelet; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Where the plugins' sockets are, and where the kubelet tells who has what; `None` where there is no kubelet.
    pub(super) kubelet: Option<(PathBuf, PathBuf)>,
    pub(super) resources: Vec<Resource>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// As pods ask for it: `gpiod.local/door`.
    pub(super) name: String,
    /// Our socket's name in the kubelet's directory of plugins.
    pub(super) endpoint: String,
    pub(super) group: String,
    pub(super) access: Access,
    /// The ids of its devices: one for each container that may have it.
    pub(super) devices: Vec<String>,
    mount: (String, String),
}

impl Offer {
    /// What a configuration offers.
    pub fn of(config: &Config) -> Self {
        let Some(kubernetes) = &config.kubernetes else { return Self::default() };
        let groups = config.groups.iter().map(|group| group.name.as_str());
        let resources = groups.flat_map(|group| {
            let full = Resource::new(kubernetes, &config.run_dir, group, Access::Full);
            let watch = Resource::new(kubernetes, &config.run_dir, group, Access::Watch);
            [Some(full), (kubernetes.watchers > 0).then_some(watch)].into_iter().flatten()
        });
        let pod_resources = kubernetes.kubelet_dir.join("pod-resources").join(KUBELET);
        Self { kubelet: Some((kubernetes.plugins(), pod_resources)), resources: resources.collect() }
    }
}

impl Resource {
    fn new(kubernetes: &Kubernetes, run_dir: &Path, group: &str, access: Access) -> Self {
        let Kubernetes { resource_domain: domain, watchers, .. } = kubernetes;
        let watch = access == Access::Watch;
        let (kind, devices) = match access {
            Access::Full => (GROUPS, vec![group.to_owned()]),
            Access::Watch => (WATCH, (0..*watchers).map(|n| format!("{group}-watch-{n}")).collect()),
        };
        let at = |dir: &Path| dir.join(kind).join(group).display().to_string();
        Self {
            name: format!("{domain}/{}", Kubernetes::resource(group, watch)),
            endpoint: kubernetes.socket(group, watch),
            group: group.to_owned(),
            access,
            devices,
            mount: (at(run_dir), at(Path::new(LOOKED_FOR))),
        }
    }

    /// The first of these ids that is none of its devices.
    pub(super) fn foreign<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
        ids.into_iter().find(|id| !self.devices.contains(id))
    }

    /// Its devices, all healthy or all not.
    pub(super) fn listed(&self, healthy: bool) -> ListAndWatchResponse {
        let health = if healthy { "Healthy" } else { "Unhealthy" };
        let device = |id: &String| Device { id: id.clone(), health: health.to_owned() };
        ListAndWatchResponse { devices: self.devices.iter().map(device).collect() }
    }

    /// What each of so many containers gets: the group's directory, as it is on the node, where clients look for it.
    pub(super) fn allocated(&self, request: &AllocateRequest) -> AllocateResponse {
        let (host_path, container_path) = self.mount.clone();
        let mounts = vec![Mount { container_path, host_path, read_only: true }];
        let one = ContainerAllocateResponse { mounts };
        AllocateResponse { container_responses: vec![one; request.container_requests.len()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::messages::v1beta1::ContainerAllocateRequest;

    fn offer(kubernetes: &str) -> Offer {
        let text = format!(
            "run_dir = \"/srv/pins\"\n{kubernetes}[[group]]\nname = \"door\"\n\
             lines.lock = {{ line = \"GPIO20\", direction = \"output\" }}\n"
        );
        Offer::of(&Config::parse(Path::new("x"), &text).unwrap())
    }

    #[test]
    fn without_the_section_nothing_is_offered() {
        assert_eq!(offer(""), Offer::default());
    }

    #[test]
    fn a_group_is_one_device_to_drive_and_some_to_watch_with_the_directory_where_clients_look() {
        let offer = offer("[kubernetes]\nwatchers = 2\n");
        let [full, watch] = offer.resources.as_slice() else { panic!("{offer:?}") };
        assert_eq!((full.name.as_str(), watch.name.as_str()), ("gpiod.local/door", "gpiod.local/door.watch"));
        assert_eq!(full.endpoint, "gpiod.local_door.sock");
        assert_eq!((full.devices.len(), watch.devices.len()), (1, 2));
        let request = AllocateRequest { container_requests: vec![ContainerAllocateRequest::default(); 2] };
        let answer = watch.allocated(&request);
        assert_eq!(answer.container_responses.len(), 2);
        let mount = &answer.container_responses[1].mounts[0];
        assert_eq!(mount.host_path, "/srv/pins/watch/door");
        assert_eq!((mount.container_path.as_str(), mount.read_only), ("/run/gpiod/watch/door", true));
        assert_eq!(
            full.allocated(&request).container_responses[0].mounts[0].host_path,
            "/srv/pins/groups/door"
        );
        let (plugins, pods) = offer.kubelet.unwrap();
        assert_eq!(plugins, Path::new("/var/lib/kubelet/device-plugins"));
        assert_eq!(pods, Path::new("/var/lib/kubelet/pod-resources/kubelet.sock"));
    }

    #[test]
    fn without_watchers_there_is_nothing_to_watch() {
        assert_eq!(offer("[kubernetes]\nwatchers = 0\n").resources.len(), 1);
    }

    #[test]
    fn all_devices_of_a_resource_have_one_health_and_no_other_id_is_known() {
        let offer = offer("[kubernetes]\n");
        let watch = &offer.resources[1];
        let listed = watch.listed(false).devices;
        assert!(listed.len() == 16 && listed.iter().all(|device| device.health == "Unhealthy"));
        assert!(listed.iter().all(|device| device.id.len() <= 63));
        let ids = ["door-watch-15".to_owned(), "door".to_owned()];
        assert_eq!(watch.foreign(&ids), Some(&ids[1]));
    }
}
