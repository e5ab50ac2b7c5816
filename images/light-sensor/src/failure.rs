//! How the program ends when it can not go on: a line for people and an exit code from sysexits.h for the container.

use gpiod_sdk::{Error, Reason};
use std::fmt;
use std::time::Duration;

/// Why the program ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    message: String,
}

impl Failure {
    /// 1: the one reading that was asked for timed out; what it found is on standard output.
    pub(crate) fn timed_out() -> Self {
        Self { code: 1, message: "the reading timed out".to_owned() }
    }

    /// 69: the daemon did not come in time.
    pub(crate) fn away(limit: Duration) -> Self {
        Self { code: 69, message: format!("no reading within {} ms: gpiod is away", limit.as_millis()) }
    }

    /// 70: the daemon answered with what makes no sense.
    pub(crate) fn protocol(what: &str) -> Self {
        Self { code: 70, message: format!("gpiod's answer makes no sense: {what}") }
    }

    /// 64: the arguments are wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { code: 64, message: format!("{message}; see --help") }
    }

    /// 71: the system refused something that is needed.
    pub(crate) fn system(what: &str, error: &std::io::Error) -> Self {
        Self { code: 71, message: format!("{what}: {error}") }
    }

    /// 74: nobody can read what was to be written.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        Self { code: 74, message: format!("standard output: {error}") }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match (&error, error.reason()) {
            (Error::SocketAmbiguous { .. } | Error::Invalid { .. }, _) => 64,
            (_, Some(Reason::LineNotFound | Reason::WrongDirection)) => 65,
            (_, Some(Reason::InvalidRequest | Reason::InvalidProgram)) => 65,
            // The container restarts the program, which then tries again.
            (_, Some(Reason::LineHeld | Reason::LimitReached)) => 75,
            (_, Some(Reason::NotPermitted)) => 77,
            _ => 70,
        };
        Self { code, message: error.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpiod_sdk::Code;

    fn refused(reason: Reason) -> Failure {
        Failure::from(Error::Refused {
            code: Code::FailedPrecondition,
            reason,
            message: "light is held by other".into(),
        })
    }

    #[test]
    fn held_lines_are_worth_a_restart_and_the_holder_is_named() {
        assert_eq!(refused(Reason::LineHeld), Failure { code: 75, message: "light is held by other".into() });
    }

    #[test]
    fn what_a_restart_does_not_mend_has_a_code_of_its_own() {
        assert_eq!(refused(Reason::LineNotFound).code, 65);
        assert_eq!(refused(Reason::NotPermitted).code, 77);
        assert_eq!(refused(Reason::Hardware).code, 70);
        assert_eq!(Failure::from(Error::SocketAmbiguous { found: vec![] }).code, 64);
    }
}
