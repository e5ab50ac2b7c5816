//! Wakes the board when something changes by itself. A timerfd, since tokio's timers count in milliseconds.

use super::shared::Shared;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// The timer, as tokio wants it.
struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Timer {
    fn set(&self, at_ns: Option<u64>) -> io::Result<()> {
        match at_ns {
            // Zero would switch the timer off; a moment long past does as well.
            Some(at) => self.0.set(
                Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(at.max(1)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )?,
            None => self.0.unset()?,
        }
        Ok(())
    }
}

/// Runs without end, unless the system refuses the timer.
#[expect(
    deprecated,
    reason = "what replaces `new` is unsafe to call; the timer owns its descriptor, which stays open"
)]
pub(super) async fn run(shared: &Shared) -> io::Result<()> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = AsyncFd::new(Timer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?))?;
    loop {
        timer.get_ref().set(shared.next_change())?;
        tokio::select! {
            () = shared.moved() => {}
            ready = timer.readable() => {
                // Setting the timer anew takes back its readiness in the kernel; the reactor's is taken back here.
                ready?.clear_ready();
                shared.with(|_| ());
            }
        }
    }
}
