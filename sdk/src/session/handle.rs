//! Handles of a session's lines: each can do what its line can, and no more.

use crate::error::Error;
use crate::line::name::{Assignment, Handle, LineRef};
use crate::line::{Bias, Direction, Value};
use crate::session::core::{Core, Done};
use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use std::sync::Arc;

/// What all handles are: a session's line.
#[derive(Clone, Debug)]
pub(crate) struct SessionLine {
    core: Arc<Core>,
    /// Below 64.
    position: usize,
}

/// An output of a session. Cheap to clone; its commands fail with [`Error::Closed`] once the session is gone.
#[derive(Clone, Debug)]
pub struct Output(pub(crate) SessionLine);

/// An input of a session. It can not be set:
///
/// ```compile_fail,E0599
/// # async fn f(button: gpiod_sdk::Input) {
/// button.set(gpiod_sdk::Value::Active).await;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Input(pub(crate) SessionLine);

/// A line of a session that is driven and listened to in turn.
#[derive(Clone, Debug)]
pub struct Both(pub(crate) SessionLine);

macro_rules! named {
    ($($handle:ident),+) => {$(
        impl $handle {
            /// The line's name.
            pub fn name(&self) -> &str {
                self.0.name()
            }

            /// The line's position in its session.
            pub fn position(&self) -> usize {
                self.0.position
            }

            /// Reads the line.
            ///
            /// # Errors
            ///
            /// As [`Session::read_all`](crate::Session::read_all).
            pub async fn read(&self) -> Result<Value, Error> {
                self.0.read().await
            }
        }

        impl AsRef<str> for $handle {
            fn as_ref(&self) -> &str {
                self.name()
            }
        }

        impl From<&$handle> for LineRef {
            fn from(handle: &$handle) -> Self {
                handle.0.reference()
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
            pub fn set(&self, value: Value) -> impl Future<Output = Result<u64, Error>> + Send {
                self.0.set(value)
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

named!(Output, Input, Both);
driven!(Output, Both);

impl Both {
    /// Makes the line an output, which drives `value` from the first moment. Returns when it was done, as
    /// [`Session::write`](crate::Session::write).
    ///
    /// # Errors
    ///
    /// As [`Session::write`](crate::Session::write).
    pub async fn drive(&self, value: Value) -> Result<u64, Error> {
        self.0.configure(Some(Direction::Output), value, None).await
    }

    /// Makes the line an input. Returns when it was done, as [`Session::write`](crate::Session::write).
    ///
    /// # Errors
    ///
    /// As [`Session::write`](crate::Session::write).
    pub async fn listen(&self) -> Result<u64, Error> {
        self.0.configure(Some(Direction::Input), Value::Inactive, None).await
    }

    /// Changes the pull while the session lasts, where the configuration sets one to go back to. Returns when it was
    /// done, as [`Session::write`](crate::Session::write). The pull of an input is the configuration's alone, since
    /// others may share the line.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `NotPermitted`, `ProgramRunning` or `Hardware`; [`Error::Away`], [`Error::Closed`].
    pub async fn set_bias(&self, bias: Bias) -> Result<u64, Error> {
        self.0.configure(None, Value::Inactive, Some(bias)).await
    }
}

impl SessionLine {
    pub(crate) fn new(core: Arc<Core>, position: usize) -> Self {
        Self { core, position }
    }

    fn name(&self) -> &str {
        self.core.lines().names().get(self.position).map_or("", |name| name)
    }

    fn reference(&self) -> LineRef {
        let handle = Handle { session: self.core.id(), position: self.position };
        let name = self.core.lines().names().get(self.position).cloned();
        LineRef { name: name.unwrap_or_default(), handle: Some(handle) }
    }

    fn bit(&self) -> u64 {
        1 << self.position
    }

    fn bits(&self, value: Value) -> u64 {
        if value.is_active() { self.bit() } else { 0 }
    }

    async fn read(&self) -> Result<Value, Error> {
        let values = self.core.read(self.bit()).await?;
        values.at(self.position).ok_or_else(|| Error::protocol("values without the line"))
    }

    fn set(&self, value: Value) -> Done<'_> {
        self.core.done(Command::Write(v1::WriteCommand { mask: self.bit(), bits: self.bits(value) }))
    }

    async fn configure(
        &self,
        direction: Option<Direction>,
        value: Value,
        bias: Option<Bias>,
    ) -> Result<u64, Error> {
        let command = v1::ConfigureCommand {
            mask: self.bit(),
            direction: direction.map_or(v1::Direction::Unspecified, Into::into).into(),
            bits: self.bits(value),
            bias: bias.map_or(v1::Bias::Unspecified, Into::into).into(),
        };
        self.core.done(Command::Configure(command)).await
    }
}
