//! What comes in on a stream: first that there is an answer, then its messages, and how it ended.
//!
//! Dropping it resets the stream, unless it is at its end: the daemon learns at once that nobody waits any more.

use super::calls::broken;
use super::framing::Framing;
use super::outgoing::Outgoing;
use h2::RecvStream;
use h2::client::ResponseFuture;
use prost::{DecodeError, Message};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::codegen::http::{HeaderMap, StatusCode};
use tonic::{Code, Status};

/// The name of the header that says how a call ended.
const STATUS: &str = "grpc-status";

/// Messages that are given in one turn: more than there are commands on their way.
pub(super) const TURN: usize = 512;

/// The answers of one call.
pub(crate) struct Answers<A> {
    incoming: Incoming,
    /// A session's requests, until their end.
    outgoing: Option<Outgoing>,
    decode: Decode<A>,
}

/// Reads one message from its bytes.
type Decode<A> = fn(&[u8]) -> Result<A, DecodeError>;

/// What is the same for all kinds of messages.
struct Incoming {
    stream: RecvStream,
    framing: Framing,
    /// Whether the status has come.
    ended: bool,
}

impl<A> fmt::Debug for Answers<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

impl<A: Message + Default> Answers<A> {
    /// Waits for the beginning of an answer.
    pub(super) async fn begin(
        mut answer: ResponseFuture,
        mut outgoing: Option<Outgoing>,
    ) -> Result<Self, Status> {
        let answer = poll_fn(|context| {
            send(&mut outgoing, context);
            Pin::new(&mut answer).poll(context)
        });
        let (head, stream) = answer.await.map_err(broken)?.into_parts();
        if head.status != StatusCode::OK {
            return Err(Status::unknown(format!("no answer in gRPC: HTTP's status {}", head.status)));
        }
        // A refusal is headers alone.
        let ended = head.headers.contains_key(STATUS);
        if ended {
            status(&head.headers)?;
        }
        let incoming = Incoming { stream, framing: Framing::default(), ended };
        Ok(Self { incoming, outgoing, decode: |bytes| A::decode(bytes) })
    }

    /// Has them read in another way than prost's, to the same result.
    pub(super) fn decoded_by(self, decode: Decode<A>) -> Self {
        Self { decode, ..self }
    }

    /// The next message; `None` at the end, if that was well.
    ///
    /// Nothing is lost when this is cancelled.
    pub(crate) async fn message(&mut self) -> Result<Option<A>, Status> {
        poll_fn(|context| {
            send(&mut self.outgoing, context);
            self.poll_message(context)
        })
        .await
    }

    /// Gives all messages to `take`, in their order, until the end; done if that was well.
    ///
    /// Nothing is lost when this is cancelled.
    pub(crate) async fn each(&mut self, mut take: impl FnMut(A)) -> Result<(), Status> {
        poll_fn(|context| {
            send(&mut self.outgoing, context);
            for _ in 0..TURN {
                let Some(message) = ready!(self.poll_message(context))? else { return Poll::Ready(Ok(())) };
                take(message);
            }
            // Where they come as fast as they are taken, what is to be sent has its turn all the same, and so have others.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    #[inline]
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<A>, Status>> {
        let (decode, mut message) = (self.decode, None);
        ready!(self.incoming.poll_next(context, &mut |bytes| message = Some(decode(bytes))))?;
        Poll::Ready(message.transpose().map_err(malformed))
    }
}

fn malformed(error: DecodeError) -> Status {
    Status::invalid_argument(format!("malformed message: {error}"))
}

/// Sends what there is to send, until the end.
fn send(outgoing: &mut Option<Outgoing>, context: &mut Context<'_>) {
    if let Some(open) = outgoing
        && open.poll(context).is_ready()
    {
        *outgoing = None;
    }
}

impl Incoming {
    /// Gives the bytes of the next message to `message`, unless there is none any more.
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        message: &mut dyn FnMut(&[u8]),
    ) -> Poll<Result<(), Status>> {
        while !self.ended {
            if self.framing.take(message)? {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.stream.poll_data(context)) {
                Some(Ok(frame)) => {
                    // What is taken makes room for more; a stream that has ended needs none.
                    let _ = self.stream.flow_control().release_capacity(frame.len());
                    self.framing.add(frame);
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => {
                    let trailers = ready!(self.stream.poll_trailers(context)).map_err(broken)?;
                    self.ended = true;
                    status(&trailers.unwrap_or_default())?;
                    if !self.framing.is_between_messages() {
                        return Poll::Ready(Err(Status::internal("the answer ended within a message")));
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// How a call ended.
fn status(headers: &HeaderMap) -> Result<(), Status> {
    if headers.get(STATUS).is_some_and(|status| status == "0") {
        return Ok(());
    }
    match Status::from_header_map(headers) {
        Some(status) if status.code() == Code::Ok => Ok(()),
        Some(status) => Err(status),
        None => Err(Status::unknown("the answer ended without a status")),
    }
}
