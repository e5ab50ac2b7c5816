//! The beginning and the end of a session's watches, bounded on both sides.
//!
//! The app has a watch from the call that opens it until that call or the watch is dropped. The daemon has it for
//! longer: until it has answered its end. Whoever opens and gives up in a row waits for that, and neither fills the
//! way to the daemon nor is told that there are too many watches.

use crate::error::Error;
use crate::session::core::state::{Places, SessionWatch};
use crate::session::core::{Core, MAX_WATCHES, place, unexpected};
use crate::watch::ring::Ring;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use std::sync::Arc;

/// Ends the watch again if the caller does not wait for its beginning.
struct Beginning<'a>(Option<(&'a Core, u64)>);

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        if let Some((core, id)) = self.0 {
            core.unwatch(id);
        }
    }
}

impl Core {
    /// Begins a watch; gives the id that [`unwatch`](Self::unwatch) takes.
    pub(crate) async fn watch(&self, mask: u64, edge: i32, ring: Arc<Ring>) -> Result<u64, Error> {
        let of_app = self.watches.clone().try_acquire_owned();
        let of_app =
            of_app.map_err(|_| Error::invalid(format!("a session has at most {MAX_WATCHES} watches")))?;
        // The app has no more watches than there are places, so a place that is taken beyond them is of one that ends.
        let of_daemon = place(&self.watch_places).await?;
        self.room().await;
        let id = {
            let mut state = self.lock();
            let mut watch =
                SessionWatch { id: 0, mask, edge, ring, away: None, _of_app: of_app, place: of_daemon };
            let command = Command::Watch(watch.command().into());
            watch.id = state.send(command, Places::COMMAND, false, None)?;
            self.await_daemon(&mut state);
            let id = watch.id;
            state.watches.push(watch);
            id
        };
        let mut beginning = Beginning(Some((self, id)));
        let Answer::Watch(_) = self.answered(id).await? else { return Err(unexpected("a watch")) };
        beginning.0 = None;
        Ok(id)
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&self, id: u64) {
        let mut state = self.lock();
        state.unwatch(id);
        self.tell_return(&mut state, false);
    }
}
