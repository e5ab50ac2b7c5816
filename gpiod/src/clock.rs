//! The one clock: CLOCK_MONOTONIC in ns, as the kernel stamps edges.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Now: CLOCK_MONOTONIC, ns.
pub fn now_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// The processor time that the calling thread has used, in ns.
pub fn thread_ns() -> u64 {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: ClockId) -> u64 {
    // The call can not fail: Linux has these clocks since 2.6 and the kernel gives them no negative time.
    // Its fields have half the bits on 32-bit ARM.
    let time = Duration::from(clock_gettime(clock).unwrap_or_else(|_| std::process::abort()));
    time.as_secs() * 1_000_000_000 + u64::from(time.subsec_nanos())
}
