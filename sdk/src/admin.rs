//! Orders to the daemon as a whole: for root, on the admin socket.

use crate::client::{Client, methods};
use crate::error::Error;
use crate::line::Holder;
use gpiod_proto::v1;

/// A holder whose lines were let go by order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedHolder {
    /// Who it was.
    pub holder: Holder,
    /// The names of its lines, as it knew them.
    pub lines: Vec<String>,
}

/// What is different after the daemon read its configuration anew: names of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that changed.
    pub changed: Vec<String>,
}

impl Client {
    /// Lets go of all that is held of a line group, at once and whatever its grace; its holders are told the reason.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `GroupNotFound` or `InvalidRequest`, and with `NotPermitted` on any but the admin
    /// socket; [`Error::Away`].
    pub async fn release_group(&self, group: &str, reason: &str) -> Result<Vec<ReleasedHolder>, Error> {
        let request = v1::ReleaseGroupRequest { group: group.to_owned(), reason: reason.to_owned() };
        let result = self.connection().rpc().unary(methods::RELEASE_GROUP, &request).await;
        let holders = self.connection().answer(result)?.holders.into_iter();
        let released = holders.map(|v1::ReleasedHolder { holder, lines }| ReleasedHolder {
            holder: holder.unwrap_or_default().into(),
            lines,
        });
        Ok(released.collect())
    }

    /// Makes the daemon read its configuration anew. It takes it whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `ConfigRefused` and all that is wrong with it, `LineHeld` or `Hardware` for a new line that
    /// can not be had, `ConfigPartlyTaken` for what the system refused when the configuration was in force already, and
    /// with `NotPermitted` on any but the admin socket; [`Error::Away`].
    pub async fn reload_config(&self) -> Result<Reloaded, Error> {
        let request = v1::ReloadConfigRequest {};
        let result = self.connection().rpc().unary(methods::RELOAD_CONFIG, &request).await;
        let v1::ReloadConfigResponse { added, removed, changed } = self.connection().answer(result)?;
        Ok(Reloaded { added, removed, changed })
    }
}
