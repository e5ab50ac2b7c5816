//! Samples: values at a steady rate, and an honest word about those that are missing.

pub(crate) mod builder;
pub(crate) mod wire;

use crate::error::Error;
use crate::sample::wire::Part;
use crate::values::{Names, Values};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Samples of several lines, as a logic analyser takes them: from [`Client::sample`](crate::Client::sample).
///
/// It is always drained from the connection into a bounded ring, read or not: a reader that is too slow is told what it
/// missed and holds up nothing else. It ends (`None`) after as many samples as were asked for. It is not opened again
/// when the connection breaks: then it ends with an error, and another one can be opened.
///
/// ```no_run
/// # use gpiod_sdk::{Client, SampleItem};
/// # use std::time::Duration;
/// # async fn f() -> Result<(), gpiod_sdk::Error> {
/// let client = Client::connect().await?;
/// let mut samples = client.sample(["clock", "data"]).period(Duration::from_micros(50)).count(20_000).open().await?;
/// while let Some(item) = samples.next().await {
///     match item? {
///         SampleItem::Sample { values, .. } => println!("{:?}", values.get("data")),
///         SampleItem::Missed(gap) => println!("{} are missing: {:?}", gap.count, gap.cause),
///     }
/// }
/// println!("{:?}", samples.totals());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Samples {
    names: Names,
    mask: u64,
    parts: mpsc::Receiver<Result<Part, Error>>,
    items: VecDeque<SampleItem>,
    totals: SampleTotals,
    max_lateness_ns: u64,
    /// Ends the sampling when this is dropped.
    _task: Task,
}

/// What fills the ring.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A part of a sampling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleItem {
    /// A sample.
    Sample {
        /// Its number, from 0, missed ones included.
        index: u64,
        /// The values. Their time is when they were due; they were read up to [`Samples::max_lateness_ns`] later.
        values: Values,
    },
    /// Samples are missing here.
    Missed(SampleGap),
}

/// Samples that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleGap {
    /// The number of the first of them.
    pub index: u64,
    /// When that one was due: CLOCK_MONOTONIC of the node, ns.
    pub timestamp_ns: u64,
    /// How many, exactly.
    pub count: u64,
    /// Why.
    pub cause: SampleGapCause,
}

/// Why samples are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleGapCause {
    /// The daemon was not there in time: the machine was busy, or the period too short for these lines.
    Late,
    /// The socket had used up its share of the daemon's thread.
    Limit,
    /// This client read too slowly, seen by the daemon or by the ring here.
    Client,
    /// A cause that this library does not know.
    Unknown,
}

/// What a sampling came to, as the daemon counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleTotals {
    /// Samples that were taken.
    pub taken: u64,
    /// Samples that were missed; those not included that the ring here had no room for.
    pub missed: u64,
    /// Processor time that the daemon's thread for it used, in ns.
    pub thread_ns: u64,
}

impl Samples {
    /// The next item; `None` after the last. Nothing is lost when this is cancelled.
    ///
    /// # Errors
    ///
    /// Once, at its end: what ended it.
    pub async fn next(&mut self) -> Option<Result<SampleItem, Error>> {
        std::future::poll_fn(|cx| self.poll_item(cx)).await
    }

    /// What it came to so far: until the end of the part that the last item is of.
    pub fn totals(&self) -> SampleTotals {
        self.totals
    }

    /// How long after it was due a sample was read, at most so far, in ns.
    pub fn max_lateness_ns(&self) -> u64 {
        self.max_lateness_ns
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<SampleItem, Error>>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.parts.poll_recv(cx)) {
                Some(Ok(part)) => {
                    self.totals = part.totals;
                    self.max_lateness_ns = self.max_lateness_ns.max(part.max_lateness_ns);
                    part.unpack(&self.names, self.mask, &mut self.items);
                }
                end => return Poll::Ready(end.map(|end| end.and(Err(Error::protocol("no part"))))),
            }
        }
    }
}

impl Stream for Samples {
    type Item = Result<SampleItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}
