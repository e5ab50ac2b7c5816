//! Several operations in one command.

use crate::error::Error;
use crate::line::name::{Assignment, LineRefs};
use crate::session::Session;
use crate::values::Values;

/// Several reads and writes, done in order without anything in between: from
/// [`Session::batch`](crate::Session::batch).
#[derive(Debug)]
#[must_use = "nothing is done before `send`"]
pub struct Batch<'a> {
    pub(crate) session: &'a Session,
}

/// What a batch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// What its reads found, in their order. They all carry the time stamp of the batch.
    pub reads: Vec<Values>,
    /// When the last operation was done: CLOCK_MONOTONIC of the node, ns.
    pub timestamp_ns: u64,
}

impl Batch<'_> {
    /// Sets several lines: all of them or, on a mistake, none.
    pub fn write(mut self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Self {
        self
    }

    /// Reads several lines.
    pub fn read(mut self, lines: impl Into<LineRefs>) -> Self {
        self
    }

    /// Sends it; 1 to 1,024 operations.
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] where an operation failed after others were done, otherwise as
    /// [`Session::write`](crate::Session::write).
    pub async fn send(self) -> Result<BatchResult, Error> {
        Err(Error::Closed)
    }
}
