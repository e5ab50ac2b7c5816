//! How a command fails: a message for people and an exit code from sysexits.h for programs.

use std::fmt;

/// The exit codes in use; from 64 on the numbers are those of sysexits.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: whoever read the output has gone, which is an end and no mistake.
    NoReader = 0,
    /// 1: what was waited for did not come in time, or what was tested failed.
    Failed = 1,
    /// 64: the arguments are wrong.
    Usage = 64,
    /// 65: what was asked can not be done with these lines: an unknown line, an input written to, a bad program.
    Data = 65,
    /// 66: a file that was named can not be read.
    NoInput = 66,
    /// 69: the daemon or the board can not be reached.
    Unavailable = 69,
    /// 70: something that should not happen.
    Software = 70,
    /// 71: the system refused something, such as binding a socket.
    Os = 71,
    /// 74: an input or output error.
    Io = 74,
    /// 75: not now: somebody else holds the line, or a limit is reached.
    TempFail = 75,
    /// 77: this socket may not do that.
    NoPerm = 77,
    /// 78: the configuration is wrong.
    Config = 78,
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// With which code to exit.
    pub exit: u8,
    /// What to say, in one line or, for a configuration, one line per mistake.
    pub message: String,
}

impl Failure {
    /// A failure with this code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit: exit as u8, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
