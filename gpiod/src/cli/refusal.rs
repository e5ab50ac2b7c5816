//! What a command says when the daemon refuses, or is not there.

use super::output::printable;
use crate::error::chain;
use crate::failure::Failure;
use gpiod_sdk::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // The message may hold what another client calls itself.
        Self { exit: error.exit_code(), message: printable(&chain(&error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;
    use gpiod_sdk::{Code, Reason};

    #[test]
    fn a_holders_name_can_not_steer_the_terminal() {
        let message = "line \"red\" is held by \u{1b}[2J".to_owned();
        let error = Error::Refused { code: Code::FailedPrecondition, reason: Reason::LineHeld, message };
        let failure = Failure::from(error);
        assert_eq!(failure.exit, Exit::TempFail as u8);
        assert_eq!(failure.message, "line \"red\" is held by \\u{1b}[2J");
    }
}
