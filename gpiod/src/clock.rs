//! The one clock: CLOCK_MONOTONIC in ns, as the kernel stamps edges.

use nix::time::{ClockId, clock_gettime};

/// Now: CLOCK_MONOTONIC, ns.
pub fn now_ns() -> u64 {
    // The call can not fail: Linux has this clock since 2.6 and the kernel gives it no negative time.
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or_else(|_| std::process::abort());
    time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs()
}
