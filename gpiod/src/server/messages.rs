//! The messages that a client sends on a stream: of each a byte that says whether it is compressed, four with its length,
//! and its bytes (gRPC over HTTP/2, "Length-Prefixed-Message"), in frames that may end anywhere.

use super::backlog::{Backlog, Behind};
use crate::broker::Broker;
use h2::RecvStream;
use prost::{DecodeError, Message};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_util::bytes::Buf;
use tonic::Status;
use tonic::codegen::Bytes;

/// Bytes before each message.
const HEAD: usize = 5;

/// The messages of one stream, one after the other.
pub(super) struct Messages<T> {
    body: RecvStream,
    framing: Framing,
    behind: Behind,
    decode: Decode<T>,
}

/// Reads one message from its bytes.
type Decode<T> = fn(&[u8]) -> Result<T, DecodeError>;

impl<T> fmt::Debug for Messages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messages")
    }
}

impl<T: Message + Default> Messages<T> {
    pub(super) fn new(body: RecvStream, broker: Arc<Broker>, backlog: Arc<Backlog>) -> Self {
        let framing = Framing { broker, frame: Bytes::new(), part: Vec::new() };
        Self { body, framing, behind: Behind::new(backlog), decode: |bytes| T::decode(bytes) }
    }

    /// Has them read in another way than prost's, to the same result.
    pub(super) fn decoded_by(self, decode: Decode<T>) -> Self {
        Self { decode, ..self }
    }

    /// The next message; `None` when the client has sent its last, an error when it has gone or can not be understood.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Status>>> {
        loop {
            if let Some(message) = self.framing.take(self.decode).transpose() {
                return Poll::Ready(Some(message));
            }
            let Poll::Ready(frame) = self.body.poll_data(context) else {
                self.behind.set(false);
                return Poll::Pending;
            };
            match frame {
                Some(Ok(frame)) => {
                    // One that is looked at makes room for another.
                    let room = self.body.flow_control().release_capacity(frame.len());
                    self.framing.frame = frame;
                    if let Err(gone) = room {
                        return Poll::Ready(Some(Err(cancelled(&gone))));
                    }
                }
                Some(Err(gone)) => return Poll::Ready(Some(Err(cancelled(&gone)))),
                None if self.framing.part.is_empty() => return Poll::Ready(None),
                None => {
                    self.framing.part = Vec::new();
                    let text = "malformed message: the stream ended within it";
                    return Poll::Ready(Some(Err(Status::invalid_argument(text))));
                }
            }
        }
    }

    /// Says that what is left is looked at in the next turn, and no more is to be read until then.
    pub(super) fn leave_rest(&mut self) {
        self.behind.set(true);
    }

    /// Says that what is left will not be looked at for now: what makes room for answers comes on the same connection, and so
    /// does the client's end.
    pub(super) fn read_on(&mut self) {
        self.behind.set(false);
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Option<T>, Status> {
        poll_fn(|context| self.poll_next(context)).await.transpose()
    }

    /// The only message of a call, when all of the call has come.
    pub(super) async fn only(mut self) -> Result<T, Status> {
        let only = self.next().await?;
        let only = only.ok_or_else(|| Status::invalid_argument("malformed message: there is none"))?;
        match self.next().await? {
            None => Ok(only),
            Some(_) => Err(Status::invalid_argument("malformed message: there are several for one call")),
        }
    }
}

fn cancelled(gone: &h2::Error) -> Status {
    Status::cancelled(gone.to_string())
}

/// Finds messages in frames.
struct Framing {
    /// For how long they may be.
    broker: Arc<Broker>,
    /// What has come and was not looked at.
    frame: Bytes,
    /// The beginning of a message of which the rest has not come.
    part: Vec<u8>,
}

impl Framing {
    /// The next message, if all of it is here.
    fn take<T>(&mut self, decode: Decode<T>) -> Result<Option<T>, Status> {
        if self.part.is_empty()
            && let Some(head) = self.frame.first_chunk()
        {
            let end = HEAD + self.length(*head)?;
            if let Some(message) = self.frame.get(HEAD..end) {
                let message = decode(message).map_err(malformed);
                self.frame.advance(end);
                return message.map(Some);
            }
        }
        if self.frame.is_empty() {
            return Ok(None);
        }
        self.fill(HEAD);
        let Some(head) = self.part.first_chunk() else { return Ok(None) };
        let end = HEAD + self.length(*head)?;
        self.fill(end);
        if self.part.len() < end {
            return Ok(None);
        }
        // Long messages are rare: what this one took is given back.
        decode(&std::mem::take(&mut self.part)[HEAD..]).map_err(malformed).map(Some)
    }

    /// Adds to the part until it has so many bytes.
    fn fill(&mut self, bytes: usize) {
        let missing = bytes.saturating_sub(self.part.len()).min(self.frame.len());
        self.part.reserve_exact(missing);
        self.part.extend_from_slice(&self.frame.split_to(missing));
    }

    /// The length that a head says.
    fn length(&self, head: [u8; HEAD]) -> Result<usize, Status> {
        let [compressed, length @ ..] = head;
        if compressed != 0 {
            return Err(Status::unimplemented("compressed messages are not taken"));
        }
        let (length, max) = (u32::from_be_bytes(length), self.broker.limits().message_bytes);
        if length > max {
            return Err(self.broker.beyond("limits.message_bytes", max).into());
        }
        Ok(length as usize)
    }
}

fn malformed(error: DecodeError) -> Status {
    Status::invalid_argument(format!("malformed message: {error}"))
}
