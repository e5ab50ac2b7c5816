//! What a client sends on a stream, for services that tonic serves; and whether they looked at all of it.
//!
//! The reflection service ends well when it comes to a message that it can not read, as if that had been the end. Its
//! client is told why instead.

use super::too_large;
use crate::broker::Broker;
use h2::RecvStream;
use http_body::Frame;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tonic::body::Body as Answer;
use tonic::codegen::http::Response;
use tonic::codegen::{Body, Bytes};
use tonic::{Code, Status};

/// Before each message: whether it is compressed, and its length in 4 bytes.
const PREFIX: usize = 5;

/// It is not at its end.
const OPEN: u8 = 0;
/// Its client has ended it.
const ENDED: u8 = 1;
/// A message is longer than any that is read.
const TOO_LARGE: u8 = 2;

/// The body of a request.
#[derive(Debug)]
pub(super) struct RequestBody {
    stream: RecvStream,
    seen: Arc<AtomicU8>,
    /// The longest message that is read, in bytes.
    most: usize,
    /// What has come of the next message's prefix.
    prefix: Vec<u8>,
    /// What is to come of the present message.
    left: usize,
}

/// What an answer may have to say of its request.
#[derive(Debug)]
pub(super) struct Unread(Arc<AtomicU8>);

impl RequestBody {
    /// A body whose messages have so many bytes at most.
    pub(super) fn new(stream: RecvStream, most: usize) -> (Self, Unread) {
        let seen = Arc::new(AtomicU8::new(OPEN));
        let unread = Unread(Arc::clone(&seen));
        (Self { stream, seen, most, prefix: Vec::with_capacity(PREFIX), left: 0 }, unread)
    }

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
                    self.seen.store(TOO_LARGE, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        match ready!(self.stream.poll_data(context)) {
            Some(Ok(bytes)) => {
                self.look(&bytes);
                // What is looked at makes room for more.
                let room = self.stream.flow_control().release_capacity(bytes.len());
                Poll::Ready(Some(room.map(|()| Frame::data(bytes))))
            }
            Some(Err(gone)) => Poll::Ready(Some(Err(gone))),
            None => {
                // A message that was too large stays what is told.
                let _ = self.seen.compare_exchange(OPEN, ENDED, Ordering::Relaxed, Ordering::Relaxed);
                let end = self.stream.poll_trailers(context);
                end.map(|end| end.transpose().map(|end| end.map(Frame::trailers)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

impl Unread {
    /// The answer, which does not end well if its request was not read to the end.
    pub(super) fn told_in(self, answer: Response<Answer>, broker: &Arc<Broker>) -> Response<Answer> {
        let broker = Arc::clone(broker);
        answer.map(|body| {
            Answer::new(body.map_frame(move |frame| match frame.into_trailers() {
                Ok(mut trailers) => {
                    let well =
                        Status::from_header_map(&trailers).is_none_or(|status| status.code() == Code::Ok);
                    if let Some(why) = self.why(&broker).filter(|_| well) {
                        trailers.clear();
                        // What can not be written in a header is left out of it.
                        let _ = why.add_header(&mut trailers);
                    }
                    Frame::trailers(trailers)
                }
                Err(frame) => frame,
            }))
        })
    }

    fn why(&self, broker: &Broker) -> Option<Status> {
        match self.0.load(Ordering::Relaxed) {
            OPEN => Some(Status::invalid_argument("malformed message")),
            TOO_LARGE => Some(too_large::told(Status::out_of_range(""), broker)),
            _ => None,
        }
    }
}
