//! How many events per second the watchers of one socket are told: a bucket that fills while time passes, told the time.

/// What a socket's watchers may still be told at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Parts of an event: one is a thousand million.
    left: u64,
    at_ns: u64,
}

const ONE: u64 = 1_000_000_000;

impl Rate {
    /// A full bucket: as many as come in one second.
    pub(super) fn new(per_s: u32, now_ns: u64) -> Self {
        Self { left: u64::from(per_s) * ONE, at_ns: now_ns }
    }

    /// Whether one more may be told.
    pub(super) fn take(&mut self, per_s: u32, now_ns: u64) -> bool {
        let per_s = u64::from(per_s);
        let earned = now_ns.saturating_sub(self.at_ns).saturating_mul(per_s);
        self.left = self.left.saturating_add(earned).min(per_s * ONE);
        self.at_ns = self.at_ns.max(now_ns);
        let enough = self.left >= ONE;
        self.left -= if enough { ONE } else { 0 };
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_events_and_silence_saves_up_no_more_than_one_second() {
        let mut rate = Rate::new(100, 0);
        let mut told = |now_ns: u64| (0..1000).filter(|_| rate.take(100, now_ns)).count();
        assert_eq!([0, 0, ONE / 2, ONE, 100 * ONE].map(&mut told), [100, 0, 50, 50, 100]);
    }
}
