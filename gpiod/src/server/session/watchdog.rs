//! A session's watchdog: lets the lines go when its client has not been heard for too long, even if the client does
//! not read, so that nothing of the session would be polled.

use crate::broker::{Broker, SessionId};
use crate::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Dropping it switches it off.
#[derive(Debug)]
pub(super) struct Watchdog {
    fed_ns: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watchdog {
    /// Starts the watchdog of a session; from now on it is to be fed at least every `every_ns`.
    pub(super) fn start(broker: Arc<Broker>, session: SessionId, every_ns: u64) -> Self {
        let fed_ns = Arc::new(AtomicU64::new(clock::now_ns()));
        let fed = Arc::clone(&fed_ns);
        let task = tokio::spawn(async move {
            loop {
                let silent_ns = clock::now_ns().saturating_sub(fed.load(Ordering::Relaxed));
                let Some(left_ns) = every_ns.checked_sub(silent_ns).filter(|left| *left > 0) else { break };
                sleep(Duration::from_nanos(left_ns)).await;
            }
            broker.expire(session, every_ns / 1_000_000);
        });
        Self { fed_ns, task }
    }

    /// Says that the client was heard.
    pub(super) fn feed(&self) {
        self.fed_ns.store(clock::now_ns(), Ordering::Relaxed);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.task.abort();
    }
}
