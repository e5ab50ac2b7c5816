//! What a gRPC status says, told apart: the daemon's refusals, and a connection that broke.

use crate::error::{Error, Reason};
use gpiod_proto::{ERROR_DOMAIN, v1};
use prost::Message;
use std::time::Instant;
use tonic::{Code, Status};

// The three messages of google.rpc that are needed, with the fields that are read. The crate with all of them
// would add itself to every small image.

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// The daemon's reason; `None` where the status is not the daemon's own.
fn reason(status: &Status) -> Option<Reason> {
    let details = RpcStatus::decode(status.details()).ok()?.details;
    let info = details.iter().find(|any| any.type_url.ends_with("/google.rpc.ErrorInfo"))?;
    let info = ErrorInfo::decode(&*info.value).ok()?;
    (info.domain == ERROR_DOMAIN).then(|| Reason::from(info.reason))
}

/// What a status says. `since` is when the daemon went away, if that is what it says.
pub(crate) fn error(status: &Status, since: Instant) -> Error {
    let known = reason(status);
    // A status with a source was made on this side, from a connection that broke or was never made.
    let broken = status.code() == Code::Unavailable || std::error::Error::source(status).is_some();
    if known.is_none() && broken {
        return Error::Away { since, why: root(status) };
    }
    Error::Refused {
        code: status.code(),
        reason: known.unwrap_or(Reason::Other(String::new())),
        message: status.message().to_owned(),
    }
}

/// The innermost cause, such as `connection refused`: the layers above it speak of the transport's own parts.
fn root(status: &Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match cause.downcast_ref::<Status>() {
        Some(status) => status.message().to_owned(),
        None => cause.to_string(),
    }
}

/// What the answer to a session's command says.
pub(crate) fn refusal(error: v1::Error) -> Error {
    Error::Refused {
        code: Code::from_i32(error.code),
        reason: Reason::from(error.reason),
        message: error.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::{ErrorDetails, StatusExt};

    fn refused(domain: &str) -> Status {
        let details = ErrorDetails::with_error_info("LINE_HELD", domain, []);
        Status::with_error_details(Code::FailedPrecondition, "red is held by other", details)
    }

    #[test]
    fn the_reason_is_read_from_the_error_info_that_others_write() {
        let Error::Refused { code, reason, message } = error(&refused(ERROR_DOMAIN), Instant::now()) else {
            panic!("not a refusal");
        };
        assert_eq!((code, reason), (Code::FailedPrecondition, Reason::LineHeld));
        assert_eq!(message, "red is held by other");
    }

    #[test]
    fn an_error_info_of_another_domain_is_not_the_daemons() {
        let error = error(&refused("example.com"), Instant::now());
        assert_eq!(error.reason(), Some(&Reason::Other(String::new())));
    }

    #[test]
    fn a_daemon_that_stops_is_not_a_broken_connection() {
        let details = ErrorDetails::with_error_info("STOPPING", ERROR_DOMAIN, []);
        let status = Status::with_error_details(Code::Unavailable, "gpiod is stopping", details);
        let error = error(&status, Instant::now());
        assert_eq!(error.reason(), Some(&Reason::Stopping));
        assert!(error.is_retryable());
    }

    #[test]
    fn unavailable_without_a_reason_is_a_broken_connection() {
        let error = error(&Status::unavailable("broken pipe"), Instant::now());
        assert!(matches!(&error, Error::Away { why, .. } if why == "broken pipe"), "{error:?}");
    }
}
