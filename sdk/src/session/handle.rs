//! Handles of a session's lines: each can do what its line can, and no more.

use crate::error::Error;
use crate::line::name::{Assignment, LineRef};
use crate::line::{Bias, Value};

/// An output of a session. Cheap to clone; its commands fail with [`Error::Closed`] once the session is gone.
#[derive(Clone, Debug)]
pub struct Output {}

/// An input of a session. It can not be set:
///
/// ```compile_fail,E0599
/// # async fn f(button: gpiod_sdk::Input) {
/// button.set(gpiod_sdk::Value::Active).await;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Input {}

/// A line of a session that is driven and listened to in turn.
#[derive(Clone, Debug)]
pub struct Both {}

macro_rules! common {
    ($($handle:ident),+) => {$(
        impl $handle {
            /// The line's name.
            pub fn name(&self) -> &str {
                ""
            }

            /// The line's position in its session.
            pub fn position(&self) -> usize {
                0
            }

            /// Reads the line.
            ///
            /// # Errors
            ///
            /// As [`Session::read_all`](crate::Session::read_all).
            pub async fn read(&self) -> Result<Value, Error> {
                Err(Error::Closed)
            }
        }

        impl AsRef<str> for $handle {
            fn as_ref(&self) -> &str {
                self.name()
            }
        }

        impl From<&$handle> for LineRef {
            fn from(handle: &$handle) -> Self {
                todo!()
            }
        }
    )+};
}

macro_rules! driven {
    ($($handle:ident),+) => {$(
        impl $handle {
            /// Sets the line. Returns when it was done: CLOCK_MONOTONIC of the node, ns; the true moment is not later.
            ///
            /// # Errors
            ///
            /// As [`Session::write`](crate::Session::write).
            pub async fn set(&self, value: Value) -> Result<u64, Error> {
                Err(Error::Closed)
            }

            /// This line, to be made active by a command or step on several lines.
            pub fn active(&self) -> Assignment {
                self.to(Value::Active)
            }

            /// This line, to be made inactive by a command or step on several lines.
            pub fn inactive(&self) -> Assignment {
                self.to(Value::Inactive)
            }

            /// This line, to be given that value by a command or step on several lines.
            pub fn to(&self, value: Value) -> Assignment {
                Assignment { line: self.into(), value }
            }
        }
    )+};
}

macro_rules! listened {
    ($($handle:ident),+) => {$(
        impl $handle {
            /// Changes the pull while the session lasts. Returns when it was done, as [`Session::write`](crate::Session::write).
            ///
            /// # Errors
            ///
            /// [`Error::Refused`] with `NotPermitted` or `Hardware`; [`Error::Away`], [`Error::Closed`].
            pub async fn set_bias(&self, bias: Bias) -> Result<u64, Error> {
                Err(Error::Closed)
            }
        }
    )+};
}

common!(Output, Input, Both);
driven!(Output, Both);
listened!(Input, Both);

impl Both {
    /// Makes the line an output, which drives `value` from the first moment. Returns when it was done, as
    /// [`Session::write`](crate::Session::write).
    ///
    /// # Errors
    ///
    /// As [`Session::write`](crate::Session::write).
    pub async fn drive(&self, value: Value) -> Result<u64, Error> {
        Err(Error::Closed)
    }

    /// Makes the line an input. Returns when it was done, as [`Session::write`](crate::Session::write).
    ///
    /// # Errors
    ///
    /// As [`Session::write`](crate::Session::write).
    pub async fn listen(&self) -> Result<u64, Error> {
        Err(Error::Closed)
    }
}
