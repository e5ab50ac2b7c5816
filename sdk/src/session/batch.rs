//! Several operations in one command.

use crate::error::{Error, status};
use crate::line::name::{Assignment, LineRefs};
use crate::session::Session;
use crate::session::core::unexpected;
use crate::values::Values;
use gpiod_proto::v1;
use gpiod_proto::v1::operation::Operation;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;

/// Several reads and writes, done in order without anything in between: from
/// [`Session::batch`].
#[derive(Debug)]
#[must_use = "nothing is done before `send`"]
pub struct Batch<'a> {
    session: &'a Session,
    /// The operations, or the first mistake in one.
    operations: Result<Vec<v1::Operation>, Error>,
}

/// What a batch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// What its reads found, in their order. They all carry the time stamp of the batch.
    pub reads: Vec<Values>,
    /// When the last operation was done: CLOCK_MONOTONIC of the node, ns.
    pub timestamp_ns: u64,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(session: &'a Session) -> Self {
        Self { session, operations: Ok(Vec::new()) }
    }

    /// Sets several lines: all of them or, on a mistake, none.
    pub fn write(self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Self {
        let operation = self.session.core().lines().mask_and_bits(values.into_iter().map(Into::into));
        self.operation(operation.map(|(mask, bits)| Operation::Write(v1::WriteCommand { mask, bits })))
    }

    /// Reads several lines.
    pub fn read(self, lines: impl Into<LineRefs>) -> Self {
        let operation = self.session.core().lines().mask(&lines.into());
        self.operation(operation.map(|mask| Operation::Read(v1::ReadCommand { mask })))
    }

    /// Sends it; 1 to 1,024 operations.
    ///
    /// # Errors
    ///
    /// [`Error::Batch`] where an operation failed, otherwise as [`Session::write`].
    pub async fn send(self) -> Result<BatchResult, Error> {
        let operations = self.operations?;
        let n_operations = operations.len();
        let masks: Vec<u64> = operations.iter().filter_map(read_mask).collect();
        let core = self.session.core();
        let answer = core.command(Command::Batch(v1::BatchCommand { operations })).await?;
        let Answer::Batch(batch) = answer else { return Err(unexpected("a batch")) };
        if let Some(error) = batch.error {
            return Err(Error::Batch { done: batch.done, source: Box::new(status::refusal(error)) });
        }
        if usize::try_from(batch.done) != Ok(n_operations) || batch.bits.len() != masks.len() {
            return Err(Error::protocol("a batch that was half done, without an error"));
        }
        let reads = masks.iter().zip(batch.bits);
        Ok(BatchResult {
            reads: reads.map(|(mask, bits)| core.values(*mask, bits, batch.timestamp_ns)).collect(),
            timestamp_ns: batch.timestamp_ns,
        })
    }

    fn operation(mut self, operation: Result<Operation, Error>) -> Self {
        self.operations = self.operations.and_then(|mut operations| {
            operations.push(v1::Operation { operation: Some(operation?) });
            Ok(operations)
        });
        self
    }
}

fn read_mask(operation: &v1::Operation) -> Option<u64> {
    match operation.operation {
        Some(Operation::Read(v1::ReadCommand { mask })) => Some(mask),
        Some(Operation::Write(_)) | None => None,
    }
}
