//! What can go wrong with a client's request, as the domain sees it. `server::status`
//! alone decides which gRPC status each becomes.

use crate::backend;
use crate::holder::Holder;
use std::time::Duration;

/// Why a request failed. The text is for the client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This socket has no line of that name.
    #[error("{}", not_found(.line, .known, .elsewhere))]
    LineNotFound {
        /// The name that was asked for.
        line: String,
        /// The names that there are.
        known: Vec<String>,
        /// The groups whose lines the socket lists, but only their own sockets serve.
        elsewhere: Vec<String>,
    },
    /// The request makes no sense, whatever the state of the lines.
    #[error("{0}")]
    InvalidRequest(String),
    /// A program can not be run.
    #[error("{0}")]
    InvalidProgram(String),
    /// The socket or the configuration does not allow it.
    #[error("{0}")]
    NotPermitted(String),
    /// The group is for some namespaces of the cluster alone, and a pod that has it is in none of them.
    #[error("group {group:?} is not for pod {pod}: its namespace is not in the group's allow_namespaces")]
    NamespaceNotAllowed {
        /// The group.
        group: String,
        /// The pod, as `namespace/name`.
        pod: String,
    },
    /// The group is for some namespaces of the cluster alone, and it is not known which pod has it.
    #[error("group {group:?} is for some namespaces alone, and which pod has it is not known: {why}")]
    PodUnknown {
        /// The group.
        group: String,
        /// Why it is not known.
        why: &'static str,
    },
    /// Somebody else holds the line.
    #[error("line {line:?} is held by {holder}")]
    LineHeld {
        /// The line's name on this socket.
        line: String,
        /// Who holds it.
        holder: Box<Holder>,
    },
    /// A program of the same session drives or awaits the line.
    #[error("a program of this session is running on line {line:?}")]
    ProgramRunning {
        /// The line's name in the session.
        line: String,
    },
    /// The line does not go that way.
    #[error("line {line:?} is {is}, not {wanted}")]
    WrongDirection {
        /// The line's name on this socket.
        line: String,
        /// What it is: `an input`, `configured as an output`.
        is: &'static str,
        /// What was needed.
        wanted: &'static str,
    },
    /// One of the configured limits.
    #[error("limit {limit} of {max} is reached")]
    LimitReached {
        /// Its key in the configuration, such as `limits.watches`.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// One of the configured limits, which this request alone exceeds: it will not do later either.
    #[error("this asks for more than {limit} allows, {max}")]
    BeyondLimit {
        /// Its key in the configuration, such as `limits.program_ms`.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// The client did not open its session in time.
    #[error("no open command came within {0} s")]
    OpenTimedOut(u64),
    /// The client was not heard for longer than it promised.
    #[error("no command came for {after_ms} ms, the session's watchdog {}", lets_go(.kept))]
    WatchdogExpired {
        /// How long it waited, in ms.
        after_ms: u64,
        /// How long its lines are kept all the same, for the client to come back: the group's `grace`.
        kept: Duration,
    },
    /// The session is over.
    #[error("the session has ended")]
    SessionEnded,
    /// The administrator let go of the session's lines.
    #[error("the administrator let go of the lines: {0}")]
    Released(String),
    /// The configuration was changed, and the lines are not what they were, or not this socket's any more.
    #[error("the configuration of these lines was changed")]
    Reconfigured,
    /// A configuration that can not be taken while the daemon runs, or not at all.
    #[error("{0}")]
    ConfigRefused(String),
    /// A configuration that is in force, but for what the system refused at last.
    #[error("the configuration is in force, but this could not be done:\n{0}")]
    ConfigPartlyTaken(String),
    /// There is no such line group.
    #[error("no line group {group:?}; there is {}", list(.known))]
    GroupNotFound {
        /// The name that was asked for.
        group: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The daemon is stopping.
    #[error("gpiod is stopping")]
    Stopping,
    /// The board failed.
    #[error("the board failed: {}", chain(.0))]
    Hardware(#[from] backend::Error),
}

fn not_found(line: &str, known: &[String], elsewhere: &[String]) -> String {
    let group = line.split_once('/').map_or("", |(group, _)| group);
    if elsewhere.iter().any(|other| other == group) {
        return format!(
            "line {line:?} can only be listed here: its chip has a thread of its own, and the lines of group {group:?} \
             are used by the group's own socket"
        );
    }
    let text = format!("no line {line:?} on this socket; it has {}", list(known));
    if elsewhere.is_empty() {
        return text;
    }
    format!(
        "{text}; the lines of {} are only listed here, and used by their groups' own sockets",
        list(elsewhere)
    )
}

fn lets_go(kept: &Duration) -> String {
    if kept.is_zero() {
        return "has let go of its lines".to_owned();
    }
    format!("has ended it: its lines are let go in {} unless it is back", humantime::format_duration(*kept))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
