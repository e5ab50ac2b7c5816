//! Samples, from the API's messages.

use crate::error::Error;
use crate::sample::{SampleGap, SampleGapCause, SampleItem, SampleTotals};
use crate::values::{Names, Values};
use gpiod_proto::v1;
use std::collections::VecDeque;

/// A message whose gaps and samples fit together.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    first_index: u64,
    first_timestamp_ns: u64,
    period_ns: u64,
    samples: Vec<u8>,
    width: usize,
    /// After how many samples, how many, and why.
    gaps: Vec<(usize, u64, SampleGapCause)>,
    pub(crate) max_lateness_ns: u64,
    pub(crate) totals: SampleTotals,
}

/// How many bytes a sample of so many lines has.
fn width(lines: usize) -> usize {
    match lines {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

impl Part {
    /// A message about so many lines.
    pub(crate) fn new(message: v1::SampleResponse, lines: usize) -> Result<Self, Error> {
        let v1::SampleResponse { first_index, first_timestamp_ns, period_ns, samples, .. } = message;
        let width = width(lines);
        if samples.len() % width != 0 {
            return Err(Error::protocol("samples that end within one"));
        }
        let gap = |gap: &v1::SampleGap| {
            let cause = match gap.cause() {
                v1::SampleGapCause::Unspecified => SampleGapCause::Unknown,
                v1::SampleGapCause::Late => SampleGapCause::Late,
                v1::SampleGapCause::Limit => SampleGapCause::Limit,
                v1::SampleGapCause::Client => SampleGapCause::Client,
            };
            (usize::try_from(gap.after).unwrap_or(usize::MAX), gap.count, cause)
        };
        let gaps = message.gaps.iter().map(gap).collect();
        let v1::SampleTotals { taken, missed, thread_ns } = message.totals.unwrap_or_default();
        let (max_lateness_ns, totals) = (message.max_lateness_ns, SampleTotals { taken, missed, thread_ns });
        Ok(Self { first_index, first_timestamp_ns, period_ns, samples, width, gaps, max_lateness_ns, totals })
    }

    /// Of how many samples it tells, missed ones included.
    fn count(&self) -> u64 {
        let taken = (self.samples.len() / self.width) as u64;
        self.gaps.iter().fold(taken, |count, (_, missed, _)| count.saturating_add(*missed))
    }

    /// Says in place of this part, for which there is no room, that it is missed; and in place of what was before it.
    pub(crate) fn forget(self, before: Option<Self>) -> Self {
        let of_this = self.count();
        let first = before.as_ref().unwrap_or(&self);
        let (first_index, first_timestamp_ns) = (first.first_index, first.first_timestamp_ns);
        let count = before.as_ref().map_or(0, Self::count).saturating_add(of_this);
        let gaps = vec![(0, count, SampleGapCause::Client)];
        Self { first_index, first_timestamp_ns, gaps, samples: Vec::new(), max_lateness_ns: 0, ..self }
    }

    /// Adds each of its samples and gaps.
    pub(crate) fn unpack(self, names: &Names, mask: u64, items: &mut VecDeque<SampleItem>) {
        let mut index = self.first_index;
        let due_ns = |index: u64| {
            let later_ns = index.saturating_sub(self.first_index).saturating_mul(self.period_ns);
            self.first_timestamp_ns.saturating_add(later_ns)
        };
        let mut gaps = self.gaps.iter().peekable();
        let mut samples = self.samples.chunks_exact(self.width);
        for taken in 0.. {
            while let Some((_, count, cause)) = gaps.next_if(|(after, _, _)| *after <= taken) {
                let (count, cause) = (*count, *cause);
                items.push_back(SampleItem::Missed(SampleGap {
                    index,
                    timestamp_ns: due_ns(index),
                    count,
                    cause,
                }));
                index = index.saturating_add(count);
            }
            let Some(sample) = samples.next() else { break };
            let bits = sample.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
            let values = Values::new(names.clone(), mask, bits, due_ns(index));
            items.push_back(SampleItem::Sample { index, values });
            index = index.saturating_add(1);
        }
    }
}
