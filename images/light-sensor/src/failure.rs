//! How the program ends when it can not go on: a line for people and an exit code from sysexits.h for the container.

use crate::reading::milliseconds;
use gpiod_sdk::Error;
use std::fmt;
use std::path::Path;
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
        Self { code: 69, message: format!("no reading within {} ms: gpiod is away", milliseconds(limit)) }
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

    /// 74: nobody can read what was to be written; 0 where whoever read it has gone, as after `| head`.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        let code = if error.kind() == std::io::ErrorKind::BrokenPipe { 0 } else { 74 };
        Self { code, message: format!("standard output: {error}") }
    }

    /// 74: the one reading that was taken is not in the file.
    pub(crate) fn not_appended(path: &Path, error: &std::io::Error) -> Self {
        Self { code: 74, message: format!("can not append to {}: {error}", path.display()) }
    }

    /// The same where somebody else still waits for readings, by the file or by HTTP: then it is no end to be quiet of.
    pub(crate) fn with_other_readers(self, other_readers: bool) -> Self {
        if self.code == 0 && other_readers { Self { code: 74, ..self } } else { self }
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
