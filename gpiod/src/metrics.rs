//! What the daemon tells of itself to whoever measures: numbers as OpenMetrics text at `/metrics`, and at `/healthz`
//! whether it serves. Off unless asked for; no command and no edge waits for it.
//!
//! [`address`] is where; [`http`] is which pages there are, and `gpiod-pages` the server with its bounds; [`families`] is
//! what is told, [`text`] how it is written, [`process`] what the system knows of the process. The text is written here and
//! not by a library, since there is nothing to register and to lock: the numbers stand in the broker's state, and are
//! copied once for each answer.

pub mod address;
mod families;
mod http;
mod process;
mod text;

pub use address::{Address, Listener};
pub use http::serve;

use crate::broker::{Broker, Snapshot};
use crate::clock;
use crate::state_file::StateFile;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How long an answer waits for a part of the daemon that is at work on its lines.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(2);

/// How often the configuration was read anew.
#[derive(Debug, Default)]
pub struct Reloads {
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Reloads {
    /// Counts one.
    pub fn count(&self, taken: bool) {
        let counter = if taken { &self.taken } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One part of the daemon, as it is measured.
#[derive(Debug)]
pub struct Part {
    name: String,
    broker: Arc<Broker>,
    /// What it said last: a part that does not answer keeps its numbers, for sums that fell would be taken for a new start.
    last: Mutex<Snapshot>,
}

/// What a part said, or had said before.
#[derive(Debug)]
struct Answer<'a> {
    part: &'a str,
    numbers: Snapshot,
    /// Whether it said it now.
    now: bool,
}

impl Part {
    /// A part that was not asked yet. It is called `main`, or by its chip's position and label.
    pub fn new(name: String, broker: Arc<Broker>) -> Self {
        Self { name, broker, last: Mutex::default() }
    }
}

/// All that is measured.
#[derive(Debug)]
pub struct Measured {
    parts: Vec<Part>,
    reloads: Arc<Reloads>,
    state_file: Arc<StateFile>,
    started: SystemTime,
    /// Cancelled when the daemon stops.
    stopping: CancellationToken,
}

impl Measured {
    /// What is measured of these parts, by a daemon that starts now.
    pub fn new(
        parts: Vec<Part>,
        reloads: Arc<Reloads>,
        state_file: Arc<StateFile>,
        stopping: CancellationToken,
    ) -> Self {
        let started = SystemTime::now();
        Self { parts, reloads, state_file, started, stopping }
    }

    /// Whether the daemon serves.
    fn serves(&self) -> bool {
        !self.stopping.is_cancelled()
    }

    /// The numbers, as text. To be called in the reactor, whose turn is measured by the way.
    async fn text(&self) -> String {
        let before_ns = clock::now_ns();
        tokio::task::yield_now().await;
        let turn = Duration::from_nanos(clock::now_ns().saturating_sub(before_ns));
        let mut answers = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            answers.push(part.ask().await);
        }
        families::text(&families::Told {
            answers: &answers,
            reloads: [&self.reloads.taken, &self.reloads.refused].map(|count| count.load(Ordering::Relaxed)),
            starts: self.state_file.starts(),
            state_file_failures: self.state_file.failures(),
            turn,
            process: process::now(),
            started: self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
        })
    }
}

impl Part {
    async fn ask(&self) -> Answer<'_> {
        let until_ns = clock::now_ns() + u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
        loop {
            if let Some(now) = self.broker.snapshot() {
                self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&now);
                return Answer { part: &self.name, numbers: now, now: true };
            }
            if clock::now_ns() >= until_ns {
                let numbers = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                return Answer { part: &self.name, numbers, now: false };
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
