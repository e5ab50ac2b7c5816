//! Messages of the simulated board and of the guardian: what can be read is what is written again.
#![no_main]

use gpiod::board::messages::{ControlReply, ControlRequest, LineReply, LineRequest};
use gpiod::guard::Charge;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What was read, written and read again.
fn again<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<[T; 2]> {
    let message = serde_json::from_slice::<T>(bytes).ok()?;
    let written = serde_json::to_vec(&message).expect("what was read can be written");
    let read = serde_json::from_slice(&written).expect("what was written can be read");
    Some([message, read])
}

fn same<T: DeserializeOwned + Serialize + PartialEq>(bytes: &[u8]) {
    if let Some([message, read]) = again::<T>(bytes) {
        assert!(message == read);
    }
}

fuzz_target!(|bytes: &[u8]| {
    same::<LineRequest>(bytes);
    same::<LineReply>(bytes);
    same::<Charge>(bytes);
    // They have fractions, which JSON does not keep to the last bit.
    again::<ControlRequest>(bytes);
    again::<ControlReply>(bytes);
});
