//! Samples on their way from the thread that takes them to the client: packed into chunks, what is missing counted in
//! its place, in a bounded queue.

mod queue;

pub use queue::{Feed, Queue};

use std::ops::RangeInclusive;

/// How far samples may be apart, in ns; `limits.samples_per_s` says how close.
pub const PERIOD_NS: RangeInclusive<u64> = 1..=60_000_000_000;
/// Bytes of samples in one chunk.
pub const CHUNK_BYTES: usize = 2048;
/// Gaps in one chunk.
pub const CHUNK_GAPS: usize = 64;
/// Chunks that wait for a client; one more is filled meanwhile, and one may be the last.
pub const CHUNKS: usize = 6;

/// Why samples are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The thread was not there in time.
    Late,
    /// The socket had used up its share of the thread.
    Limit,
    /// The client did not read.
    Client,
}

/// Samples that were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many samples of the chunk come before it.
    pub after: u32,
    /// How many.
    pub count: u64,
    /// Why.
    pub cause: Cause,
}

/// What a sampling came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Samples that were taken.
    pub taken: u64,
    /// Samples that were missed.
    pub missed: u64,
    /// Processor time of the programs' thread, in ns.
    pub thread_ns: u64,
}

/// Samples one behind the other, and what is missing between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The number of the first sample, or of the first that is missed.
    pub first_index: u64,
    /// The samples, packed.
    pub samples: Vec<u8>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// How long after it was due a sample was read, at most, in ns.
    pub max_lateness_ns: u64,
    /// Until the end of this chunk.
    pub totals: Totals,
}

/// How many bytes a sample of so many lines has.
pub fn width(lines: usize) -> usize {
    match lines {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

impl Chunk {
    /// An empty one with room for all that it may come to hold, so that filling it allocates nothing.
    fn new(first_index: u64) -> Self {
        let (samples, gaps) = (Vec::with_capacity(CHUNK_BYTES), Vec::with_capacity(CHUNK_GAPS));
        Self { first_index, samples, gaps, ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.gaps.is_empty()
    }

    /// Whether one more sample may not fit. Of gaps there is room for two, which may end it.
    fn is_full(&self) -> bool {
        self.samples.len() + size_of::<u64>() > CHUNK_BYTES || self.gaps.len() + 2 > CHUNK_GAPS
    }

    /// Adds a sample of so many bytes.
    fn put(&mut self, bits: u64, width: usize) {
        self.samples.extend(bits.to_le_bytes().iter().take(width));
    }

    /// Adds what is missing at its end.
    fn miss(&mut self, cause: Cause, count: u64, width: usize) {
        let after = u32::try_from(self.samples.len() / width).unwrap_or(u32::MAX);
        if let Some(last) = self.gaps.last_mut()
            && last.after == after
            && last.cause == cause
        {
            last.count += count;
            return;
        }
        self.gaps.push(Gap { after, count, cause });
    }
}

#[cfg(test)]
mod tests;
