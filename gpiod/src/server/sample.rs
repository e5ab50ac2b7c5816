//! The stream of a sampling: its chunks, as they come.

use super::answers::Telling;
use super::convert;
use crate::broker::Sampler;
use crate::programs::Sampling;
use crate::sample::Queue;
use gpiod_proto::v1::SampleResponse;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio_stream::Stream;
use tonic::Status;

/// Dropping it, as is done when the client has gone, ends the sampling.
#[derive(Debug)]
pub(super) struct SampleStream {
    pub(super) queue: Arc<Queue>,
    /// When the first sample is due, and how far they are apart, in ns.
    pub(super) times: (u64, u64),
    pub(super) _sampling: Sampling,
    /// A sampling that is over has its place until its client has read it.
    pub(super) _sampler: Arc<Sampler>,
}

impl Telling for SampleStream {
    type Message = SampleResponse;
}

impl Stream for SampleStream {
    type Item = Result<SampleResponse, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(self.queue.poll_take(context));
        let told = |chunk| convert::sample_part(chunk, self.times);
        Poll::Ready(chunk.map(|chunk| chunk.map(told).map_err(Status::from)))
    }
}
