//! Asks the kubelet which pod has what, when somebody wants to know, and tells it.

use super::grpc;
use super::listing::Listing;
use super::messages::v1::ListPodResourcesRequest;
use super::resource::Offer;
use crate::log_keys as keys;
use crate::pods::{Allocated, Pods};
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// Asks as often as it is wanted, one time after the other.
pub(super) async fn ask(pods: Arc<Pods>, mut offer: watch::Receiver<Offer>) {
    let mut said: Option<String> = None;
    pods.ask_kubelet(offer.borrow_and_update().kubelet.is_some());
    loop {
        tokio::select! {
            () = pods.wanted() => {}
            changed = offer.changed() => match changed {
                Ok(()) => {
                    pods.ask_kubelet(offer.borrow_and_update().kubelet.is_some());
                    continue;
                }
                Err(_) => return,
            },
        }
        let now = offer.borrow().clone();
        // Whatever changes hands from now on, the answer may not know.
        let changes = pods.changes();
        let answer = list(&now).await;
        let failure = answer.as_ref().err().map(ToString::to_string);
        if let Some(error) = failure.as_ref().filter(|_| failure != said) {
            tracing::warn!(
                { keys::ERROR } = error,
                "the kubelet does not tell which pod has what: pods are unknown"
            );
        }
        said = failure;
        pods.tell(changes, answer.ok());
    }
}

async fn list(offer: &Offer) -> io::Result<Allocated> {
    let Some((_, socket)) = &offer.kubelet else { return Ok(Allocated::new()) };
    grpc::ask(socket, async |send| {
        let mut listing = Listing::new(&offer.resources);
        let path = "/v1.PodResourcesLister/List";
        let all = grpc::framed(&ListPodResourcesRequest {});
        grpc::question(send, path, all, &mut |bytes| listing.take(bytes)).await?;
        listing.end()
    })
    .await
}
