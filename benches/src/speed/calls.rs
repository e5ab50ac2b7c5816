//! One call at a time, as an app makes it: a command in a session, and calls without one.

use crate::process::PATIENCE;
use crate::{Fallible, now_ns};
use gpiod_sdk::{Client, Output, Session, Value};
use std::path::Path;

/// Operations in a batch.
pub(crate) const BATCH: u32 = 256;
/// Commands on their way, and batches.
pub(crate) const IN_FLIGHT: usize = 256;
pub(crate) const BATCHES_IN_FLIGHT: usize = 4;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Set a line of a session.
    Set,
    /// `Read`.
    Read,
    /// `Write`.
    Write,
}

/// A client with a session.
#[derive(Debug)]
pub(crate) struct Caller {
    client: Client,
    out: Output,
    pub(crate) session: Session,
}

fn value(n: u32) -> Value {
    if n.is_multiple_of(2) { Value::Active } else { Value::Inactive }
}

impl Caller {
    pub(crate) async fn connect(socket: &Path) -> Fallible<Self> {
        let client = Client::at(socket).wait(PATIENCE).connect().await?;
        let session = client.session().output("out").open().await?;
        Ok(Self { client, out: session.output("out")?, session })
    }

    /// Calls once; `n` says with which value.
    pub(crate) async fn call(&self, call: Call, n: u32) -> Fallible<()> {
        match call {
            Call::Set => drop(self.out.set(value(n)).await?),
            Call::Read => drop(self.client.read(["in"]).await?),
            Call::Write => drop(self.client.write([("lamp", value(n))]).await?),
        }
        Ok(())
    }

    /// So many calls, one after the other: what each took, in ns.
    pub(crate) async fn trips(&self, call: Call, count: u32) -> Fallible<Vec<u64>> {
        let mut trips = Vec::with_capacity(count as usize);
        for n in 0..count {
            let begin_ns = now_ns();
            self.call(call, n).await?;
            trips.push(now_ns() - begin_ns);
        }
        Ok(trips)
    }

    /// How many commands are done in a second while so many are on their way.
    pub(crate) async fn pipelined(&self, count: u32, in_flight: usize) -> Fallible<f64> {
        use futures_util::stream::{self, StreamExt, TryStreamExt};
        let begin_ns = now_ns();
        stream::iter(0..count)
            .map(|n| self.out.set(value(n)))
            .buffered(in_flight)
            .try_for_each(async |_| Ok(()))
            .await?;
        Ok(per_second(count, begin_ns))
    }

    /// How many operations are done in a second in batches of 256, while so many batches are on their way.
    pub(crate) async fn packed(&self, batches: u32, in_flight: usize) -> Fallible<f64> {
        use futures_util::stream::{self, StreamExt, TryStreamExt};
        let begin_ns = now_ns();
        let batch =
            |_| (0..BATCH).fold(self.session.batch(), |batch, n| batch.write([self.out.to(value(n))]));
        let sent = stream::iter(0..batches).map(|n| batch(n).send()).buffered(in_flight);
        sent.try_for_each(async |_| Ok(())).await?;
        Ok(per_second(batches * BATCH, begin_ns))
    }
}

fn per_second(count: u32, begin_ns: u64) -> f64 {
    f64::from(count) * 1e9 / (now_ns() - begin_ns) as f64
}
