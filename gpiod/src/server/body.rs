//! What a client sends on a stream, for services that tonic serves.

use h2::RecvStream;
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::codegen::{Body, Bytes};

/// The body of a request.
#[derive(Debug)]
pub(super) struct RequestBody(pub(super) RecvStream);

impl Body for RequestBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        match ready!(self.0.poll_data(context)) {
            Some(Ok(bytes)) => {
                // What is looked at makes room for more.
                let room = self.0.flow_control().release_capacity(bytes.len());
                Poll::Ready(Some(room.map(|()| Frame::data(bytes))))
            }
            Some(Err(gone)) => Poll::Ready(Some(Err(gone))),
            None => {
                self.0.poll_trailers(context).map(|end| end.transpose().map(|end| end.map(Frame::trailers)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}
