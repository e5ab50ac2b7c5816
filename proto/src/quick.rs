//! The messages of a session that come by the thousand, in the bytes that every encoder writes, each field once and in its
//! order: reads and writes and their answers, and batches, whose answers alone are left to prost. It is what prost reads
//! and writes, in a fraction of its time; all else is left to it.

#[cfg(test)]
mod arbitrary;
mod batch;
mod read;
mod short;
mod varint;

pub use batch::Batch;
pub use read::{request, response};
pub use short::Short;

/// The number of a field and its kind, in one byte: of one that is a number.
const fn number(field: u8) -> u8 {
    field << 3
}

/// Of one that has a length.
const fn part(field: u8) -> u8 {
    field << 3 | 2
}

/// Of requests and answers.
const ID: u8 = number(1);

const READ: u8 = part(3);
const WRITE: u8 = part(4);
const BATCH: u8 = part(10);
const MASK: u8 = number(1);
const BITS: u8 = number(2);

const OPERATIONS: u8 = part(1);
const OPERATION_READ: u8 = part(1);
const OPERATION_WRITE: u8 = part(2);

const READ_RESULT: u8 = part(3);
const DONE_RESULT: u8 = part(4);
const READ_BITS: u8 = number(1);
const READ_TIMESTAMP: u8 = number(2);
const DONE_TIMESTAMP: u8 = number(1);
