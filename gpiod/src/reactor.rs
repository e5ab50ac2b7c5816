//! Descriptors in the reactor: the one place that registers one.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A value with one descriptor, the same as long as it lives.
#[derive(Debug)]
pub struct Descriptor<T>(pub T);

impl<T: AsFd> AsRawFd for Descriptor<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Registers a descriptor that is to be waited for until it can be read.
///
/// # Errors
/// When the system takes no more.
#[allow(
    deprecated,
    reason = "tokio's other constructors are unsafe functions, since a type could change its descriptor while it is \
              registered; ours own theirs and never do"
)]
pub fn readable<T: AsFd>(inner: T) -> io::Result<AsyncFd<Descriptor<T>>> {
    AsyncFd::with_interest(Descriptor(inner), Interest::READABLE)
}
