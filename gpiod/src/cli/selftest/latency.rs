//! How long something took, over many times.

use serde_json::{Value as Json, json};

/// Durations, in ns.
#[derive(Clone, Debug, Default)]
pub(super) struct Latency(Vec<u64>);

impl Latency {
    pub(super) fn add(&mut self, ns: u64) {
        self.0.push(ns);
    }

    /// The duration that so many per cent of all do not exceed; 0 without any.
    fn percentile(sorted: &[u64], percent: usize) -> u64 {
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    fn three(&self) -> [u64; 3] {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        [50, 99, 100].map(|percent| Self::percentile(&sorted, percent))
    }

    /// In µs, as text.
    pub(super) fn text(&self) -> String {
        let [p50, p99, max] = self.three().map(micros);
        format!("p50 {p50}, p99 {p99}, max {max} us")
    }

    /// In ns, as JSON.
    pub(super) fn json(&self) -> Json {
        let [p50, p99, max] = self.three();
        json!({ "count": self.0.len(), "p50": p50, "p99": p99, "max": max })
    }
}

/// A duration in µs, to a tenth.
pub(super) fn micros(ns: u64) -> String {
    format!("{}.{}", ns / 1000, ns % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_duration_that_was_measured() {
        let mut latency = Latency::default();
        assert_eq!(latency.three(), [0, 0, 0]);
        (1..=200u64).rev().for_each(|ns| latency.add(ns * 1000));
        assert_eq!(latency.three(), [100_000, 198_000, 200_000]);
        assert_eq!(latency.text(), "p50 100.0, p99 198.0, max 200.0 us");
    }

    #[test]
    fn one_duration_is_all_percentiles() {
        let mut latency = Latency::default();
        latency.add(1234);
        assert_eq!(latency.text(), "p50 1.2, p99 1.2, max 1.2 us");
    }
}
