//! Samples as messages.

use crate::sample::{Cause, Chunk, Gap, Totals};
use gpiod_proto::v1;

/// A chunk of a sampling whose first sample was due at a time, with a period, both in ns.
pub(in crate::server) fn sample_part(chunk: Chunk, (begin_ns, period_ns): (u64, u64)) -> v1::SampleResponse {
    let Chunk { first_index, samples, gaps, max_lateness_ns, totals } = chunk;
    let Totals { taken, missed, thread_ns } = totals;
    v1::SampleResponse {
        first_index,
        first_timestamp_ns: begin_ns.saturating_add(first_index.saturating_mul(period_ns)),
        period_ns,
        samples,
        gaps: gaps.into_iter().map(gap).collect(),
        max_lateness_ns,
        totals: Some(v1::SampleTotals { taken, missed, thread_ns }),
    }
}

fn gap(Gap { after, count, cause }: Gap) -> v1::SampleGap {
    let cause = match cause {
        Cause::Late => v1::SampleGapCause::Late,
        Cause::Limit => v1::SampleGapCause::Limit,
        Cause::Client => v1::SampleGapCause::Client,
    };
    v1::SampleGap { after, count, cause: cause.into() }
}
