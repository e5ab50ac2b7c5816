//! What can go wrong, as data: apps branch on the variant and the reason, people read the text.

mod exit;
mod reason;
pub(crate) mod status;

use crate::line::Direction;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub use reason::Reason;
pub use tonic::Code;

/// What went wrong.
///
/// It can be cloned, since one lost connection fails every command that was on its way.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The daemon said no, or failed.
    #[error("{message}")]
    Refused {
        /// The gRPC status code.
        code: Code,
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
    },
    /// The daemon can not be reached at present. A session comes back by itself: see
    /// [`Session::next_notice`](crate::Session::next_notice).
    #[error("gpiod is away: {why}")]
    Away {
        /// Since when, on this process's clock.
        since: Instant,
        /// What was seen of it.
        why: String,
    },
    /// There is no socket in any of the places where one is looked for.
    #[error("no gpiod socket found; looked for {}", list(looked))]
    SocketNotFound {
        /// The places; a `*` stands for any group.
        looked: Vec<PathBuf>,
    },
    /// There are several sockets, and nobody said which.
    #[error("several gpiod sockets found, name the group or set GPIOD_SOCKET: {}", list(found))]
    SocketAmbiguous {
        /// All of them.
        found: Vec<PathBuf>,
    },
    /// The socket is named or found, but does not take a connection.
    #[error("can not connect to gpiod at {}: {cause}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said. The text tells it, so it is no [`source`](std::error::Error::source) besides.
        cause: Arc<io::Error>,
    },
    /// The call itself is a mistake; nothing was sent.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it.
        what: String,
    },
    /// The session or request has no such line, or not in that direction.
    #[error("{line:?} is no {} here", wanted.map_or("line".to_owned(), |direction| format!("line opened as {direction}")))]
    NoSuchLine {
        /// The name.
        line: String,
        /// The direction that was wanted, where one was.
        wanted: Option<Direction>,
    },
    /// A handle was given to a session that it does not belong to.
    #[error("{line:?} belongs to another session")]
    ForeignHandle {
        /// The handle's line.
        line: String,
    },
    /// An operation of a batch failed; those before it were done, those after it were not.
    #[error("operation {done} of the batch, counted from 0")]
    Batch {
        /// How many operations were done.
        done: u32,
        /// Why the next one was not.
        source: Box<Error>,
    },
    /// The session was closed or dropped.
    #[error("the session is closed")]
    Closed,
    /// The daemon answered with what its API does not allow.
    #[error("gpiod's answer makes no sense: {what}")]
    Protocol {
        /// What was wrong with it.
        what: String,
    },
}

impl Error {
    /// The daemon's reason; `None` where it was not the daemon that failed the call.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Refused { reason, .. } => Some(reason),
            Self::Batch { source, .. } => source.reason(),
            Self::Away { .. }
            | Self::SocketNotFound { .. }
            | Self::SocketAmbiguous { .. }
            | Self::Unreachable { .. }
            | Self::Invalid { .. }
            | Self::NoSuchLine { .. }
            | Self::ForeignHandle { .. }
            | Self::Closed
            | Self::Protocol { .. } => None,
        }
    }

    /// Whether the daemon is not there now and may be there later: it is away, stopping or not started yet. An app
    /// that may start before the daemon waits then; [`ClientBuilder::wait_forever`](crate::ClientBuilder::wait_forever)
    /// does. `false` for what no waiting mends, such as a socket that this process may not connect to.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Away { .. } | Self::SocketNotFound { .. } => true,
            Self::Unreachable { cause, .. } => {
                use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, WouldBlock};
                // A Unix socket says `WouldBlock` while more clients wait to be let in than fit.
                matches!(cause.kind(), NotFound | ConnectionRefused | ConnectionReset | WouldBlock)
            }
            Self::Refused { code, reason, .. } => *code == Code::Unavailable || *reason == Reason::Stopping,
            Self::Batch { source, .. } => source.is_away(),
            Self::SocketAmbiguous { .. }
            | Self::Invalid { .. }
            | Self::NoSuchLine { .. }
            | Self::ForeignHandle { .. }
            | Self::Closed
            | Self::Protocol { .. } => false,
        }
    }

    /// Whether the same call may succeed later without any change to it: the daemon [is away](Self::is_away),
    /// somebody holds a line, a program runs on it, a bound is reached.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused {
                reason:
                    Reason::LineHeld | Reason::ProgramRunning | Reason::LimitReached | Reason::OpenTimedOut,
                ..
            } => true,
            Self::Batch { source, .. } => source.is_retryable(),
            Self::Refused { .. }
            | Self::Away { .. }
            | Self::SocketNotFound { .. }
            | Self::Unreachable { .. } => self.is_away(),
            Self::SocketAmbiguous { .. }
            | Self::Invalid { .. }
            | Self::NoSuchLine { .. }
            | Self::ForeignHandle { .. }
            | Self::Closed
            | Self::Protocol { .. } => false,
        }
    }

    /// Whether a session or watch that this ended must not try again by itself: nothing but a change of the app or
    /// of the configuration helps, or it was the watchdog, which says that the app itself is at fault.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Refused { code, reason, .. } => {
                matches!(reason, Reason::WatchdogExpired | Reason::Released)
                    || matches!(
                        code,
                        Code::InvalidArgument
                            | Code::NotFound
                            | Code::PermissionDenied
                            | Code::Unauthenticated
                            | Code::Unimplemented
                    )
                    || matches!(reason, Reason::WrongDirection | Reason::BeyondLimit)
            }
            Self::Protocol { .. } => true,
            Self::Away { .. }
            | Self::SocketNotFound { .. }
            | Self::SocketAmbiguous { .. }
            | Self::Unreachable { .. }
            | Self::Invalid { .. }
            | Self::NoSuchLine { .. }
            | Self::ForeignHandle { .. }
            | Self::Batch { .. }
            | Self::Closed => false,
        }
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }

    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into() }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waiting_mends_is_told_from_what_it_does_not() {
        use io::ErrorKind::{
            ConnectionRefused, ConnectionReset, InvalidInput, NotADirectory, NotFound, PermissionDenied,
            WouldBlock,
        };
        let away = |kind: io::ErrorKind| {
            let error = Error::Unreachable { socket: "/run/a".into(), cause: Arc::new(kind.into()) };
            assert_eq!(error.is_away(), error.is_retryable(), "{error}");
            error.is_away()
        };
        assert_eq!([NotFound, ConnectionRefused, ConnectionReset, WouldBlock].map(away), [true; 4]);
        assert_eq!([PermissionDenied, NotADirectory, InvalidInput].map(away), [false; 3]);
    }

    #[test]
    fn a_daemon_that_refuses_is_there_unless_it_stops() {
        let refused = |code, reason| Error::Refused { code, reason, message: String::new() };
        assert!(refused(Code::Unavailable, Reason::Stopping).is_away());
        assert!(refused(Code::Unavailable, Reason::Other(String::new())).is_away());
        let held =
            Error::Batch { done: 0, source: Box::new(refused(Code::FailedPrecondition, Reason::LineHeld)) };
        assert!(!held.is_away() && held.is_retryable());
        assert!(refused(Code::FailedPrecondition, Reason::ProgramRunning).is_retryable());
        // Only a new session helps, and that is another call.
        assert!(!refused(Code::FailedPrecondition, Reason::SessionEnded).is_retryable());
        assert!(!refused(Code::PermissionDenied, Reason::NotPermitted).is_retryable());
    }
}
