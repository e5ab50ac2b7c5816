//! A batch in its bytes: those of its operations in a row, behind a beginning that says how many they are.

use super::Short;
use crate::v1::session_request::Command;
use crate::v1::{BatchCommand, SessionRequest};

/// An operation of one of the first lines has no more bytes.
const OPERATION_BYTES: usize = 8;

/// The bytes of a batch.
#[derive(Clone, Debug)]
pub struct Batch {
    beginning: Short,
    operations: Vec<u8>,
}

impl Batch {
    /// Of a request that is a batch; `None` of any other, and of one with an operation that does nothing.
    pub fn request(request: &SessionRequest) -> Option<Self> {
        let Some(Command::Batch(BatchCommand { operations })) = &request.command else { return None };
        let mut bytes = Vec::with_capacity(operations.len() * OPERATION_BYTES);
        for operation in operations {
            bytes.extend_from_slice(Short::operation(operation)?.bytes());
        }
        let length = u64::try_from(bytes.len()).ok()?;
        Some(Self { beginning: Short::batch(request.id, length), operations: bytes })
    }

    /// The bytes, in two pieces.
    pub fn pieces(&self) -> [&[u8]; 2] {
        [self.beginning.bytes(), &self.operations]
    }
}

#[cfg(test)]
mod tests {
    use super::super::arbitrary::{number, operation};
    use super::*;
    use crate::v1::{FeedCommand, Operation};
    use proptest::prelude::*;
    use prost::Message;

    proptest! {
        #[test]
        fn a_batch_is_what_prost_writes(
            id in number(),
            operations in prop::collection::vec(operation(), 0..40),
        ) {
            let command = Some(Command::Batch(BatchCommand { operations }));
            let request = SessionRequest { id, command };
            prop_assert_eq!(Batch::request(&request).unwrap().pieces().concat(), request.encode_to_vec());
        }
    }

    #[test]
    fn what_is_no_batch_or_has_an_operation_that_does_nothing_is_for_prost() {
        let feed = SessionRequest { id: 1, command: Some(Command::Feed(FeedCommand {})) };
        assert!(Batch::request(&feed).is_none());
        let nothing = BatchCommand { operations: vec![Operation { operation: None }] };
        assert!(Batch::request(&SessionRequest { id: 1, command: Some(Command::Batch(nothing)) }).is_none());
    }
}
