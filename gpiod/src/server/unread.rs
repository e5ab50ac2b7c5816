//! Streams of requests that come to an end before their client has ended them, answered as if all were well: the
//! reflection service gives up so at a message that it can not read. Its client is told why instead.

use super::body::RequestBody;
use super::too_large;
use crate::broker::Broker;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{Request, Response};
use tonic::{Code, Status};

/// Before each message: whether it is compressed, and its length in 4 bytes.
const PREFIX: usize = 5;

/// What was seen of a stream of requests.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<AtomicU8>);

/// It is not at its end.
const OPEN: u8 = 0;
/// Its client has ended it.
const ENDED: u8 = 1;
/// A message is longer than any that is read.
const TOO_LARGE: u8 = 2;

/// A request whose messages are looked at, and whose answer says why they were not read to the end.
pub(super) fn looked_at(request: Request<RequestBody>, most: usize) -> (Request<Body>, Unread) {
    let seen = Seen::default();
    let unread = Unread { seen: seen.clone() };
    let request = request
        .map(|body| Body::new(Messages { body, seen, most, prefix: Vec::with_capacity(PREFIX), left: 0 }));
    (request, unread)
}

/// What an answer may have to say.
#[derive(Debug)]
pub(super) struct Unread {
    seen: Seen,
}

impl Unread {
    /// The answer, which does not end well if its requests were not read to their end.
    pub(super) fn told_in(self, answer: Response<Body>, broker: &Arc<Broker>) -> Response<Body> {
        let broker = Arc::clone(broker);
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| match frame.into_trailers() {
                Ok(trailers) => {
                    let well =
                        Status::from_header_map(&trailers).is_none_or(|status| status.code() == Code::Ok);
                    let mut told = trailers;
                    if let Some(why) = self.why(&broker).filter(|_| well) {
                        told.clear();
                        // What can not be written in a header is left out of it.
                        let _ = why.add_header(&mut told);
                    }
                    Frame::trailers(told)
                }
                Err(frame) => frame,
            }))
        })
    }

    fn why(&self, broker: &Broker) -> Option<Status> {
        match self.seen.0.load(Ordering::Relaxed) {
            OPEN => Some(Status::invalid_argument("malformed message")),
            TOO_LARGE => Some(too_large::told(Status::out_of_range(""), broker)),
            _ => None,
        }
    }
}

/// A body of messages, of which the lengths are looked at.
#[derive(Debug)]
struct Messages {
    body: RequestBody,
    seen: Seen,
    /// The longest message that is read, in bytes.
    most: usize,
    /// What has come of the next message's prefix.
    prefix: Vec<u8>,
    /// What is to come of the present message.
    left: usize,
}

impl Messages {
    fn look(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = self.left.min(bytes.len());
            self.left -= passed;
            bytes = &bytes[passed..];
            let wanted = (PREFIX - self.prefix.len()).min(bytes.len());
            if self.left == 0 && wanted > 0 {
                self.prefix.extend_from_slice(&bytes[..wanted]);
                bytes = &bytes[wanted..];
            }
            if let [_, a, b, c, d] = self.prefix[..] {
                self.prefix.clear();
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                if self.left > self.most {
                    self.seen.0.store(TOO_LARGE, Ordering::Relaxed);
                }
            }
        }
    }
}

impl HttpBody for Messages {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.look(data);
                }
            }
            // A message that was too large stays what is told.
            None => {
                let _ = self.seen.0.compare_exchange(OPEN, ENDED, Ordering::Relaxed, Ordering::Relaxed);
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
