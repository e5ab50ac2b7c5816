//! What the kubelet asks of a resource: its devices, what a container gets with one, and to make it ready for a container
//! that is about to start.
//!
//! Whom a device is given to is not told when it is given. Where a group is for some namespaces alone, the pod is looked up
//! before its container starts, and the container is not let start unless its pod is known and allowed.

use super::Lines;
use super::grpc::{Call, Refusal};
use super::messages::v1beta1::{
    AllocateRequest, AllocateResponse, DevicePluginOptions, PreStartContainerRequest,
    PreStartContainerResponse,
};
use super::resource::Resource;
use super::served::Watched;
use crate::log_keys as keys;
use crate::pods::Access;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a container waits until its pod is known. The kubelet itself gives it 30 s, and then tries again.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);
/// How long after an answer that did not know it the kubelet is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// What is told of us when we register, and when we are asked.
pub(super) const OPTIONS: DevicePluginOptions =
    DevicePluginOptions { pre_start_required: true, get_preferred_allocation_available: false };

/// Answers for one resource.
#[derive(Debug)]
pub(super) struct Answerer {
    pub(super) resource: Resource,
    pub(super) lines: Lines,
    pub(super) health: watch::Receiver<bool>,
    pub(super) watched: Arc<Watched>,
}

impl Answerer {
    /// Answers one call.
    pub(super) async fn answer(self: Arc<Self>, mut call: Call) {
        let method = call.path().strip_prefix("/v1beta1.DevicePlugin/").unwrap_or_default().to_owned();
        let answered = match method.as_str() {
            "GetDevicePluginOptions" => call.answer(Ok(OPTIONS)),
            "ListAndWatch" => self.list_and_watch(call).await,
            "Allocate" => {
                let answer = self.allocate(&mut call).await;
                call.answer(answer)
            }
            "PreStartContainer" => {
                let answer = self.pre_start(&mut call).await;
                call.answer(answer)
            }
            _ => call.answer::<PreStartContainerResponse>(Err(Refusal::no_such_method())),
        };
        if let Err(error) = answered {
            tracing::debug!(%error, { keys::RESOURCE } = self.resource.name, "the kubelet has gone before its answer");
        }
    }

    /// Tells the devices, and again whenever their health changes.
    async fn list_and_watch(&self, call: Call) -> Result<(), h2::Error> {
        let mut health = self.health.clone();
        let mut answers = call.begin()?;
        let _one = self.watched.one();
        loop {
            let healthy = *health.borrow_and_update();
            answers.send(&self.resource.listed(healthy)).await?;
            tokio::select! {
                changed = health.changed() => if changed.is_err() {
                    return Ok(());
                },
                () = answers.gone() => return Ok(()),
            }
        }
    }

    async fn allocate(&self, call: &mut Call) -> Result<AllocateResponse, Refusal> {
        let request: AllocateRequest = call.message().await?;
        let ids = request.container_requests.iter().flat_map(|container| &container.devices_ids);
        let ids: Vec<String> = ids.cloned().collect();
        self.known(&ids)?;
        // They may be another pod's from now on.
        self.lines.pods.changed(&ids);
        tracing::info!(
            { keys::RESOURCE } = self.resource.name,
            { keys::DEVICES } = ids.join(","),
            "given to a container"
        );
        Ok(self.resource.allocated(&request))
    }

    async fn pre_start(&self, call: &mut Call) -> Result<PreStartContainerResponse, Refusal> {
        let PreStartContainerRequest { devices_ids: ids } = call.message().await?;
        self.known(&ids)?;
        let Resource { group, access, .. } = &self.resource;
        let gone = || Refusal::not_now(format!("there is no group {group:?} any more"));
        let broker = self.lines.broker_of(group).ok_or_else(gone)?;
        // The kubelet knows by now whose they are.
        self.lines.pods.changed(&[]);
        let namespaces = broker.namespaces_of(group);
        if !namespaces.is_empty()
            && let Err(refusal) = self.allowed(&ids, &namespaces).await
        {
            self.lines.pods.refuse(&ids);
            tracing::warn!(
                { keys::RESOURCE } = self.resource.name,
                { keys::ERROR } = refusal.text(),
                "a container is not let start"
            );
            return Err(refusal);
        }
        self.lines.pods.accept(&ids);
        if *access == Access::Full {
            let group = group.clone();
            // A chip behind a bus may make us wait.
            let ready = tokio::task::spawn_blocking(move || broker.make_ready(&group)).await;
            let ready = ready.map_err(|defect| Refusal::failed(defect.to_string()))?;
            ready.map_err(|error| Refusal::failed(error.to_string()))?;
        }
        Ok(PreStartContainerResponse {})
    }

    /// That all ids are devices of ours.
    fn known(&self, ids: &[String]) -> Result<(), Refusal> {
        match self.resource.foreign(ids) {
            Some(id) => Err(Refusal::invalid(format!("{id:?} is no device of {}", self.resource.name))),
            None => Ok(()),
        }
    }

    /// That the pods of all these devices are known, and in one of the namespaces.
    async fn allowed(&self, ids: &[String], namespaces: &[String]) -> Result<(), Refusal> {
        let Resource { group, access, .. } = &self.resource;
        let pods = &self.lines.pods;
        for id in ids {
            let known = async {
                loop {
                    pods.look(group, *access).await;
                    if let Some(pod) = pods.pod_of(group, *access, id) {
                        return pod;
                    }
                    sleep(AGAIN).await;
                    pods.changed(&[]);
                }
            };
            let pod = timeout(KNOWN_WITHIN, known).await.map_err(|_| {
                let within = KNOWN_WITHIN.as_secs();
                Refusal::not_now(format!(
                    "group {group:?} is for some namespaces alone, and the kubelet did not tell within {within} s which \
                     pod has {id}"
                ))
            })?;
            if !namespaces.contains(&pod.namespace) {
                return Err(Refusal::not_allowed(format!(
                    "group {group:?} is not for pod {pod}: its namespace is not in the group's allow_namespaces"
                )));
            }
        }
        Ok(())
    }
}
