//! Durations that were measured in several rounds.

use serde::Serialize;

/// Durations in ns, round by round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    rounds: Vec<Vec<u64>>,
}

/// What a series says. Durations in ns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) n: usize,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) max_ns: u64,
    /// The median of each round: how far they are apart is how far the medians above may be trusted.
    pub(crate) rounds_p50_ns: Vec<u64>,
}

impl Series {
    pub(crate) fn add(&mut self, mut round: Vec<u64>) {
        round.sort_unstable();
        self.rounds.push(round);
    }

    /// `None` where nothing was measured.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let mut all: Vec<u64> = self.rounds.iter().flatten().copied().collect();
        all.sort_unstable();
        Some(Summary {
            n: all.len(),
            p50_ns: percentile(&all, 50)?,
            p99_ns: percentile(&all, 99)?,
            max_ns: percentile(&all, 100)?,
            rounds_p50_ns: self.rounds.iter().filter_map(|round| percentile(round, 50)).collect(),
        })
    }
}

/// Of sorted values, the least that is not exceeded by `percent` of them.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_of_all_rounds() {
        let mut series = Series::default();
        series.add((51..=100).rev().collect());
        series.add((1..=50).collect());
        let summary = series.summary().unwrap();
        assert_eq!((summary.n, summary.p50_ns, summary.p99_ns, summary.max_ns), (100, 50, 99, 100));
        assert_eq!(summary.rounds_p50_ns, [75, 25]);
    }

    #[test]
    fn nothing_has_no_summary() {
        assert_eq!(Series::default().summary(), None);
    }
}
