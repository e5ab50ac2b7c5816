//! The admin socket's orders to the daemon as a whole. They are carried out by whoever started it; here they are only
//! received and answered.

use super::{caller, convert};
use crate::broker::Released;
use crate::config::MAX_GROUP_NAME;
use crate::error::Error;
use crate::holder::Caller;
use gpiod_proto::v1;
use gpiod_proto::v1::admin_service_server::AdminService;
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Status, async_trait};

/// An order, and where its answer goes.
#[derive(Debug)]
pub enum Order {
    /// Let go of all that is held of a group.
    Release {
        /// The group's name.
        group: String,
        /// Why, for its holders.
        reason: String,
        /// Who gave it.
        by: Caller,
        /// What was let go.
        answer: oneshot::Sender<Result<Vec<Released>, Error>>,
    },
    /// Read the configuration anew.
    Reload {
        /// What is different now.
        answer: oneshot::Sender<Result<Reloaded, Error>>,
    },
}

/// What is different after the configuration was read anew: names of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that changed.
    pub changed: Vec<String>,
}

/// Where orders go.
pub type Orders = mpsc::Sender<Order>;

/// The service.
#[derive(Debug)]
pub(super) struct Admin(pub(super) Orders);

impl Admin {
    async fn give<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Order,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        // Whoever carries them out ends when the daemon stops.
        self.0.send(order(answer)).await.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)?
    }
}

#[async_trait]
impl AdminService for Admin {
    async fn release_group(
        &self,
        request: Request<v1::ReleaseGroupRequest>,
    ) -> Result<Response<v1::ReleaseGroupResponse>, Status> {
        let by = caller::of_request(&request)?;
        let v1::ReleaseGroupRequest { group, reason } = request.into_inner();
        let reason = convert::reason(reason)?;
        if group.len() > MAX_GROUP_NAME {
            let told = format!("a group's name has at most {MAX_GROUP_NAME} bytes, not {}", group.len());
            return Err(Error::InvalidRequest(told).into());
        }
        let released = self.give(|answer| Order::Release { group, reason, by, answer }).await?;
        Ok(Response::new(convert::released(released)))
    }

    async fn reload_config(
        &self,
        _: Request<v1::ReloadConfigRequest>,
    ) -> Result<Response<v1::ReloadConfigResponse>, Status> {
        let Reloaded { added, removed, changed } = self.give(|answer| Order::Reload { answer }).await?;
        Ok(Response::new(v1::ReloadConfigResponse { added, removed, changed }))
    }
}
