//! The answers to commands, each kept where its command was noted until whoever sent it takes it: a command takes no
//! memory of its own.

use crate::error::Error;
use crate::session::core::Core;
use crate::session::core::state::{Link, Places, State};
use gpiod_proto::v1::session_response::Result as Answer;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A command that was sent, and who waits for its answer.
#[derive(Debug)]
pub(super) enum Waiter {
    /// It is on its way. The places are given back with the answer, even if nobody waits for it any more.
    Waits { waker: Option<Waker>, given_up: bool, places: Places, slow: bool },
    /// It is answered, and that was not taken yet.
    Answered(Result<Answer, Error>),
}

impl Waiter {
    /// One that may wait for long, or not.
    pub(super) fn new(places: Places, slow: bool) -> Self {
        Self::Waits { waker: None, given_up: false, places, slow }
    }
}

/// The answer to a command. Whoever drops it before gives it up; the command is done all the same.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    core: &'a Core,
    id: u64,
    /// Whether it was taken.
    taken: bool,
}

impl Core {
    /// What a command that was sent will be answered.
    pub(super) fn answered(&self, id: u64) -> Answered<'_> {
        Answered { core: self, id, taken: false }
    }
}

impl Future for Answered<'_> {
    type Output = Result<Answer, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.core.lock();
        match state.waiters.get_mut(&self.id) {
            Some(Waiter::Waits { waker: Some(waker), .. }) => waker.clone_from(context.waker()),
            Some(Waiter::Waits { waker, .. }) => *waker = Some(context.waker().clone()),
            Some(Waiter::Answered(_)) | None => {
                let answer = match state.waiters.remove(&self.id) {
                    Some(Waiter::Answered(answer)) => answer,
                    // The end of a watch takes what its beginning waited for.
                    Some(Waiter::Waits { .. }) | None => Err(Error::Closed),
                };
                drop(state);
                self.taken = true;
                return Poll::Ready(answer);
            }
        }
        Poll::Pending
    }
}

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut state = self.core.lock();
        match state.waiters.get_mut(&self.id) {
            Some(Waiter::Waits { waker, given_up, .. }) => (*waker, *given_up) = (None, true),
            Some(Waiter::Answered(_)) => drop(state.waiters.remove(&self.id)),
            None => {}
        }
    }
}

impl State {
    /// Answers a command.
    pub(super) fn answer(&mut self, id: u64, answer: Result<Answer, Error>) {
        let Some(waiter) = self.waiters.get_mut(&id) else { return };
        let Waiter::Waits { waker, given_up, .. } = waiter else { return };
        if *given_up {
            self.waiters.remove(&id);
            return;
        }
        let waker = waker.take();
        *waiter = Waiter::Answered(answer);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The id after those of all commands on their way; `None`, and nobody looks after them, where there are none that
    /// are done at once.
    pub(super) fn heed(&mut self) -> Option<u64> {
        self.heeded = self.waits_for(u64::MAX);
        self.heeded.then_some(self.next_id)
    }

    /// Whether a command before that one is on its way, of those that are done at once, or the end of the session, or the
    /// new beginning of its watches.
    pub(super) fn waits_for(&self, id: u64) -> bool {
        let closing = matches!(self.link, Link::Closing { id: own, .. } if own < id);
        if closing || self.resuming.is_some() {
            return true;
        }
        let waits =
            |(own, waiter): (&u64, &Waiter)| *own < id && matches!(waiter, Waiter::Waits { slow: false, .. });
        self.waiters.iter().any(waits)
    }

    /// Answers all commands that are on their way with why they will not be answered.
    pub(super) fn fail_waiters(&mut self, error: &Error) {
        let ids: Vec<u64> = self.waiters.keys().copied().collect();
        for id in ids {
            self.answer(id, Err(error.clone()));
        }
    }
}
