//! Which exit code a program deserves that ends with an error: one answer for every app and the command line.

use super::{Error, Reason};
use std::io::ErrorKind;

impl Error {
    /// The exit code, from `sysexits.h`, for a program that ends because of this error.
    ///
    /// 64: the program names its socket or its lines wrongly. 65: the daemon has no such line, not that way, or can
    /// not run the program or take so much at once. 69: the daemon can not be reached. 70: what should not happen. 74: the hardware or the system failed.
    /// 75: not now, since somebody holds the line, a limit is reached or the session is over: worth a restart. 77: not allowed here, or let
    /// go by the administrator. 78: the daemon's configuration is wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { reason, .. } => exit_code_of(reason),
            Self::Batch { source, .. } => source.exit_code(),
            Self::SocketAmbiguous { .. } | Self::Invalid { .. } => 64,
            Self::NoSuchLine { .. } => 65,
            Self::Unreachable { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => 77,
            Self::Away { .. } | Self::SocketNotFound { .. } | Self::Unreachable { .. } => 69,
            Self::ForeignHandle { .. } | Self::Closed | Self::Protocol { .. } => 70,
        }
    }
}

fn exit_code_of(reason: &Reason) -> u8 {
    match reason {
        Reason::LineNotFound
        | Reason::GroupNotFound
        | Reason::WrongDirection
        | Reason::InvalidRequest
        | Reason::InvalidProgram
        | Reason::BeyondLimit => 65,
        Reason::Stopping | Reason::Reconfigured | Reason::PodUnknown => 69,
        Reason::Hardware | Reason::ConfigPartlyTaken => 74,
        Reason::LineHeld
        | Reason::ProgramRunning
        | Reason::LimitReached
        | Reason::OpenTimedOut
        | Reason::WatchdogExpired
        | Reason::SessionEnded => 75,
        Reason::NotPermitted | Reason::NamespaceNotAllowed | Reason::Released => 77,
        Reason::ConfigRefused => 78,
        Reason::Other(_) => 70,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use std::io;
    use std::sync::Arc;

    fn refused(reason: Reason) -> u8 {
        Error::Refused { code: Code::FailedPrecondition, reason, message: String::new() }.exit_code()
    }

    #[test]
    fn what_a_restart_may_mend_is_told_from_what_it_does_not() {
        let not_now = [Reason::LineHeld, Reason::LimitReached, Reason::ProgramRunning, Reason::SessionEnded];
        assert_eq!(not_now.map(refused), [75; 4]);
        assert_eq!([Reason::LineNotFound, Reason::NotPermitted, Reason::Hardware].map(refused), [65, 77, 74]);
    }

    #[test]
    fn a_socket_that_is_not_for_us_is_told_from_one_that_nobody_answers() {
        let at = |kind: ErrorKind| {
            Error::Unreachable { socket: "/run/a".into(), cause: Arc::new(io::Error::from(kind)) }.exit_code()
        };
        assert_eq!([ErrorKind::PermissionDenied, ErrorKind::ConnectionRefused].map(at), [77, 69]);
        assert_eq!(Error::SocketAmbiguous { found: vec![] }.exit_code(), 64);
    }
}
