//! The session that means well: it writes a line a thousand times a second, watches what that does to another, and
//! loses nothing.

use super::memory_kib;
use crate::soak::world::{Follow, World, in_time, is_level};
use crate::{Fallible, now_ns};
use gpiod::board::record::Entry;
use gpiod_sdk::{EdgeEvent, Output, Session, Value, WatchItem};
use nix::unistd::Pid;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The session, with what it has heard.
pub(super) struct Good {
    _session: Session,
    out: Output,
    value: Value,
    heard: Arc<Mutex<Vec<Result<EdgeEvent, String>>>>,
    record: Arc<Mutex<Vec<Entry>>>,
}

/// A while of writing.
#[derive(Debug)]
pub(super) struct Stay {
    /// Round trips, in ns.
    pub(super) trips: Vec<u64>,
    /// What the daemon had in memory at its end, in KiB.
    pub(super) rss_kib: u64,
    /// The most that it has ever had, in KiB.
    pub(super) peak_kib: u64,
}

impl Good {
    pub(super) async fn open(world: &World) -> Fallible<Self> {
        let session = world.client("good").await?.session().output("out").input("in").open().await?;
        let (out, input) = (session.output("out")?, session.input("in")?);
        let mut watch = session.watch(&input).open().await?;
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let hears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Some(item) = watch.next().await {
                let item = match item {
                    Ok(WatchItem::Edge(edge)) => Ok(edge),
                    Ok(WatchItem::Lost(loss)) => Err(format!("{loss:?}")),
                    Ok(WatchItem::Values(_)) => continue,
                    Err(error) => Err(error.to_string()),
                };
                hears.lock().unwrap_or_else(PoisonError::into_inner).push(item);
            }
        });
        let record = Arc::default();
        tokio::spawn(keep(world.follow().await?, Arc::clone(&record)));
        Ok(Self { _session: session, out, value: Value::Inactive, heard, record })
    }

    /// Writes for so long; each write makes an edge.
    pub(super) async fn stay(&mut self, long: Duration, daemon: Pid) -> Fallible<Stay> {
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stay = Stay { trips: Vec::new(), rss_kib: 0, peak_kib: 0 };
        let end_ns = now_ns() + u64::try_from(long.as_nanos())?;
        while now_ns() < end_ns {
            tick.tick().await;
            self.value = if self.value.is_active() { Value::Inactive } else { Value::Active };
            let begin_ns = now_ns();
            in_time("a write of the session", self.out.set(self.value)).await??;
            stay.trips.push(now_ns() - begin_ns);
        }
        (stay.rss_kib, stay.peak_kib) = (memory_kib(daemon, "VmRSS:")?, memory_kib(daemon, "VmHWM:")?);
        Ok(stay)
    }

    /// Holds the writes against the record, and the edges that were told against both.
    pub(super) async fn account(&self, world: &World, stays: &[&Stay]) -> Fallible<Vec<String>> {
        let writes: usize = stays.iter().map(|stay| stay.trips.len()).sum();
        let last = world.board().await?.state().await?.last_seq;
        let all = async {
            loop {
                let seen = self
                    .record
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .last()
                    .map_or(0, |entry| entry.seq);
                let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).len();
                if seen >= last && heard >= writes {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let mut wrong: Vec<String> = in_time("edges of the session's watch", all)
            .await
            .err()
            .map(|e| e.to_string())
            .into_iter()
            .collect();
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let of_line = |line: &'static str| record.iter().filter(move |entry| is_level(entry, line));
        let alternates = of_line("GPIO22").enumerate().all(|(at, entry)| entry.high == (at % 2 == 0));
        let moves = of_line("GPIO22").count();
        if moves != writes || !alternates {
            wrong.push(format!("{writes} writes were answered, the line moved {moves} times"));
        }
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.extend(heard.iter().filter_map(|heard| heard.as_ref().err().cloned()));
        let told = heard.iter().flatten().map(|edge| (edge.timestamp_ns, edge.value.is_active()));
        if !told.eq(of_line("GPIO27").map(|entry| (entry.time_ns, entry.high))) {
            wrong.push("the edges that were told are not those of the record".to_owned());
        }
        Ok(wrong)
    }
}

async fn keep(mut follow: Follow, record: Arc<Mutex<Vec<Entry>>>) {
    // At its end the account finds that something is missing.
    while let Ok(entries) = follow.next().await {
        record.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
    }
}
