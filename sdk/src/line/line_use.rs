//! What a line is to be held as.

use crate::line::{Direction, Value};

/// A line to hold: in a session, or while [`Client::run_program`](crate::Client::run_program) runs.
///
/// A bare name stands for all that the configuration allows.
#[derive(Clone, Debug)]
pub struct LineUse {
    pub(crate) name: String,
    pub(crate) direction: Option<Direction>,
    pub(crate) initial: Option<Value>,
}

impl LineUse {
    /// An output, which begins as it is.
    pub fn output(name: impl Into<String>) -> Self {
        Self { name: name.into(), direction: Some(Direction::Output), initial: None }
    }

    /// An output, which drives `initial` from the moment it is held.
    pub fn output_at(name: impl Into<String>, initial: Value) -> Self {
        Self { initial: Some(initial), ..Self::output(name) }
    }

    /// An input.
    pub fn input(name: impl Into<String>) -> Self {
        Self { name: name.into(), direction: Some(Direction::Input), initial: None }
    }

    /// A line that is driven and listened to in turn.
    pub fn both(name: impl Into<String>) -> Self {
        Self { name: name.into(), direction: Some(Direction::Both), initial: None }
    }
}

impl<N: Into<String>> From<N> for LineUse {
    fn from(name: N) -> Self {
        Self { name: name.into(), direction: None, initial: None }
    }
}
