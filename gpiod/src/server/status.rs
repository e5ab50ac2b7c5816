//! Domain errors to gRPC statuses and machine-readable reasons: the only file that chooses either.

use crate::backend;
use crate::error::Error;
use gpiod_proto::{ERROR_DOMAIN, v1};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The status code and the reason of an error.
fn code_and_reason(error: &Error) -> (Code, &'static str) {
    match error {
        Error::LineNotFound { .. } => (Code::NotFound, "LINE_NOT_FOUND"),
        Error::InvalidRequest(_) => (Code::InvalidArgument, "INVALID_REQUEST"),
        Error::InvalidProgram { .. } => (Code::InvalidArgument, "INVALID_PROGRAM"),
        Error::NotPermitted(_) => (Code::PermissionDenied, "NOT_PERMITTED"),
        Error::LineHeld { .. } | Error::Hardware(backend::Error::Busy { .. }) => {
            (Code::FailedPrecondition, "LINE_HELD")
        }
        Error::ProgramRunning { .. } => (Code::FailedPrecondition, "PROGRAM_RUNNING"),
        Error::WrongDirection { .. } => (Code::FailedPrecondition, "WRONG_DIRECTION"),
        Error::LimitReached { .. } => (Code::ResourceExhausted, "LIMIT_REACHED"),
        Error::OpenTimedOut(_) => (Code::DeadlineExceeded, "OPEN_TIMED_OUT"),
        Error::WatchdogExpired(_) => (Code::DeadlineExceeded, "WATCHDOG_EXPIRED"),
        Error::SessionEnded => (Code::FailedPrecondition, "SESSION_ENDED"),
        Error::Stopping => (Code::Unavailable, "STOPPING"),
        Error::Hardware(backend::Error::Failed { .. }) => (Code::Internal, "HARDWARE"),
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, reason) = code_and_reason(&error);
        let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new());
        Self::with_error_details(code, error.to_string(), details)
    }
}

impl From<Error> for v1::Error {
    fn from(error: Error) -> Self {
        let (code, reason) = code_and_reason(&error);
        Self { code: code.into(), reason: reason.to_owned(), message: error.to_string() }
    }
}
