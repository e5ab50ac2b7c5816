//! A kubelet as a device plugin sees it: its sockets, what it asks, and what it does when it is started anew.
//!
//! What is real: gRPC on Unix sockets in a directory of its own, as Go's kubelet has it; that it connects to whoever
//! registers and watches its devices; that it removes all sockets from the directory when it starts. What is not: pods and
//! the cluster. A test says which pod has what.
#![allow(dead_code, unreachable_pub, reason = "each test file uses the part of it that it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use super::fixture::PATIENCE;
use messages::v1::pod_resources_lister_server::{PodResourcesLister, PodResourcesListerServer};
use messages::v1::{
    ContainerDevices, ContainerResources, ListPodResourcesRequest, ListPodResourcesResponse, PodResources,
};
use messages::v1beta1::device_plugin_client::DevicePluginClient;
use messages::v1beta1::registration_server::{Registration, RegistrationServer};
use messages::v1beta1::*;
use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, async_trait};

#[allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code; its documentation is in the .proto files"
)]
pub mod messages {
    pub mod v1 {
        include!("generated/v1.rs");
    }
    pub mod v1beta1 {
        include!("generated/v1beta1.rs");
    }
}

/// What a kubelet knows of a resource: its devices with their health, and how often it was registered.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub endpoint: String,
    pub registered: u32,
    pub devices: Vec<(String, String)>,
    watching: Option<AbortHandle>,
}

type Resources = BTreeMap<String, Known>;

/// A kubelet that runs. Dropping it ends it as a kill does: its sockets stay.
pub struct Kubelet {
    dir: PathBuf,
    resources: Arc<watch::Sender<Resources>>,
    pods: Arc<Mutex<Vec<PodResources>>>,
    _tasks: JoinSet<()>,
}

impl Kubelet {
    /// Starts one in a directory.
    pub async fn start(dir: &Path) -> Self {
        let resources: Arc<watch::Sender<Resources>> = Arc::default();
        let pods = Arc::<Mutex<Vec<PodResources>>>::default();
        let mut tasks = JoinSet::new();
        let registrar = Registrar { dir: plugins(dir), resources: Arc::clone(&resources) };
        let incoming = listen(&plugins(dir));
        tasks.spawn(async move {
            Server::builder()
                .serve_with_incoming(RegistrationServer::new(registrar), incoming)
                .await
                .unwrap();
        });
        let lister = PodResourcesListerServer::new(Lister(Arc::clone(&pods)));
        let incoming = listen(&dir.join("pod-resources"));
        tasks.spawn(async move {
            Server::builder().serve_with_incoming(lister, incoming).await.unwrap();
        });
        Self { dir: dir.to_owned(), resources, pods, _tasks: tasks }
    }

    /// Waits until what it knows of its resources is like this.
    pub async fn until(&self, like: impl Fn(&Resources) -> bool) -> Resources {
        let mut resources = self.resources.subscribe();
        let seen = tokio::time::timeout(PATIENCE, resources.wait_for(|resources| like(resources))).await;
        let seen = seen.map(|seen| seen.unwrap().clone());
        seen.unwrap_or_else(|_| panic!("{:#?}", self.resources.borrow()))
    }

    /// Waits until it watches the devices of so many resources.
    pub async fn knows(&self, count: usize) -> Resources {
        self.until(|all| all.values().filter(|known| !known.devices.is_empty()).count() == count).await
    }

    /// What it knows of one.
    pub fn known(&self, resource: &str) -> Known {
        self.resources.borrow()[resource].clone()
    }

    /// The plugin of a resource.
    pub async fn plugin(&self, resource: &str) -> DevicePluginClient<Channel> {
        connect(&plugins(&self.dir).join(self.known(resource).endpoint)).await
    }

    /// Gives devices to a container.
    pub async fn allocate(&self, resource: &str, ids: &[&str]) -> Result<Vec<Mount>, Status> {
        let devices_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let request = AllocateRequest { container_requests: vec![ContainerAllocateRequest { devices_ids }] };
        let mut answer = self.plugin(resource).await.allocate(request).await?.into_inner();
        assert_eq!(answer.container_responses.len(), 1);
        Ok(answer.container_responses.remove(0).mounts)
    }

    /// Makes devices ready for a container.
    pub async fn pre_start(&self, resource: &str, ids: &[&str]) -> Result<(), Status> {
        let devices_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let request = PreStartContainerRequest { devices_ids };
        self.plugin(resource).await.pre_start_container(request).await.map(drop)
    }

    /// From now on these pods have these devices: namespace, name, resource, device.
    pub fn tells(&self, pods: &[(&str, &str, &str, &str)]) {
        let pod = |(namespace, name, resource, id): &(&str, &str, &str, &str)| {
            let devices =
                vec![ContainerDevices { resource_name: (*resource).into(), device_ids: vec![(*id).into()] }];
            let containers = vec![ContainerResources { devices }];
            PodResources { name: (*name).into(), namespace: (*namespace).into(), containers }
        };
        *self.pods.lock().unwrap() = pods.iter().map(pod).collect();
    }

    /// Stops watching the devices of a resource, as it does when it found something wrong with its plugin.
    pub fn forget(&self, resource: &str) {
        self.resources.send_modify(|resources| {
            let known = resources.get_mut(resource).unwrap();
            known.devices.clear();
            known.watching.take().unwrap().abort();
        });
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        for known in self.resources.borrow().values() {
            known.watching.iter().for_each(AbortHandle::abort);
        }
    }
}

/// Where the sockets of plugins are.
pub fn plugins(dir: &Path) -> PathBuf {
    dir.join("device-plugins")
}

async fn connect(path: &Path) -> DevicePluginClient<Channel> {
    let endpoint = Endpoint::try_from(format!("unix:{}", path.display())).unwrap();
    DevicePluginClient::new(endpoint.connect().await.unwrap())
}

/// Makes a socket as a kubelet does when it starts: what sockets there were are gone.
fn listen(dir: &Path) -> UnixListenerStream {
    std::fs::create_dir_all(dir).unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_socket() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    UnixListenerStream::new(UnixListener::bind(dir.join("kubelet.sock")).unwrap())
}

struct Registrar {
    dir: PathBuf,
    resources: Arc<watch::Sender<Resources>>,
}

#[async_trait]
impl Registration for Registrar {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<Empty>, Status> {
        let RegisterRequest { version, endpoint, resource_name, options } = request.into_inner();
        if version != "v1beta1" || !options.unwrap().pre_start_required || endpoint.contains('/') {
            return Err(Status::invalid_argument("no device plugin as they are"));
        }
        let path = self.dir.join(&endpoint);
        let (resources, name) = (Arc::clone(&self.resources), resource_name.clone());
        // A kubelet answers first, and connects then.
        let watching = tokio::spawn(async move {
            let mut plugin = connect(&path).await;
            let mut lists = plugin.list_and_watch(Empty {}).await.unwrap().into_inner();
            while let Ok(Some(list)) = lists.message().await {
                let devices = list.devices.into_iter().map(|device| (device.id, device.health)).collect();
                resources.send_modify(|resources| resources.get_mut(&name).unwrap().devices = devices);
            }
            resources.send_modify(|resources| {
                if let Some(known) = resources.get_mut(&name) {
                    known.devices.clear();
                }
            });
        });
        self.resources.send_modify(|resources| {
            let known = resources.entry(resource_name).or_default();
            known.endpoint = endpoint;
            known.registered += 1;
            if let Some(before) = known.watching.replace(watching.abort_handle()) {
                before.abort();
            }
        });
        Ok(Response::new(Empty {}))
    }
}

struct Lister(Arc<Mutex<Vec<PodResources>>>);

#[async_trait]
impl PodResourcesLister for Lister {
    async fn list(
        &self,
        _: Request<ListPodResourcesRequest>,
    ) -> Result<Response<ListPodResourcesResponse>, Status> {
        let pod_resources = self.0.lock().unwrap().clone();
        Ok(Response::new(ListPodResourcesResponse { pod_resources }))
    }
}
