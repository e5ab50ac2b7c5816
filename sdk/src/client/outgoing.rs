//! What goes out on a session's stream: requests, no faster than the daemon reads them.

use super::requests::Waiting;
use h2::SendStream;
use prost::bytes::Bytes;
use std::task::{Context, Poll, ready};

/// The way out of one stream, until its end.
///
/// It moves when it is polled by whoever waits for the answers, and so needs no task of its own. Why the daemon ended
/// it is told by the way in.
#[derive(Debug)]
pub(super) struct Outgoing {
    requests: Waiting,
    stream: SendStream<Bytes>,
    /// Whether nothing was sent yet. The first piece waits beside the headers, and leaves with them.
    first: bool,
}

impl Outgoing {
    /// Requests for a stream whose headers wait to be sent.
    pub(super) fn new(requests: Waiting, stream: SendStream<Bytes>) -> Self {
        Self { requests, stream, first: true }
    }

    /// Sends what there is now, as far as there is room for it; ready at the end of the stream.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let end_alone = ready!(self.requests.poll_some(context));
            // One piece waits for room at most; the rest stays where it is.
            if !self.first && !end_alone && !ready!(self.poll_room(context)) {
                return Poll::Ready(());
            }
            self.first = false;
            let (piece, end) = self.requests.take();
            if self.stream.send_data(piece, end).is_err() || end {
                return Poll::Ready(());
            }
        }
    }

    /// Ready when the daemon takes more: `false` when it takes nothing any more.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        // The least that is room for something, and no sooner than there is something: who holds room that he does not
        // use keeps it from the connection's other streams.
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(context)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    }
}

#[cfg(test)]
mod tests;
