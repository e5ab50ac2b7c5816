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
        Error::InvalidProgram(_) => (Code::InvalidArgument, "INVALID_PROGRAM"),
        Error::NotPermitted(_) => (Code::PermissionDenied, "NOT_PERMITTED"),
        Error::NamespaceNotAllowed { .. } => (Code::PermissionDenied, "NAMESPACE_NOT_ALLOWED"),
        Error::PodUnknown { .. } => (Code::Unavailable, "POD_UNKNOWN"),
        Error::LineHeld { .. } | Error::Hardware(backend::Error::Busy { .. }) => {
            (Code::FailedPrecondition, "LINE_HELD")
        }
        Error::ProgramRunning { .. } => (Code::FailedPrecondition, "PROGRAM_RUNNING"),
        Error::WrongDirection { .. } => (Code::FailedPrecondition, "WRONG_DIRECTION"),
        Error::LimitReached { .. } => (Code::ResourceExhausted, "LIMIT_REACHED"),
        Error::BeyondLimit { .. } => (Code::ResourceExhausted, "BEYOND_LIMIT"),
        Error::OpenTimedOut(_) => (Code::DeadlineExceeded, "OPEN_TIMED_OUT"),
        Error::WatchdogExpired { .. } => (Code::DeadlineExceeded, "WATCHDOG_EXPIRED"),
        Error::SessionEnded => (Code::FailedPrecondition, "SESSION_ENDED"),
        Error::Released(_) => (Code::Aborted, "RELEASED"),
        Error::Reconfigured => (Code::Unavailable, "RECONFIGURED"),
        Error::ConfigRefused(_) => (Code::FailedPrecondition, "CONFIG_REFUSED"),
        Error::ConfigPartlyTaken(_) => (Code::Internal, "CONFIG_PARTLY_TAKEN"),
        Error::GroupNotFound { .. } => (Code::NotFound, "GROUP_NOT_FOUND"),
        Error::Stopping => (Code::Unavailable, "STOPPING"),
        Error::Hardware(backend::Error::Failed { .. }) => (Code::Internal, "HARDWARE"),
    }
}

/// The most bytes of a text that any client can be told. It waits in memory until the client reads it, twice, and once of
/// these with three bytes for some of one.
const TEXT_BYTES: usize = 512;

/// What the client is told. A name of its own and the names of all lines may be in it: what is too long is cut off, but
/// for those who may change the configuration.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let whole = matches!(error, Error::ConfigRefused(_) | Error::ConfigPartlyTaken(_));
    if !whole && text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES - 3));
        text.push_str("...");
    }
    text
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, reason) = code_and_reason(&error);
        let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new());
        Self::with_error_details(code, text(&error), details)
    }
}

impl From<Error> for v1::Error {
    fn from(error: Error) -> Self {
        let (code, reason) = code_and_reason(&error);
        Self { code: code.into(), reason: reason.to_owned(), message: text(&error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::{Caller, Holder};
    use crate::pods::Tenant;
    use std::io;
    use std::time::Duration;

    fn one_of_each() -> Vec<Error> {
        let line = || "red".to_owned();
        let caller = Caller { uid: 0, gid: 0, pid: 1, pod: None };
        let tenant = Tenant::Untold;
        let (name, group) = ("a".to_owned(), "b".to_owned());
        let holder = Holder { name, group, caller, tenant, since_ns: 0, away_until_ns: None };
        let failed = backend::Error::Failed { operation: "x", source: io::Error::other("y") };
        vec![
            Error::LineNotFound { line: line(), known: vec![], elsewhere: vec![] },
            Error::InvalidRequest(line()),
            Error::InvalidProgram(line()),
            Error::NotPermitted(line()),
            Error::NamespaceNotAllowed { group: line(), pod: line() },
            Error::PodUnknown { group: line(), why: "x" },
            Error::LineHeld { line: line(), holder: Box::new(holder) },
            Error::ProgramRunning { line: line() },
            Error::WrongDirection { line: line(), is: "an input", wanted: "an output" },
            Error::SessionEnded,
            Error::LimitReached { limit: "limits.watches", max: 1 },
            Error::BeyondLimit { limit: "limits.program_ms", max: 1 },
            Error::OpenTimedOut(10),
            Error::WatchdogExpired { after_ms: 10, kept: Duration::ZERO },
            Error::Released(line()),
            Error::Reconfigured,
            Error::ConfigRefused(line()),
            Error::ConfigPartlyTaken(line()),
            Error::GroupNotFound { group: line(), known: vec![] },
            Error::Stopping,
            Error::Hardware(failed),
        ]
    }

    #[test]
    fn the_documented_table_of_errors_is_the_true_one() {
        let documented: Vec<(String, String)> = include_str!("../../../docs/errors.md")
            .lines()
            .filter_map(|row| row.strip_prefix("| `"))
            .filter_map(|row| row.split_once("` | "))
            .filter_map(|(reason, rest)| Some((reason.to_owned(), rest.split_once(" |")?.0.to_owned())))
            .collect();
        let true_ones: Vec<(String, String)> = one_of_each()
            .iter()
            .map(code_and_reason)
            .map(|(code, reason)| (reason.to_owned(), name(code)))
            .collect();
        assert_eq!(documented, true_ones);
    }

    /// `Code::NotFound` as NOT_FOUND.
    fn name(code: Code) -> String {
        let mut name = String::new();
        for (i, letter) in format!("{code:?}").chars().enumerate() {
            if letter.is_ascii_uppercase() && i > 0 {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn a_text_that_is_too_long_to_wait_in_memory_is_cut_off() {
        let known = (0..64).map(|n| format!("a-line-with-a-long-name-{n}")).collect();
        let status =
            Status::from(Error::LineNotFound { line: "\u{10ffff}".repeat(64), known, elsewhere: Vec::new() });
        assert_eq!(status.message().len(), TEXT_BYTES);
        assert!(status.message().ends_with("..."), "{}", status.message());
        let long = "a mistake\n".repeat(200);
        assert_eq!(Status::from(Error::ConfigRefused(long.clone())).message(), long);
    }

    #[test]
    fn a_status_carries_the_reason_and_the_text() {
        let status = Status::from(Error::Stopping);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("STOPPING", "gpiod.v1"));
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "gpiod is stopping"));
    }
}
