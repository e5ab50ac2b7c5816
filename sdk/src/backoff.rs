//! How long to wait before the next try: longer each time, and not in step with others.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// A connection that held for this long was a good one: the next loss begins with short waits again.
pub(crate) const STEADY: Duration = LONGEST;

/// Waits of 10 ms, doubling up to 1 s, each shortened by up to half: the apps of a node that all lost the same
/// daemon do not come back in one instant.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next wait.
    pub(crate) fn delay(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LONGEST);
        // The standard library's random source, which hash maps use: no other crate for one number.
        let [random, ..] = RandomState::new().hash_one(0).to_le_bytes();
        full - full / 2 * u32::from(random) / 255
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_second_and_lose_at_most_half() {
        let mut backoff = Backoff::new();
        for full_ms in [10, 20, 40, 80, 160, 320, 640, 1000, 1000] {
            let full = Duration::from_millis(full_ms);
            let delay = backoff.delay();
            assert!(full / 2 <= delay && delay <= full, "{delay:?} of {full:?}");
        }
    }
}
