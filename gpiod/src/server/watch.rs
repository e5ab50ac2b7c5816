//! The stream of a watch: first the present values or what was missed, then what waits, in messages of so
//! many events at most, and each loss at the beginning of one.

use super::answers::Telling;
use super::convert;
use super::places::{Place, Places};
use crate::broker::{Broker, Watch};
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
    _place: Place,
}

/// A place for one more watch among those of all sockets.
///
/// # Errors
/// [`Error::LimitReached`].
pub(super) fn place(places: &Places, broker: &Broker) -> Result<Place, Error> {
    places.take().ok_or_else(|| {
        let max = broker.limits().total_watches.into();
        let full = Error::LimitReached { limit: "limits.total_watches", max };
        broker.count_refusal(&full);
        full
    })
}

impl WatchStream {
    pub(super) fn new(watch: Watch, place: Place) -> Self {
        Self { watch, begun: false, ended: false, _place: place }
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

impl Telling for WatchStream {
    type Message = WatchResponse;
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
