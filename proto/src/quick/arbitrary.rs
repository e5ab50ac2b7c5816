//! Arbitrary parts of messages, for the tests of what reads and of what writes.

use crate::v1::operation::Operation as Does;
use crate::v1::{Operation, ReadCommand, WriteCommand};
use proptest::prelude::*;

pub(super) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..300_u64, (0..64_u32).prop_map(|bit| 1 << bit), any::<u64>()]
}

pub(super) fn read() -> impl Strategy<Value = ReadCommand> {
    number().prop_map(|mask| ReadCommand { mask })
}

pub(super) fn write() -> impl Strategy<Value = WriteCommand> {
    (number(), number()).prop_map(|(mask, bits)| WriteCommand { mask, bits })
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let does = prop_oneof![read().prop_map(Does::Read), write().prop_map(Does::Write)];
    does.prop_map(|does| Operation { operation: Some(does) })
}
