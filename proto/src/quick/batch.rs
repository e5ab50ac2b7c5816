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
    use super::*;
    use crate::v1::Operation;
    use crate::v1::operation::Operation as Does;
    use crate::v1::{FeedCommand, ReadCommand, WriteCommand};
    use proptest::prelude::*;
    use prost::Message;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(u64::MAX), 0..300_u64, (0..64_u32).prop_map(|bit| 1 << bit), any::<u64>()]
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let does = (any::<bool>(), number(), number()).prop_map(|(write, mask, bits)| {
            if write { Does::Write(WriteCommand { mask, bits }) } else { Does::Read(ReadCommand { mask }) }
        });
        does.prop_map(|does| Operation { operation: Some(does) })
    }

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
