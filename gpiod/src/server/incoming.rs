//! Connections, before anything of HTTP is read: how many, how fast, and how long one may stay silent.

use super::caller;
use crate::broker::Scope;
use crate::holder::Caller;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// The HTTP/2 preface, RFC 9113 section 3.4: a client sends it before anything else.
const PREFACE_BYTES: usize = 24;
/// How long a client may take for it.
const PREFACE_TIME: Duration = Duration::from_secs(5);
/// How long accepting rests after it failed, as it does when there are no descriptors left.
const REST: Duration = Duration::from_millis(100);
/// Refused connections are logged in sums, at most this often.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The connections of one socket, at most so many at a time; more are closed as soon as they come.
#[derive(Debug)]
pub(super) struct Incoming {
    listener: UnixListener,
    places: Arc<Semaphore>,
    most: usize,
    scope: Scope,
    /// Connections refused since the last word about it.
    refused: u64,
    logged: Option<Instant>,
}

impl Incoming {
    pub(super) fn new(listener: UnixListener, most: usize, scope: Scope) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self { listener, places, most, scope, refused: 0, logged: None }
    }

    /// The next connection that there is a place for. May be dropped while it waits; nothing is lost.
    pub(super) async fn next(&mut self) -> Connection {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                        self.refuse();
                        continue;
                    };
                    match caller::of_stream(&stream) {
                        Ok(caller) => return Connection::new(stream, caller, place),
                        Err(error) => tracing::warn!(%error, "a connection without credentials was closed"),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting connections rests for {} ms", REST.as_millis());
                    sleep(REST).await;
                }
            }
        }
    }

    fn refuse(&mut self) {
        self.refused += 1;
        let now = Instant::now();
        if self.logged.is_none_or(|last| now - last >= LOG_EVERY) {
            tracing::warn!(
                scope = ?self.scope, { crate::log_keys::COUNT } = self.refused,
                "connections closed: limits.connections of {} is reached", self.most
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
    /// Whether the preface has come: for whoever stops and need not wait for a client that has not begun.
    spoken: Arc<AtomicBool>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: UnixStream, caller: Caller, place: OwnedSemaphorePermit) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now() + PREFACE_TIME));
        Self {
            stream,
            caller,
            preface: Some((deadline, PREFACE_BYTES)),
            spoken: Arc::default(),
            _place: place,
        }
    }

    /// Whether the client has begun to speak HTTP/2.
    pub(super) fn spoken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.spoken)
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
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some((deadline, missing)) = &mut self.preface {
            *missing = missing.saturating_sub(buffer.filled().len() - before);
            if *missing == 0 {
                self.preface = None;
                self.spoken.store(true, Ordering::Relaxed);
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
