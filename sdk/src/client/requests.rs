//! The requests of a session on their way to its stream: in the bytes that will go out, so that a command takes no memory
//! of its own and is moved no more than once.

use super::framing::put_request;
use gpiod_proto::v1::SessionRequest;
use prost::bytes::{Bytes, BytesMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes for which there is room from the first: several commands.
const FIRST: usize = 128;
/// Bytes that are taken at once.
pub(super) const PIECE: usize = 8 * 1024;

/// Where requests are put. Dropping it ends their stream. How many may wait is seen to by whoever puts them.
#[derive(Debug)]
pub(crate) struct Requests(Arc<Queue>);

/// Where they are taken. Dropping it says that nobody takes any more.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Queue>);

/// Nobody takes any more.
#[derive(Debug)]
pub(crate) struct Gone;

#[derive(Debug)]
struct Queue(Mutex<State>);

#[derive(Debug)]
struct State {
    bytes: BytesMut,
    /// Whether more than a piece has waited since it was last empty.
    many: bool,
    /// Whoever waits for more.
    waker: Option<Waker>,
    /// Whether no more will be put.
    over: bool,
    /// Whether nobody takes any more.
    gone: bool,
}

/// A queue and both of its ends.
pub(crate) fn requests() -> (Requests, Waiting) {
    let bytes = BytesMut::with_capacity(FIRST);
    let queue =
        Arc::new(Queue(Mutex::new(State { bytes, many: false, waker: None, over: false, gone: false })));
    (Requests(Arc::clone(&queue)), Waiting(queue))
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    /// Puts a request behind the others.
    pub(crate) fn put(&self, request: &SessionRequest) -> Result<(), Gone> {
        let mut state = self.0.lock();
        if state.gone {
            return Err(Gone);
        }
        put_request(request, &mut state.bytes);
        state.many |= state.bytes.len() > PIECE;
        wake(state);
        Ok(())
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.over = true;
        wake(state);
    }
}

/// Wakes whoever waits, without the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Waiting {
    /// Ready when there is something to take: whether that is the end alone.
    pub(super) fn poll_some(&self, context: &Context<'_>) -> Poll<bool> {
        let mut state = self.0.lock();
        if !state.bytes.is_empty() {
            return Poll::Ready(false);
        }
        if state.over {
            return Poll::Ready(true);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            waker => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Takes what is there, or as much of it as makes one piece, and whether that is the last.
    pub(super) fn take(&self) -> (Bytes, bool) {
        let mut state = self.0.lock();
        let length = state.bytes.len().min(PIECE);
        let piece = state.bytes.split_to(length).freeze();
        if state.bytes.is_empty() && std::mem::take(&mut state.many) {
            // What a burst took is not kept for as long as the session lives.
            state.bytes = BytesMut::with_capacity(FIRST);
        }
        (piece, state.over && state.bytes.is_empty())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.gone = true;
        state.bytes = BytesMut::new();
    }
}

#[cfg(test)]
impl Waiting {
    /// The requests that wait, taken.
    pub(crate) fn taken(&self) -> Vec<SessionRequest> {
        let mut framing = super::framing::Framing::default();
        framing.add(self.0.lock().bytes.split().freeze());
        let mut requests = Vec::new();
        let mut decode = |bytes: &[u8]| requests.push(prost::Message::decode(bytes).unwrap());
        while framing.take(&mut decode).unwrap() {}
        requests
    }
}

#[cfg(test)]
impl Requests {
    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.0.lock().bytes.len()
    }
}
