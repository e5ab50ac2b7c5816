//! Alarms: sleeps of ns resolution, as many as there are programs and samplings, on one descriptor. The runtime's own timers round to
//! milliseconds, and a descriptor for each waiting program would let one client use up all that the daemon has.

use crate::clock;
use crate::reactor::{self, Descriptor};
use crate::sorted::SortedMap;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::task;

/// One timer of the kernel, shared by all who sleep.
///
/// A sleeper leaves its waker under its deadline and sets the timer if it is the first to wake. The task of
/// [`Alarms::start`] waits for the timer, wakes all who are due, in the order of their deadlines, and sets it for the
/// next.
///
/// The kernel wakes us some ten microseconds late. For a sleeper that is to be woken exactly, the timer goes off
/// earlier and the task looks at the clock again and again for the rest, giving way to all others between its looks:
/// one task looks for all, so nobody's looking holds up an earlier deadline.
#[derive(Debug)]
pub struct Alarms {
    timer: AsyncFd<Descriptor<TimerFd>>,
    sleepers: Mutex<Sleepers>,
    /// How long before the deadline of an exact sleeper the looking begins, in ns.
    lead_ns: u64,
}

#[derive(Debug, Default)]
struct Sleepers {
    by_deadline: SortedMap<(u64, u64), Sleeper>,
    last_id: u64,
}

#[derive(Debug)]
struct Sleeper {
    waker: Waker,
    exact: bool,
}

impl Alarms {
    /// Makes the timer and starts the task that waits for it, which ends with the runtime. For exact sleeps it waits
    /// busily up to `lead_ns` each; 0 is never.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn start(lead_ns: u64) -> io::Result<Arc<Self>> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = reactor::readable(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?)?;
        let alarms = Arc::new(Self { timer, sleepers: Mutex::default(), lead_ns });
        tokio::spawn(reactor::task(ring(Arc::clone(&alarms))));
        Ok(alarms)
    }

    /// Sleeps until a moment of [`clock`]. A moment that has passed is no sleep.
    pub fn until(self: &Arc<Self>, deadline_ns: u64) -> Alarm {
        self.alarm(deadline_ns, false)
    }

    /// The same, exactly, at the price of some processor time.
    pub fn exactly(self: &Arc<Self>, deadline_ns: u64) -> Alarm {
        self.alarm(deadline_ns, true)
    }

    fn alarm(self: &Arc<Self>, deadline_ns: u64, exact: bool) -> Alarm {
        let mut sleepers = self.lock();
        sleepers.last_id += 1;
        Alarm { key: (deadline_ns, sleepers.last_id), exact, alarms: Arc::clone(self) }
    }

    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the first sleeper's waker has to do something: `None` when nobody sleeps.
    fn next_ns(&self, sleepers: &Sleepers) -> Option<u64> {
        let ((deadline_ns, _), sleeper) = sleepers.by_deadline.first()?;
        Some(if sleeper.exact { deadline_ns.saturating_sub(self.lead_ns) } else { *deadline_ns })
    }

    /// Sets the timer for the first sleeper.
    fn set(&self, sleepers: &Sleepers) {
        let Some(next_ns) = self.next_ns(sleepers) else { return };
        // Zero would switch it off; a moment in the past goes off at once.
        let next = Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(next_ns.max(1))));
        // It can only fail for a time that is none, and this is one.
        let _ = self.timer.get_ref().0.set(next, TimerSetTimeFlags::TFD_TIMER_ABSTIME);
    }

    /// Wakes who is due. Answers whether somebody is so soon that the clock is to be looked at instead of the timer,
    /// which is set otherwise.
    fn wake_due(&self) -> bool {
        let mut sleepers = self.lock();
        let now_ns = clock::now_ns();
        while sleepers.by_deadline.first().is_some_and(|((deadline_ns, _), _)| *deadline_ns <= now_ns) {
            if let Some((_, sleeper)) = sleepers.by_deadline.pop_first() {
                sleeper.waker.wake();
            }
        }
        let soon = self.next_ns(&sleepers).is_some_and(|next_ns| next_ns <= now_ns);
        if !soon {
            self.set(&sleepers);
        }
        soon
    }
}

async fn ring(alarms: Arc<Alarms>) {
    while let Ok(mut ready) = alarms.timer.readable().await {
        // Takes the expirations, so that the descriptor can become readable again.
        let _ = alarms.timer.get_ref().0.wait();
        ready.clear_ready();
        while alarms.wake_due() {
            task::yield_now().await;
        }
    }
}

/// A sleep; see [`Alarms::until`] and [`Alarms::exactly`].
#[derive(Debug)]
pub struct Alarm {
    key: (u64, u64),
    exact: bool,
    alarms: Arc<Alarms>,
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if clock::now_ns() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut sleepers = self.alarms.lock();
        let sleeper = Sleeper { waker: context.waker().clone(), exact: self.exact };
        sleepers.by_deadline.insert(self.key, sleeper);
        if sleepers.by_deadline.first().is_some_and(|(first, _)| *first == self.key) {
            self.alarms.set(&sleepers);
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.alarms.lock().by_deadline.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for all to be asleep before the first is to be woken.
    const MARGIN_NS: u64 = 100_000_000;

    #[tokio::test]
    async fn sleeps_end_in_the_order_of_their_deadlines_and_not_before_their_time() {
        let alarms = Alarms::start(60_000).unwrap();
        let begin_ns = clock::now_ns() + MARGIN_NS;
        let ended = Arc::new(Mutex::new(Vec::new()));
        // In looks at the clock 60 us before the exact ones, in others' sleep, and with others a ns away.
        let wanted = [
            (3_500_000, true),
            (700_000, false),
            (0, true),
            (2_100_000, false),
            (2_100_001, true),
            (700_001, true),
            (740_000, false),
            (760_000, true),
        ];
        let sleeps = wanted.map(|(ns, exact)| {
            let (alarms, ended) = (Arc::clone(&alarms), Arc::clone(&ended));
            let deadline_ns = begin_ns + ns;
            task::spawn(async move {
                if exact {
                    alarms.exactly(deadline_ns).await;
                } else {
                    alarms.until(deadline_ns).await;
                }
                assert!(clock::now_ns() >= deadline_ns);
                ended.lock().unwrap().push(ns);
            })
        });
        for sleep in sleeps {
            sleep.await.unwrap();
        }
        let mut sorted = wanted.map(|(ns, _)| ns);
        sorted.sort_unstable();
        assert_eq!(*ended.lock().unwrap(), sorted);
        assert!(alarms.lock().by_deadline.is_empty());
    }

    #[tokio::test]
    async fn a_sleep_that_is_dropped_holds_up_nobody() {
        let alarms = Alarms::start(0).unwrap();
        let begin = clock::now_ns();
        tokio::select! {
            biased;
            () = alarms.until(begin + 60_000_000_000) => panic!("the later one ended first"),
            () = alarms.until(begin + 500_000) => {}
        }
        alarms.until(begin + 1_500_000).await;
        assert!(clock::now_ns() >= begin + 1_500_000);
    }
}
