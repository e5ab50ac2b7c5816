//! The values of several lines at one moment.

use crate::line::Value;
use std::sync::Arc;

/// Names of the lines that positions and masks speak of.
pub(crate) type Names = Arc<[Arc<str>]>;

/// The values of several lines at one moment.
///
/// Positions count the lines that were asked for or, in a session, the session's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    names: Names,
    mask: u64,
    bits: u64,
    timestamp_ns: u64,
}

impl Values {
    pub(crate) fn new(names: Names, mask: u64, bits: u64, timestamp_ns: u64) -> Self {
        Self { names, mask, bits: bits & mask, timestamp_ns }
    }

    /// Gives one line the value that it had at a later moment.
    pub(crate) fn bring_forward(&mut self, position: usize, value: Value, timestamp_ns: u64) {
        let bit = 1_u64.checked_shl(u32::try_from(position).unwrap_or(u32::MAX)).unwrap_or(0);
        self.bits = if value.is_active() { self.bits | bit & self.mask } else { self.bits & !bit };
        self.timestamp_ns = self.timestamp_ns.max(timestamp_ns);
    }

    /// When they were read: CLOCK_MONOTONIC of the node, ns.
    pub fn timestamp_ns(&self) -> u64 {
        self.timestamp_ns
    }

    /// The value of a line, by its name or handle; `None` where the line was not read.
    pub fn get(&self, line: impl AsRef<str>) -> Option<Value> {
        let position = self.names.iter().position(|name| **name == *line.as_ref())?;
        self.at(position)
    }

    /// The value of the line at a position; `None` where it was not read.
    pub fn at(&self, position: usize) -> Option<Value> {
        let bit = 1_u64.checked_shl(u32::try_from(position).ok()?)?;
        (self.mask & bit != 0).then(|| Value::from(self.bits & bit != 0))
    }

    /// Bit i is the value of the line at position i, 1 is active; 0 where it was not read.
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// The lines that were read, by name, in the order of their positions.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value)> {
        self.names.iter().enumerate().filter_map(|(i, name)| Some((&**name, self.at(i)?)))
    }
}
