//! How a call says which lines it means: by a session's handle, or by name.

use crate::line::Value;
use crate::session::handle::{Both, Input, Output};
use std::sync::Arc;

/// A line in a call: made from a handle or from a name.
#[derive(Clone, Debug)]
pub struct LineRef {
    pub(crate) name: Arc<str>,
    /// `None` for a bare name, which means the line wherever it is used.
    pub(crate) handle: Option<Handle>,
}

/// What a session's handle is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    /// Which session of this process.
    pub(crate) session: u64,
    /// The line's position there, below 64.
    pub(crate) position: usize,
}

/// One line or several: made from a [`LineRef`]'s sources, or from an array or vector of them.
#[derive(Clone, Debug)]
pub struct LineRefs(pub(crate) Vec<LineRef>);

/// What can be driven: [`Output`] and [`Both`], and names, which the daemon judges. Not [`Input`].
pub trait Drivable: Into<LineRef> {}

/// A line and the value to give it: from [`Output::active`] and its kin, or from a pair of line and [`Value`].
#[derive(Clone, Debug)]
pub struct Assignment {
    pub(crate) line: LineRef,
    pub(crate) value: Value,
}

impl<L: Drivable> From<(L, Value)> for Assignment {
    fn from((line, value): (L, Value)) -> Self {
        Self { line: line.into(), value }
    }
}

impl From<&str> for LineRef {
    fn from(name: &str) -> Self {
        Self { name: name.into(), handle: None }
    }
}

impl From<&String> for LineRef {
    fn from(name: &String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<String> for LineRef {
    fn from(name: String) -> Self {
        Self { name: name.into(), handle: None }
    }
}

impl Drivable for &str {}
impl Drivable for &String {}
impl Drivable for String {}
impl Drivable for &Output {}
impl Drivable for &Both {}

macro_rules! one_is_some {
    ($($one:ty),+) => {$(
        impl From<$one> for LineRefs {
            fn from(line: $one) -> Self {
                Self(vec![line.into()])
            }
        }
    )+};
}
one_is_some!(&str, &String, String, &Output, &Input, &Both, LineRef);

impl<L: Into<LineRef>, const N: usize> From<[L; N]> for LineRefs {
    fn from(lines: [L; N]) -> Self {
        Self(lines.into_iter().map(Into::into).collect())
    }
}

impl<L: Into<LineRef>> From<Vec<L>> for LineRefs {
    fn from(lines: Vec<L>) -> Self {
        Self(lines.into_iter().map(Into::into).collect())
    }
}
