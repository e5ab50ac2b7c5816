//! Watches: edges as a stream, and an honest word about those that were lost.

pub(crate) mod builder;
pub(crate) mod of_client;
pub(crate) mod position;
pub(crate) mod ring;
pub(crate) mod wire;

use crate::error::Error;
use crate::line::{Edge, Value};
use crate::session::core::Core;
use crate::values::Values;
use crate::watch::ring::Ring;
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::AbortHandle;

/// How many items a watch keeps for a reader that is slow, unless it is told otherwise.
pub const DEFAULT_RING: usize = 4096;

/// The edges of several lines, beginning with their present values.
///
/// It is always drained from the connection into a bounded ring, read or not: a reader that is slow or stuck loses
/// its own oldest events, is told how many, and holds up nothing else. It re-opens by itself when its connection broke
/// or the daemon went and came back, and goes on where it was: what the daemon remembers is told, what it does not is
/// counted, and if nobody watched meanwhile, it says when.
///
/// It ends (`None`) when its session was closed, and with an error that no retry mends.
///
/// ```no_run
/// # use gpiod_sdk::{Client, WatchItem};
/// # async fn f() -> Result<(), gpiod_sdk::Error> {
/// let mut watch = Client::connect().await?.watch(["button"]).open().await?;
/// while let Some(item) = watch.next().await {
///     match item? {
///         WatchItem::Values(values) => println!("now {:?}", values.get("button")),
///         WatchItem::Edge(edge) => println!("{} {} at {} ns", edge.line, edge.edge(), edge.timestamp_ns),
///         WatchItem::Lost(loss) => println!("missed {:?}: {:?}", loss.count, loss.cause),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    ring: Arc<Ring>,
    /// Ends the watch at its source when this is dropped.
    _source: Source,
}

/// What fills the ring.
#[derive(Debug)]
pub(crate) enum Source {
    /// A task with a stream of its own.
    Task(AbortHandle),
    /// The task of a session.
    Session { core: Arc<Core>, id: u64 },
}

impl Drop for Source {
    fn drop(&mut self) {
        match self {
            Self::Task(task) => task.abort(),
            Self::Session { core, id } => core.unwatch(*id),
        }
    }
}

/// A part of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchItem {
    /// The values of the watched lines: first of all, and after a loss, where the edges that follow may be in them
    /// already; not after a loss in the ring here where edges of one kind alone are watched, since they can not be
    /// known then.
    Values(Values),
    /// An edge.
    Edge(EdgeEvent),
    /// Events are missing here.
    Lost(Loss),
}

/// One edge of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeEvent {
    /// The line's name.
    pub line: Arc<str>,
    /// The line's position among the lines that were asked for or, in a session, among the session's lines.
    pub position: usize,
    /// The value after the edge: active after a rising edge.
    pub value: Value,
    /// When it happened: CLOCK_MONOTONIC of the node, ns.
    pub timestamp_ns: u64,
    /// Counts the edges of this line since the daemon started, from 1, lost ones included.
    pub line_seqno: u64,
    /// Counts the events of this watch, from 1, those included that were lost with a known count. It goes on when the
    /// watch was re-opened, but with a daemon that knows no positions.
    pub seqno: u64,
    /// Who stamped it.
    pub source: EventSource,
}

impl EdgeEvent {
    /// Which edge: rising or falling.
    pub fn edge(&self) -> Edge {
        if self.value.is_active() { Edge::Rising } else { Edge::Falling }
    }
}

/// Who stamped an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventSource {
    /// The kernel (or the simulated board), when it saw the edge.
    Kernel,
    /// The daemon, when it wrote an output: a Linux kernel reports no edges of outputs.
    Daemon,
    /// The daemon does not say, or says what this library does not know.
    Unknown,
}

/// Events that a watch did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Loss {
    /// Why.
    pub cause: LossCause,
    /// How many; `None` where nobody can know.
    pub count: Option<u64>,
    /// For how long nobody watched, with [`LossCause::Restart`]: where it is known, as the daemon says, else as this
    /// process saw it.
    pub away: Option<Duration>,
    /// Since when nobody watched, with [`LossCause::Restart`]: CLOCK_MONOTONIC of the node, ns; `None` where nobody can
    /// know, as after the node itself was started anew.
    pub from_ns: Option<u64>,
    /// Until when nobody watched, with [`LossCause::Restart`]: CLOCK_MONOTONIC of the node, ns.
    pub until_ns: Option<u64>,
}

impl Loss {
    /// A loss of which no more is known.
    pub(crate) fn of(cause: LossCause, count: Option<u64>) -> Self {
        Self { cause, count, away: None, from_ns: None, until_ns: None }
    }

    /// Adds it to losses of which there is one for each cause.
    pub(crate) fn add_to(self, told: &mut Vec<Self>) {
        let Some(told) = told.iter_mut().find(|told| told.cause == self.cause) else {
            told.push(self);
            return;
        };
        told.count = told.count.zip(self.count).map(|(a, b)| a.saturating_add(b));
        told.away = match (told.away, self.away) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        // Since when is known of both or of neither: no time is left out.
        told.from_ns = told.from_ns.zip(self.from_ns).map(|(a, b)| a.min(b));
        told.until_ns = told.until_ns.max(self.until_ns);
    }
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossCause {
    /// The kernel's buffer overflowed; the count is exact.
    Kernel,
    /// This client read too slowly, seen by the daemon or by the ring here, or came back too late; the count is exact.
    Watcher,
    /// Nobody watched for a while: the daemon was away, or listened to the line no more. The count is unknown.
    Restart,
    /// The chip swallowed an edge: two equal edges in a row, or the level disagrees with the last edge. The count is
    /// unknown.
    Hardware,
    /// There were more events per second than the configuration allows; the count is exact.
    Limit,
    /// A cause that this library does not know.
    Unknown,
}

impl Watch {
    pub(crate) fn new(ring: Arc<Ring>, source: Source) -> Self {
        Self { ring, _source: source }
    }

    /// The next item; `None` when the watch has ended. Nothing is lost when this is cancelled.
    ///
    /// # Errors
    ///
    /// Once, at its end: what ended it, where no retry mends that.
    pub async fn next(&mut self) -> Option<Result<WatchItem, Error>> {
        poll_fn(|cx| self.ring.poll_take(cx)).await
    }
}

impl Stream for Watch {
    type Item = Result<WatchItem, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ring.poll_take(cx)
    }
}
