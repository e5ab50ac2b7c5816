//! What can go wrong, as data: apps branch on the variant and the reason, people read the text.

use crate::line::Direction;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

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
    #[error("can not connect to gpiod at {}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
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

/// Why the daemon said no: the reason of its `google.rpc.ErrorInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// This socket has no such line.
    LineNotFound,
    /// Somebody holds the line; the message says who.
    LineHeld,
    /// This socket may not do that, or the line's configuration forbids it.
    NotPermitted,
    /// The line does not go that way, now or ever.
    WrongDirection,
    /// The request is malformed.
    InvalidRequest,
    /// The program is empty, too large, too long or impossible.
    InvalidProgram,
    /// A bound of the daemon is reached.
    LimitReached,
    /// The daemon is stopping.
    Stopping,
    /// The hardware or the kernel failed.
    Hardware,
    /// No command came in time.
    WatchdogExpired,
    /// The session was not opened in time.
    OpenTimedOut,
    /// A reason that this library does not know; empty where the daemon gave none.
    Other(String),
}

impl Error {
    /// The daemon's reason; `None` where it was not the daemon that failed the call.
    pub fn reason(&self) -> Option<&Reason> {
        None
    }

    /// Whether the same call may succeed later without any change to it.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("")
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
