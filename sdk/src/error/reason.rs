//! The daemon's reasons: one name here for each word on the wire.

use std::fmt;

/// Why the daemon said no: the reason of its `google.rpc.ErrorInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// This socket has no such line.
    LineNotFound,
    /// Somebody holds the line; the message says who.
    LineHeld,
    /// A program of the same session runs on the line.
    ProgramRunning,
    /// This socket may not do that, or the line's configuration forbids it.
    NotPermitted,
    /// The group is for some namespaces of the cluster alone, and a pod that has it is in none of them.
    NamespaceNotAllowed,
    /// The group is for some namespaces of the cluster alone, and which pod has it is not known.
    PodUnknown,
    /// The line does not go that way, now or ever.
    WrongDirection,
    /// The request is malformed.
    InvalidRequest,
    /// The program is empty or impossible.
    InvalidProgram,
    /// A bound of the daemon is reached.
    LimitReached,
    /// The request alone asks for more than a bound of the daemon allows.
    BeyondLimit,
    /// The daemon is stopping.
    Stopping,
    /// The hardware or the kernel failed.
    Hardware,
    /// No command came in time.
    WatchdogExpired,
    /// The session was not opened in time.
    OpenTimedOut,
    /// The session is over on the daemon's side: a new one is needed.
    SessionEnded,
    /// The administrator let go of the session's lines; the message says why.
    Released,
    /// The configuration of the session's lines was changed.
    Reconfigured,
    /// The daemon's configuration is wrong, or can not be taken while it runs.
    ConfigRefused,
    /// The daemon's configuration is in force, but for what the message says.
    ConfigPartlyTaken,
    /// There is no such line group.
    GroupNotFound,
    /// A reason that this library does not know; empty where the daemon gave none.
    Other(String),
}

/// The reasons and their words on the wire, once for both ways.
const REASONS: [(Reason, &str); 21] = [
    (Reason::LineNotFound, "LINE_NOT_FOUND"),
    (Reason::LineHeld, "LINE_HELD"),
    (Reason::ProgramRunning, "PROGRAM_RUNNING"),
    (Reason::NotPermitted, "NOT_PERMITTED"),
    (Reason::NamespaceNotAllowed, "NAMESPACE_NOT_ALLOWED"),
    (Reason::PodUnknown, "POD_UNKNOWN"),
    (Reason::WrongDirection, "WRONG_DIRECTION"),
    (Reason::InvalidRequest, "INVALID_REQUEST"),
    (Reason::InvalidProgram, "INVALID_PROGRAM"),
    (Reason::LimitReached, "LIMIT_REACHED"),
    (Reason::BeyondLimit, "BEYOND_LIMIT"),
    (Reason::Stopping, "STOPPING"),
    (Reason::Hardware, "HARDWARE"),
    (Reason::WatchdogExpired, "WATCHDOG_EXPIRED"),
    (Reason::OpenTimedOut, "OPEN_TIMED_OUT"),
    (Reason::SessionEnded, "SESSION_ENDED"),
    (Reason::Released, "RELEASED"),
    (Reason::Reconfigured, "RECONFIGURED"),
    (Reason::ConfigRefused, "CONFIG_REFUSED"),
    (Reason::ConfigPartlyTaken, "CONFIG_PARTLY_TAKEN"),
    (Reason::GroupNotFound, "GROUP_NOT_FOUND"),
];

impl From<String> for Reason {
    fn from(word: String) -> Self {
        match REASONS.iter().find(|(_, known)| *known == word) {
            Some((reason, _)) => reason.clone(),
            None => Self::Other(word),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Other(word) = self {
            return f.pad(word);
        }
        f.pad(REASONS.iter().find(|(reason, _)| reason == self).map_or("", |(_, word)| word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_word() {
        for (reason, word) in REASONS {
            assert_eq!(reason.to_string(), word);
            assert_eq!(Reason::from(word.to_owned()), reason);
        }
        assert_eq!(Reason::from("NEW".to_owned()).to_string(), "NEW");
    }

    #[test]
    fn every_reason_of_the_documentation_has_a_name_here_and_none_is_left_over() {
        let table = include_str!("../../../docs/errors.md");
        // A row of the first table begins with the reason, written as code.
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        let mut told: Vec<&str> = rows.map(|(word, _)| word).collect();
        for word in &told {
            assert!(!matches!(Reason::from((*word).to_owned()), Reason::Other(_)), "{word}");
        }
        let mut named = REASONS.map(|(_, word)| word);
        told.sort_unstable();
        named.sort_unstable();
        assert_eq!(told, named);
    }
}
