//! Connections, before anything of HTTP is read: how many, how fast, and how long one may stay silent.

use super::backlog::Backlog;
use super::caller;
use super::doors::{Door, Place};
use super::metered::slice_is_over;
use crate::broker::{Broker, Connected, Scope};
use crate::error::Error;
use crate::holder::Caller;
use crate::log_keys as keys;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// The HTTP/2 preface, RFC 9113 section 3.4: a client sends it before anything else.
const PREFACE_BYTES: usize = 24;
/// How long a client may take for it.
const PREFACE_TIME: Duration = Duration::from_secs(5);
/// Bytes that are read of a connection before those whose commands came with them have their turn. The shortest command
/// has 18 with its frame, so that there are 170 of them at most.
const READ: usize = 3 * 1024;

thread_local! {
    /// Where they are read to, where there would be room for more.
    static SCRATCH: RefCell<[u8; READ]> = const { RefCell::new([0; READ]) };
}

/// How long accepting rests after it failed, as it does when there are no descriptors left.
const REST: Duration = Duration::from_millis(100);
/// Refused connections are logged in sums, at most this often.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The connections of one socket.
#[derive(Debug)]
pub(super) struct Incoming {
    listener: UnixListener,
    door: Door,
    broker: Arc<Broker>,
    scope: Scope,
    /// Connections refused since the last word about it.
    refused: u64,
    logged: Option<Instant>,
}

impl Incoming {
    pub(super) fn new(listener: UnixListener, door: Door, broker: Arc<Broker>, scope: Scope) -> Self {
        Self { listener, door, broker, scope, refused: 0, logged: None }
    }

    /// Counts a connection of this socket for as long as the answer lives.
    pub(super) fn connected(&self) -> Connected {
        self.broker.connected(self.scope)
    }

    /// The next connection that is to be served, or to be told why it is not. May be dropped while it waits; nothing is
    /// lost.
    pub(super) async fn next(&mut self) -> (Connection, Result<(), Error>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let caller = match caller::of_stream(&stream) {
                        Ok(caller) => caller,
                        Err(error) => {
                            tracing::warn!(%error, "a connection without credentials was closed");
                            continue;
                        }
                    };
                    let admitted = self.broker.admit_caller(self.scope, caller);
                    match admitted.and_then(|()| self.door.enter(self.broker.limits())) {
                        Ok(place) => {
                            let caller = caller::with_pod(caller, &stream);
                            return (Connection::new(stream, caller, place), Ok(()));
                        }
                        Err(why) => {
                            self.refuse(caller, &why);
                            if let Some(place) = self.door.refuse() {
                                return (Connection::new(stream, caller, place), Err(why));
                            }
                        }
                    }
                    // Closing connections is work, too: others have their turn.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting connections rests for {} ms", REST.as_millis());
                    sleep(REST).await;
                }
            }
        }
    }

    fn refuse(&mut self, caller: Caller, why: &Error) {
        self.broker.count_refusal(why);
        self.refused += 1;
        let now = Instant::now();
        if self.logged.is_none_or(|last| now - last >= LOG_EVERY) {
            tracing::warn!(
                scope = ?self.scope,
                { keys::COUNT } = self.refused,
                { keys::UID } = caller.uid,
                { keys::GID } = caller.gid,
                { keys::PID } = caller.pid,
                "connections refused, the last one since {why}"
            );
            self.logged = Some(now);
            self.refused = 0;
        }
    }
}

/// A connection that knows who is at its other end and gives its place back when it is closed.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    caller: Caller,
    /// Until when the preface must be there, and how much of it is missing; gone once it has come.
    preface: Option<(Pin<Box<Sleep>>, usize)>,
    /// What was read in this turn.
    read: usize,
    backlog: Arc<Backlog>,
    _place: Place,
}

impl Connection {
    fn new(stream: UnixStream, caller: Caller, place: Place) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now() + PREFACE_TIME));
        let (preface, backlog) = (Some((deadline, PREFACE_BYTES)), Arc::default());
        Self { stream, caller, preface, read: 0, backlog, _place: place }
    }

    /// Whether it is read.
    pub(super) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// Who is at the other end.
    pub(super) fn caller(&self) -> Caller {
        self.caller
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if slice_is_over() || self.read == READ {
            // Those whose commands have come have their turn before.
            self.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.backlog.poll_clear(context));
        let before = buffer.filled().len();
        let room = READ - self.read;
        let poll = if buffer.remaining() <= room {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        } else {
            // To give away a part of a buffer all of it would have to be zeroed, each time.
            SCRATCH.with_borrow_mut(|scratch| {
                let mut part = ReadBuf::new(&mut scratch[..room]);
                let poll = Pin::new(&mut self.stream).poll_read(context, &mut part);
                buffer.put_slice(part.filled());
                poll
            })
        };
        let read = buffer.filled().len() - before;
        self.read = if poll.is_pending() { 0 } else { self.read + read };
        if let Some((deadline, missing)) = &mut self.preface {
            *missing = missing.saturating_sub(buffer.filled().len() - before);
            if *missing == 0 {
                self.preface = None;
            } else if poll.is_pending() && deadline.as_mut().poll(context).is_ready() {
                let silent = "the client did not speak HTTP/2 in time";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, silent)));
            }
        }
        poll
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
