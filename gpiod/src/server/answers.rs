//! What goes out on a stream: messages in gRPC's framing, and at the end the status.
//!
//! A stream has its place (see [`streams`](super::streams)) until the last of its bytes have been written to the socket,
//! and no more than so many of them wait for a client that does not read: each piece that waits counts itself.

use super::streams::StreamPlace;
use futures_core::Stream;
use futures_util::task::AtomicWaker;
use gpiod_proto::quick::Short;
use h2::SendStream;
use h2::server::SendResponse;
use prost::Message;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio_util::bytes::{Buf, BufMut, BytesMut};
use tonic::Status;
use tonic::codegen::Bytes;
use tonic::codegen::http::header::CONTENT_TYPE;
use tonic::codegen::http::{HeaderMap, HeaderValue, Response};

/// What may wait for a client that does not read, for each stream, in bytes; one more message may be begun below it.
const WAITING: usize = 8 * 1024;
/// What a piece takes beside its bytes while it waits: its frame in h2's queue and its buffer. Measured with answers of 17
/// bytes, some 480 bytes for each (`gpiod-bench memory`).
const PIECE: usize = 480;

/// A part of an answer that waits to be written.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    /// How many it counts for.
    count: usize,
    stream: Arc<Waiting>,
}

/// What waits on one stream.
#[derive(Debug)]
struct Waiting {
    bytes: AtomicUsize,
    /// Whoever waits for it to become less.
    waker: AtomicWaker,
    _place: StreamPlace,
}

impl Waiting {
    /// Ready when no more waits than may, with so many bytes that are to come.
    fn poll_room(&self, more: usize, context: &mut Context<'_>) -> Poll<()> {
        let full = || self.bytes.load(Ordering::Acquire) + more >= WAITING;
        if full() {
            self.waker.register(context.waker());
            // Some may have been written since.
            if full() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.stream.bytes.fetch_sub(self.count, Ordering::AcqRel);
        // It is there only while somebody waits.
        self.stream.waker.wake();
    }
}

/// What a stream tells.
pub(super) trait Telling: Stream<Item = Result<Self::Message, Status>> {
    /// Of what kind its messages are.
    type Message: Message;

    /// The bytes of a message, where prost need not be asked for them.
    fn short(_: &Self::Message) -> Option<Short> {
        None
    }

    /// There is no room for more: it is not asked before there is.
    fn no_room(self: Pin<&mut Self>) {}
}

/// The client has gone, or has reset the stream.
#[derive(Debug)]
pub(super) struct Gone;

impl From<h2::Error> for Gone {
    fn from(_: h2::Error) -> Self {
        Self
    }
}

/// Where an answer goes, before its headers.
#[derive(Debug)]
pub(super) struct Answering {
    respond: SendResponse<Piece>,
    place: StreamPlace,
}

/// Where the rest of an answer goes.
#[derive(Debug)]
pub(super) struct Answers {
    stream: SendStream<Piece>,
    waiting: Arc<Waiting>,
    gathered: BytesMut,
}

/// Answers with headers alone: a refusal.
pub(super) fn refuse(respond: &mut SendResponse<Piece>, status: Status) {
    // Whoever has gone need not hear it.
    let _ = respond.send_response(status.into_http::<()>(), true);
}

impl Answering {
    pub(super) fn new(respond: SendResponse<Piece>, place: StreamPlace) -> Self {
        Self { respond, place }
    }

    /// Until the client has gone or has reset the stream.
    pub(super) async fn gone(&mut self) {
        // Either way nobody reads what would be answered.
        let _ = poll_fn(|context| self.respond.poll_reset(context)).await;
    }

    /// Answers with a failure.
    pub(super) fn fail(mut self, status: Status) -> Result<(), Gone> {
        Ok(self.respond.send_response(status.into_http(), true).map(drop)?)
    }

    /// Begins an answer in gRPC.
    pub(super) fn begin(mut self) -> Result<Answers, Gone> {
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let stream = self.respond.send_response(head, false)?;
        let waiting = Waiting { bytes: AtomicUsize::new(0), waker: AtomicWaker::new(), _place: self.place };
        Ok(Answers { stream, waiting: Arc::new(waiting), gathered: BytesMut::new() })
    }

    /// Answers a call with one message.
    pub(super) fn answer(self, message: &impl Message) -> Result<(), Gone> {
        let mut answers = self.begin()?;
        answers.gather(message);
        answers.send()?;
        answers.end(Ok(()))
    }
}

impl Answers {
    /// Sends all that a stream has to tell, until it ends or its client has gone. `resets` says that nothing but this
    /// notices the latter.
    pub(super) async fn send_all(mut self, messages: impl Telling, resets: bool) -> Result<(), Gone> {
        let mut messages = pin!(messages);
        let end = poll_fn(|context| self.poll_send(messages.as_mut(), resets, context)).await?;
        self.end(end)
    }

    /// Sends what there is to tell now; ready when that was the end.
    fn poll_send<T: Telling>(
        &mut self,
        mut messages: Pin<&mut T>,
        resets: bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<Result<(), Status>, Gone>> {
        loop {
            let mut room = self.poll_room(context).is_ready();
            let next = if room { messages.as_mut().poll_next(context) } else { Poll::Pending };
            match next {
                Poll::Ready(Some(Ok(message))) => match T::short(&message) {
                    Some(short) => {
                        let bytes = short.bytes();
                        self.head(bytes.len());
                        self.gathered.put_slice(bytes);
                    }
                    None => self.gather(&message),
                },
                Poll::Ready(Some(Err(status))) => {
                    self.send()?;
                    return Poll::Ready(Ok(Err(status)));
                }
                Poll::Ready(None) => {
                    self.send()?;
                    return Poll::Ready(Ok(Ok(())));
                }
                Poll::Pending => {
                    self.send()?;
                    if !room {
                        room = self.poll_room(context).is_ready();
                        if room {
                            continue;
                        }
                    }
                    if !room {
                        messages.as_mut().no_room();
                    }
                    // Whoever waits for room does not hear of a reset by what it reads.
                    if (resets || !room) && self.stream.poll_reset(context).is_ready() {
                        return Poll::Ready(Err(Gone));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Ready when no more waits, or is to be sent, than may.
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        self.waiting.poll_room(self.gathered.len(), context)
    }

    /// Adds a message to those that are sent next.
    fn gather(&mut self, message: &impl Message) {
        self.head(message.encoded_len());
        // It has room for all.
        let _ = message.encode(&mut self.gathered);
    }

    /// Begins a message of so many bytes, and makes room for them.
    fn head(&mut self, length: usize) {
        // An answer that waits takes no more than its bytes, or those of its neighbours.
        self.gathered.reserve(5 + length);
        self.gathered.put_u8(0);
        // No message of ours has 4 GiB.
        self.gathered.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// Sends what was gathered.
    fn send(&mut self) -> Result<(), Gone> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let bytes = self.gathered.split().freeze();
        self.put(bytes)
    }

    fn put(&mut self, bytes: Bytes) -> Result<(), Gone> {
        let count = bytes.len() + PIECE;
        self.waiting.bytes.fetch_add(count, Ordering::AcqRel);
        Ok(self.stream.send_data(Piece { bytes, count, stream: Arc::clone(&self.waiting) }, false)?)
    }

    /// Says how it ended.
    fn end(mut self, end: Result<(), Status>) -> Result<(), Gone> {
        let mut trailers = HeaderMap::new();
        match end {
            Ok(()) => drop(trailers.insert("grpc-status", HeaderValue::from_static("0"))),
            // What can not be a header is not told but by its code.
            Err(status) => drop(status.add_header(&mut trailers)),
        }
        Ok(self.stream.send_trailers(trailers)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Limits};
    use crate::server::places::Hall;
    use crate::server::streams::Streams;
    use gpiod_proto::v1::WriteRequest;
    use std::path::Path;
    use tonic::codegen::http::Request;

    fn one_stream() -> (Streams, Limits) {
        let text = "[limits]\nstreams = 1\n\
                    [[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
        let config = Config::parse(Path::new("x"), text).unwrap();
        (Streams::new(Hall::new(&config, 8, 8).places()), config.limits)
    }

    #[tokio::test]
    async fn a_stream_has_its_place_until_its_last_bytes_are_gone() {
        let (streams, limits) = one_stream();
        // What is on its way fills it: the rest waits.
        let (near, far) = tokio::io::duplex(128);
        let client = h2::client::handshake(near);
        let server = h2::server::Builder::new().handshake::<_, Piece>(far);
        let (client, server) = tokio::join!(client, server);
        let ((mut client, connection), mut server) = (client.unwrap(), server.unwrap());
        let mut connection = pin!(connection);
        let (answer, _) = client.send_request(Request::new(()), true).unwrap();
        let mut respond = tokio::select! {
            accepted = server.accept() => accepted.unwrap().unwrap().1,
            _ = connection.as_mut() => panic!("the client has gone"),
        };
        assert!(poll_fn(|context| Poll::Ready(respond.poll_reset(context))).await.is_pending());
        let place = streams.enter(&limits).unwrap();
        let long = WriteRequest { client_name: "n".repeat(2000), ..WriteRequest::default() };
        Answering::new(respond, place).answer(&long).unwrap();
        assert!(poll_fn(|context| Poll::Ready(server.poll_closed(context))).await.is_pending());
        assert!(streams.enter(&limits).is_err(), "they wait to be written");
        let read = async {
            let mut body = answer.await.unwrap().into_body();
            let mut bytes = 0;
            while let Some(data) = body.data().await {
                bytes += data.unwrap().len();
            }
            assert_eq!(
                (bytes, body.trailers().await.unwrap().unwrap()["grpc-status"].as_bytes()),
                (2008, &b"0"[..])
            );
        };
        tokio::select! {
            () = read => {}
            _ = server.accept() => panic!("the daemon has closed"),
            _ = connection => panic!("the client has gone"),
        }
        streams.enter(&limits).unwrap();
    }
}
