//! The admin socket's orders to the daemon as a whole. They are carried out by whoever started it; here they are only
//! received and answered.

use super::answers::{Answering, Gone};
use super::convert;
use super::dispatch::Incoming;
use super::unary::unary;
use crate::broker::Released;
use crate::config::MAX_GROUP_NAME;
use crate::error::Error;
use crate::holder::Caller;
use gpiod_proto::v1;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

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

impl Admin {
    /// Answers a call.
    ///
    /// # Errors
    /// When the client has gone before.
    pub(super) async fn call(
        &self,
        method: &str,
        by: Caller,
        request: Incoming,
        answering: Answering,
    ) -> Result<(), Gone> {
        match method {
            "ReleaseGroup" => {
                unary(request.messages(), answering, async |release| self.release_group(by, release).await)
                    .await
            }
            "ReloadConfig" => {
                unary(request.messages(), answering, async |reload| self.reload_config(reload).await).await
            }
            _ => answering.fail(Status::unimplemented("the administrator's service has no such method")),
        }
    }

    async fn release_group(
        &self,
        by: Caller,
        release: v1::ReleaseGroupRequest,
    ) -> Result<v1::ReleaseGroupResponse, Status> {
        let v1::ReleaseGroupRequest { group, reason } = release;
        let reason = convert::reason(reason)?;
        if group.len() > MAX_GROUP_NAME {
            let told = format!("a group's name has at most {MAX_GROUP_NAME} bytes, not {}", group.len());
            return Err(Error::InvalidRequest(told).into());
        }
        let released = self.give(|answer| Order::Release { group, reason, by, answer }).await?;
        Ok(convert::released(released))
    }

    async fn reload_config(&self, _: v1::ReloadConfigRequest) -> Result<v1::ReloadConfigResponse, Status> {
        let Reloaded { added, removed, changed } = self.give(|answer| Order::Reload { answer }).await?;
        Ok(v1::ReloadConfigResponse { added, removed, changed })
    }
}
