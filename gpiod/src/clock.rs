//! The one clock: CLOCK_MONOTONIC in ns, as the kernel stamps edges.

use crate::reactor;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use std::io;
use std::time::Duration;

/// Now: CLOCK_MONOTONIC, ns.
pub fn now_ns() -> u64 {
    // The call can not fail: Linux has this clock since 2.6 and the kernel gives it no negative time.
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or_else(|_| std::process::abort());
    time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs()
}

/// Sleeps until a moment of this clock, to within what the kernel's timers do; the runtime's own timers would
/// round to milliseconds. A moment that has passed is no sleep.
///
/// # Errors
/// When there is no descriptor left for the timer.
pub async fn sleep_until(deadline_ns: u64) -> io::Result<()> {
    if deadline_ns <= now_ns() {
        return Ok(());
    }
    let timer =
        TimerFd::new(TimerClock::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
    let deadline = TimeSpec::from_duration(Duration::from_nanos(deadline_ns));
    timer.set(Expiration::OneShot(deadline), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
    // Readable means that the moment has come; the timer goes with the function, so nobody reads it.
    let _ = reactor::readable(timer)?.readable().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_at_its_moment_and_not_before() {
        let deadline = now_ns() + 3_500_000;
        sleep_until(deadline).await.unwrap();
        assert!(now_ns() >= deadline);
        sleep_until(deadline).await.unwrap();
    }
}
