//! What is in the reactor: descriptors, of which this is the one place that registers any, and the shape of tasks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::pin::Pin;
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

/// What a task of the daemon does.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a task is to do, as one type for all: tokio has a kilobyte of code for each type of them.
pub fn task(work: impl Future<Output = ()> + Send + 'static) -> Task {
    Box::pin(work)
}
