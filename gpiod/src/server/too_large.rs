//! A message that is larger than `limits.message_bytes`: tonic refuses it with a status of its own, which becomes ours.

use crate::broker::Broker;
use crate::error::Error;
use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::{Code, Status};

/// Why a stream of requests can not be read, and counts it if its last message was too large.
pub(super) fn told(status: Status, broker: &Broker) -> Status {
    // Nothing of ours has this code, and of tonic's nothing else.
    if status.code() != Code::OutOfRange {
        return status;
    }
    let max = broker.limits().message_bytes.into();
    let error = Error::BeyondLimit { limit: "limits.message_bytes", max };
    broker.count_refusal(&error);
    error.into()
}

/// The same for an answer, which says in its head that there is nothing more to it.
pub(super) fn answer(response: Response<Body>, broker: &Broker) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() == Code::OutOfRange => told(status, broker).into_http(),
        Some(_) | None => response,
    }
}
