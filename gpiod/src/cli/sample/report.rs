//! What a sampling came to, for people.

use crate::cli::output::span;
use gpiod_sdk::{SampleGapCause, SampleItem, SampleTotals};
use std::fmt::Write as _;
use std::time::Duration;

/// What was seen of a sampling.
#[derive(Debug, Default)]
pub(super) struct Report {
    taken: u64,
    /// By cause: late, limit, client, unknown.
    missed: [u64; 4],
}

/// What a cause is called, and where in [`Report::missed`] it is counted.
pub(super) fn cause(cause: SampleGapCause) -> (usize, &'static str, &'static str) {
    match cause {
        SampleGapCause::Late => (0, "late", "the daemon was not there in time"),
        SampleGapCause::Limit => (1, "limit", "the socket had used up limits.program_burst_us"),
        SampleGapCause::Client => (2, "client", "this client read too slowly"),
        SampleGapCause::Unknown => (3, "unknown", "of an unknown cause"),
    }
}

impl Report {
    pub(super) fn add(&mut self, item: &SampleItem) {
        match item {
            SampleItem::Sample { .. } => self.taken += 1,
            SampleItem::Missed(gap) => self.missed[cause(gap.cause).0] += gap.count,
        }
    }

    /// Lines for standard error.
    pub(super) fn text(&self, every: Duration, totals: SampleTotals, max_lateness_ns: u64) -> String {
        let missed: u64 = self.missed.iter().sum();
        let all = self.taken + missed;
        let mut text = format!("{} of {all} samples, {missed} missed\n", self.taken);
        let causes =
            [SampleGapCause::Late, SampleGapCause::Limit, SampleGapCause::Client, SampleGapCause::Unknown];
        for (place, _, why) in causes.map(cause) {
            if self.missed[place] > 0 {
                let _ = writeln!(text, "{} missed: {why}", self.missed[place]);
            }
        }
        let seconds = every.as_secs_f64() * all as f64;
        if self.taken > 0 && seconds > 0.0 {
            let rate = self.taken as f64 / seconds;
            let asked = 1.0 / every.as_secs_f64();
            let _ = writeln!(
                text,
                "{rate:.1} samples/s of {asked:.1}, each read within {}",
                span(max_lateness_ns)
            );
            let told = totals.taken.max(1);
            let load =
                totals.thread_ns as f64 / 1e7 / (every.as_secs_f64() * (totals.taken + totals.missed) as f64);
            let (each, used) = (span(totals.thread_ns / told), span(totals.thread_ns));
            let _ = writeln!(
                text,
                "cost the daemon {used} of processor time, {each} for each sample: {load:.1} %"
            );
        }
        text
    }
}
