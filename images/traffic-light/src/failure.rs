//! How the program ends when it can not go on: a line for people and an exit code from sysexits.h for the container.

use gpiod_sdk::Error;
use std::fmt;

/// Why the program ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    message: String,
}

impl Failure {
    /// 64: the arguments are wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { code: 64, message: format!("{message}; see --help") }
    }

    /// 71: the system refused something that is needed.
    pub(crate) fn system(what: &str, error: &std::io::Error) -> Self {
        Self { code: 71, message: format!("{what}: {error}") }
    }

    /// 74: nobody can read what was to be written; 0 where whoever read it has gone, as after `| head`.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        let code = if error.kind() == std::io::ErrorKind::BrokenPipe { 0 } else { 74 };
        Self { code, message: format!("standard output: {error}") }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.exit_code(), message: error.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
