//! What to sample, asked for step by step.

use crate::client::answers::Answers;
use crate::client::connection::Connection;
use crate::client::methods;
use crate::error::Error;
use crate::line::positions::Positions;
use crate::sample::wire::Part;
use crate::sample::{SampleTotals, Samples, Task};
use gpiod_proto::v1;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;

/// Parts that are kept for a slow reader; the daemon's have 2,048 bytes of samples at most.
const RING: usize = 256;

/// A sampling to be opened: from [`Client::sample`](crate::Client::sample).
#[derive(Clone, Debug)]
#[must_use = "nothing is sampled before `open`"]
pub struct SampleBuilder {
    connection: Connection,
    client_name: String,
    names: Vec<String>,
    period: Duration,
    count: u64,
}

impl SampleBuilder {
    pub(crate) fn new(connection: Connection, client_name: String, names: Vec<String>) -> Self {
        Self { connection, client_name, names, period: Duration::from_millis(1), count: 0 }
    }

    /// How far the samples are apart, up to 60 s; the daemon's `limits.samples_per_s` says what is the least. Default: 1 ms.
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// How many, missed ones included; 0, which is the default, is without end.
    pub fn count(mut self, samples: u64) -> Self {
        self.count = samples;
        self
    }

    /// Opens it: done when the daemon has begun.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `LineNotFound`, `NotPermitted`, `InvalidRequest`, `LimitReached` or, for a period that is
    /// too short, `BeyondLimit`; [`Error::Away`]; [`Error::Invalid`] for no line, more than 64, or one twice.
    pub async fn open(self) -> Result<Samples, Error> {
        let Self { connection, client_name, names: lines, period, count } = self;
        let positions = Positions::new(lines.iter().map(String::as_str), None)?;
        let (names, mask) = (positions.names().clone(), positions.all());
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let request = v1::SampleRequest { lines, period_ns, count, client_name };
        let messages = connection.call(connection.rpc().call(methods::SAMPLE, &request)).await?;
        let (sender, parts) = mpsc::channel(RING);
        let task = Task(tokio::spawn(drain(connection, messages, names.len(), sender)).abort_handle());
        let (items, totals) = (VecDeque::new(), SampleTotals::default());
        Ok(Samples { names, mask, parts, items, totals, max_lateness_ns: 0, _task: task })
    }
}

/// Takes all that comes, whether there is room for it or not; ends with the stream, or is aborted.
async fn drain(
    connection: Connection,
    mut messages: Answers<v1::SampleResponse>,
    lines: usize,
    parts: mpsc::Sender<Result<Part, Error>>,
) {
    let mut forgotten: Option<Part> = None;
    let end = loop {
        let part = match messages.message().await {
            Ok(Some(message)) => Part::new(message, lines),
            Ok(None) => break None,
            Err(status) => break Some(connection.failed(&status)),
        };
        let part = match part {
            Ok(part) => part,
            Err(error) => break Some(error),
        };
        if let Ok(room) = parts.try_reserve_many(1 + usize::from(forgotten.is_some())) {
            for (place, part) in room.zip(forgotten.take().into_iter().chain([part])) {
                place.send(Ok(part));
            }
        } else {
            forgotten = Some(part.forget(forgotten.take()));
        }
    };
    // Whoever has gone need not hear it.
    if let Some(part) = forgotten {
        let _ = parts.send(Ok(part)).await;
    }
    if let Some(error) = end {
        let _ = parts.send(Err(error)).await;
    }
}
