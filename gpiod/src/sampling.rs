//! Sampling: reading lines again and again at moments that are fixed beforehand, on the programs' thread.

use crate::broker::Sampler;
use crate::clock;
use crate::pace::Pace;
use crate::sample::{Cause, Feed};
use std::sync::Arc;

/// Where there is no room for a sample, it is looked for again after so many ns.
const PAUSE_NS: u64 = 5_000_000;

/// At which moments samples are taken.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When the first one is due, by [`clock`].
    pub begin_ns: u64,
    /// How far they are apart, in ns; not 0.
    pub period_ns: u64,
    /// How many, missed ones included; 0 is without end.
    pub count: u64,
}

impl Times {
    /// When a sample is due.
    fn due_ns(&self, index: u64) -> u64 {
        self.begin_ns.saturating_add(index.saturating_mul(self.period_ns))
    }

    /// Which sample's time it is, or that of its end.
    fn index_at(&self, now_ns: u64) -> u64 {
        let index = now_ns.saturating_sub(self.begin_ns) / self.period_ns;
        if self.count == 0 { index } else { index.min(self.count) }
    }

    fn is_over(&self, index: u64) -> bool {
        self.count > 0 && index >= self.count
    }
}

/// Takes samples until all are taken or the lines may not be read any more. Dropping the future ends it where it is.
///
/// A sample whose time is over when its turn comes, or when its lines have been read, is missed: none is taken in its
/// place, so that each stands for its own moment.
pub async fn run(sampler: Arc<Sampler>, times: Times, mut feed: Feed, pace: &Pace) {
    let mut rests = pace.rests();
    while !times.is_over(feed.index()) {
        // A chunk does not wait for a sample that is long in coming.
        if !feed.has_room(clock::now_ns().max(times.due_ns(feed.index()))) {
            pace.alarm(clock::now_ns().saturating_add(PAUSE_NS)).await;
            // What it sees next, in its time, it may take again.
            feed.miss_to(times.index_at(clock::now_ns()), Cause::Client);
            rests = pace.rests();
            continue;
        }
        let now_ns = pace.until(times.due_ns(feed.index())).await.timestamp_ns;
        let rested = std::mem::replace(&mut rests, pace.rests()) != rests;
        feed.miss_to(times.index_at(now_ns), if rested { Cause::Limit } else { Cause::Late });
        if times.is_over(feed.index()) {
            break;
        }
        match sampler.take() {
            Ok(values) => {
                let (index, read_ns) = (feed.index(), values.read.latest_ns());
                // Others may have had the pins first, or the board took long.
                match times.index_at(read_ns) {
                    next if next > index => feed.miss_to(next, Cause::Late),
                    _ => feed.put(values.bits, read_ns.saturating_sub(times.due_ns(index)), pace.used_ns()),
                }
            }
            Err(error) => return feed.fail(error, clock::now_ns()),
        }
    }
    feed.finish(pace.used_ns(), clock::now_ns());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_time_until_the_next_one_is_due() {
        let times = Times { begin_ns: 1_000, period_ns: 10, count: 5 };
        assert_eq!([0, 1_000, 1_009, 1_010, 1_039].map(|ns| times.index_at(ns)), [0, 0, 0, 1, 3]);
        assert_eq!((times.index_at(u64::MAX), times.is_over(4), times.is_over(5)), (5, false, true));
        let endless = Times { count: 0, ..times };
        assert!(endless.index_at(2_000) == 100 && !endless.is_over(u64::MAX));
        assert_eq!((times.due_ns(3), times.due_ns(u64::MAX)), (1_030, u64::MAX));
    }
}
