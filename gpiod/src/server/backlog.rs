//! Whether commands of a connection have come that their sessions have not looked at, since each turn has an end: until
//! they have, no more is read of the connection.
//!
//! HTTP/2 bounds by its windows how many bytes wait. But a small frame takes ten times its bytes, so h2 closes a
//! connection on which many of them wait (`SMALL_FRAMES` in `connection.rs`); and a client that has many commands on their way
//! has done nothing wrong.

use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Of one connection.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Streams that have more to look at.
    behind: AtomicUsize,
    reader: AtomicWaker,
}

impl Backlog {
    /// Ready when no stream has more to look at.
    pub(super) fn poll_clear(&self, context: &mut Context<'_>) -> Poll<()> {
        let clear = || self.behind.load(Ordering::Acquire) == 0;
        if clear() {
            return Poll::Ready(());
        }
        self.reader.register(context.waker());
        // The last of them may have come to its end since.
        if clear() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// One stream's word on whether it has more to look at. Dropping it says that it has not.
#[derive(Debug)]
pub(super) struct Behind {
    backlog: Arc<Backlog>,
    is: bool,
}

impl Behind {
    /// Of a stream that has nothing yet.
    pub(super) fn new(backlog: Arc<Backlog>) -> Self {
        Self { backlog, is: false }
    }

    /// Says whether there may be more.
    pub(super) fn set(&mut self, is: bool) {
        if std::mem::replace(&mut self.is, is) == is {
            return;
        }
        if is {
            self.backlog.behind.fetch_add(1, Ordering::AcqRel);
        } else if self.backlog.behind.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.backlog.reader.wake();
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.set(false);
    }
}
