//! The stream of a watch: first the present values or what was missed, then all that waits, up to the next loss in one
//! message.

use super::convert;
use crate::broker::Watch;
use crate::error::Error;
use gpiod_proto::v1::WatchResponse;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_stream::Stream;
use tonic::Status;

/// Dropping it, as tonic does when the client has gone, ends the watch.
#[derive(Debug)]
pub(super) struct WatchStream {
    watch: Watch,
    begun: bool,
    ended: bool,
}

impl WatchStream {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, begun: false, ended: false }
    }

    /// The next part, without the end of the stream: `None` when the daemon stops.
    pub(super) fn poll_part(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<WatchResponse>, Error>> {
        let (batch, first) = if self.begun {
            let Some(batch) = std::task::ready!(self.watch.queue().poll_take(context)) else {
                return Poll::Ready(Ok(None));
            };
            (batch, None)
        } else {
            self.begun = true;
            (self.watch.queue().begin(), self.watch.first)
        };
        // Whoever has lost events no longer knows the values from the events alone.
        let present = if batch.losses.is_none() { first } else { Some(self.watch.values()?) };
        Poll::Ready(Ok(Some(convert::watch_part(batch, present))))
    }
}

impl Stream for WatchStream {
    type Item = Result<WatchResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let part = std::task::ready!(self.poll_part(context));
        let item = part.and_then(|part| part.ok_or_else(|| self.watch.end()));
        self.ended = item.is_err();
        Poll::Ready(Some(item.map_err(Status::from)))
    }
}
