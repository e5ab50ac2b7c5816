//! Messages of the simulated board and of the guardian: what can be read is what is written again. Those of a session: what is
//! read and written without prost is what prost reads and writes.
#![no_main]

use gpiod::board::messages::{ControlReply, ControlRequest, LineReply, LineRequest};
use gpiod::guard::Charge;
use gpiod_proto::quick::{self, Batch, Short};
use gpiod_proto::v1::{SessionRequest, SessionResponse};
use libfuzzer_sys::fuzz_target;
use prost::Message;
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

/// Messages of a session.
fn session(bytes: &[u8]) {
    let request = quick::request(bytes);
    assert_eq!(request, SessionRequest::decode(bytes));
    if let Ok(request) = request {
        if let Some(short) = Short::request(&request) {
            assert_eq!(short.bytes(), request.encode_to_vec());
        }
        if let Some(batch) = Batch::request(&request) {
            assert_eq!(batch.pieces().concat(), request.encode_to_vec());
        }
    }
    let response = quick::response(bytes);
    assert_eq!(response, SessionResponse::decode(bytes));
    if let Ok(response) = response
        && let Some(short) = Short::response(&response)
    {
        assert_eq!(short.bytes(), response.encode_to_vec());
    }
}

fuzz_target!(|bytes: &[u8]| {
    session(bytes);
    same::<LineRequest>(bytes);
    same::<LineReply>(bytes);
    same::<Charge>(bytes);
    // They have fractions, which JSON does not keep to the last bit.
    again::<ControlRequest>(bytes);
    again::<ControlReply>(bytes);
});
