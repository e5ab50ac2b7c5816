//! Alarms: sleeps of ns resolution, any number of them on one descriptor. The runtime's own timers round to
//! milliseconds, and a descriptor for each waiting program would let one client use up all that the daemon has.

use crate::clock;
use crate::reactor::{self, Descriptor};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// One timer of the kernel, shared by all who sleep.
///
/// A sleeper leaves its waker under its deadline and sets the timer if it is the first to wake. The task of
/// [`Alarms::start`] waits for the timer, wakes all who are due and sets it for the next.
#[derive(Debug)]
pub struct Alarms {
    timer: AsyncFd<Descriptor<TimerFd>>,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    by_deadline: BTreeMap<(u64, u64), Waker>,
    last_id: u64,
}

impl Alarms {
    /// Makes the timer and starts the task that waits for it, which ends with the runtime.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn start() -> io::Result<Arc<Self>> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = reactor::readable(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?)?;
        let alarms = Arc::new(Self { timer, sleepers: Mutex::default() });
        tokio::spawn(ring(Arc::clone(&alarms)));
        Ok(alarms)
    }

    /// Sleeps until a moment of [`clock`]. A moment that has passed is no sleep.
    pub fn until(self: &Arc<Self>, deadline_ns: u64) -> Alarm {
        let mut sleepers = self.lock();
        sleepers.last_id += 1;
        Alarm { key: (deadline_ns, sleepers.last_id), alarms: Arc::clone(self) }
    }

    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the timer for the first sleeper.
    fn set(&self, sleepers: &Sleepers) {
        let Some(((deadline_ns, _), _)) = sleepers.by_deadline.first_key_value() else { return };
        // Zero would switch it off; a deadline in the past goes off at once.
        let deadline =
            Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos((*deadline_ns).max(1))));
        // It can only fail for a time that is none, and this is one.
        let _ = self.timer.get_ref().0.set(deadline, TimerSetTimeFlags::TFD_TIMER_ABSTIME);
    }

    fn wake_due(&self) {
        let mut sleepers = self.lock();
        let later = sleepers.by_deadline.split_off(&(clock::now_ns().saturating_add(1), 0));
        for waker in std::mem::replace(&mut sleepers.by_deadline, later).into_values() {
            waker.wake();
        }
        self.set(&sleepers);
    }
}

async fn ring(alarms: Arc<Alarms>) {
    while let Ok(mut ready) = alarms.timer.readable().await {
        // Takes the expirations, so that the descriptor can become readable again.
        let _ = alarms.timer.get_ref().0.wait();
        ready.clear_ready();
        alarms.wake_due();
    }
}

/// A sleep; see [`Alarms::until`].
#[derive(Debug)]
pub struct Alarm {
    key: (u64, u64),
    alarms: Arc<Alarms>,
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if clock::now_ns() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut sleepers = self.alarms.lock();
        sleepers.by_deadline.insert(self.key, context.waker().clone());
        if sleepers.by_deadline.first_key_value().is_some_and(|(first, _)| *first == self.key) {
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
    use futures_util::future::join_all;

    #[tokio::test]
    async fn sleeps_end_in_their_order_and_not_before_their_time() {
        let alarms = Alarms::start().unwrap();
        let begin = clock::now_ns();
        let ended = Mutex::new(Vec::new());
        let sleep = async |ns: u64| {
            alarms.until(begin + ns).await;
            assert!(clock::now_ns() >= begin + ns);
            ended.lock().unwrap().push(ns);
        };
        let mut sleeps = [3_500_000, 700_000, 0, 2_100_000, 700_001].map(|ns| Box::pin(sleep(ns)));
        join_all(sleeps.iter_mut()).await;
        assert_eq!(*ended.lock().unwrap(), [0, 700_000, 700_001, 2_100_000, 3_500_000]);
        assert!(alarms.lock().by_deadline.is_empty());
    }

    #[tokio::test]
    async fn a_sleep_that_is_dropped_holds_up_nobody() {
        let alarms = Alarms::start().unwrap();
        let begin = clock::now_ns();
        tokio::select! {
            biased;
            () = alarms.until(begin + 1_000_000) => panic!("the later one ended first"),
            () = alarms.until(begin + 500_000) => {}
        }
        alarms.until(begin + 1_500_000).await;
        assert!(clock::now_ns() >= begin + 1_500_000);
    }
}
