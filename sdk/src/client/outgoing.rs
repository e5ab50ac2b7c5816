//! What goes out on a session's stream: requests, no faster than the daemon reads them.

use super::framing::put;
use gpiod_proto::v1::SessionRequest;
use h2::SendStream;
use prost::bytes::{Bytes, BytesMut};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Bytes for which there is room from the first: several commands.
const FIRST: usize = 128;
/// Bytes that are gathered into one piece; one more request may be begun below it.
const PIECE: usize = 8 * 1024;

/// The way out of one stream, until its end.
///
/// It moves when it is polled by whoever waits for the answers, and so needs no task of its own. Why the daemon ended
/// it is told by the way in.
#[derive(Debug)]
pub(super) struct Outgoing {
    requests: mpsc::Receiver<SessionRequest>,
    stream: SendStream<Bytes>,
    /// What was taken of the requests and is sent next.
    gathered: BytesMut,
    /// Whether nothing was sent yet. The first piece waits beside the headers, and leaves with them.
    first: bool,
}

impl Outgoing {
    /// Requests for a stream whose headers wait to be sent.
    pub(super) fn new(requests: mpsc::Receiver<SessionRequest>, stream: SendStream<Bytes>) -> Self {
        Self { requests, stream, gathered: BytesMut::with_capacity(FIRST), first: true }
    }

    /// Sends what there is now, as far as there is room for it; ready at the end of the stream.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let end = self.gather(context);
            if self.gathered.is_empty() && !end {
                return Poll::Pending;
            }
            // One piece waits for room at most, and no more is taken than fills another.
            if !self.first && !self.gathered.is_empty() && !ready!(self.poll_room(context)) {
                return Poll::Ready(());
            }
            self.first = false;
            let piece = self.gathered.split().freeze();
            if self.stream.send_data(piece, end).is_err() || end {
                return Poll::Ready(());
            }
        }
    }

    /// Takes requests until there is a piece, or none is left for now: whether there will be none.
    fn gather(&mut self, context: &mut Context<'_>) -> bool {
        while self.gathered.len() < PIECE {
            match self.requests.poll_recv(context) {
                Poll::Ready(Some(request)) => put(&request, &mut self.gathered),
                Poll::Ready(None) => return true,
                Poll::Pending => return false,
            }
        }
        false
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
