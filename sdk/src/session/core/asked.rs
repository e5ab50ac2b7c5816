//! Commands and their answers. An answer is kept where its command was noted until whoever sent it takes it, so that a command
//! takes no memory of its own; and what waits for it is written by hand, since it is polled twice for each command.

use super::state::{Link, Places, State};
use super::{Core, unexpected};
use crate::error::Error;
use gpiod_proto::v1::Program;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A command that was sent, and who waits for its answer.
#[derive(Debug)]
pub(super) enum Waiter {
    /// It is on its way. What it takes up is given back with the answer, even if nobody waits for it any more.
    Waits { waker: Option<Waker>, given_up: bool, places: Places, slow: bool },
    /// It is answered, and that was not taken yet.
    Answered(Result<Answer, Error>),
}

/// A command and then its answer. Whoever drops it gives the answer up; what was sent is done all the same.
#[must_use = "it is sent when it is polled"]
pub(crate) struct Asked<'a> {
    core: &'a Core,
    stage: Stage<'a>,
}

enum Stage<'a> {
    /// To be sent; whether it may take its time.
    New(Command, bool),
    /// The same, when there is room for it.
    Queued(Pin<Box<dyn Future<Output = ()> + Send + 'a>>, Command, bool),
    /// Sent with that id.
    Sent(u64),
    /// Answered, or never sent.
    Over,
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

impl Core {
    /// Sends a command that is done at once, and waits for its answer. A daemon that gives none is taken for gone.
    pub(crate) fn command(&self, command: Command) -> Asked<'_> {
        Asked { core: self, stage: Stage::New(command, false) }
    }

    /// Sends a program and waits for its result, however long it takes.
    pub(crate) fn program(&self, program: Program) -> Asked<'_> {
        Asked { core: self, stage: Stage::New(Command::Program(program), true) }
    }

    /// The answer to a command that was sent.
    pub(super) fn answered(&self, id: u64) -> Asked<'_> {
        Asked { core: self, stage: Stage::Sent(id) }
    }
}

impl Asked<'_> {
    /// Sends it, if there is room, and leaves a waker for the answer; whether it is sent now.
    fn poll_send(&mut self, context: &Context<'_>) -> Result<bool, Error> {
        let mut state = self.core.lock();
        if matches!(self.stage, Stage::New(..)) && !state.room.take() {
            return Ok(false);
        }
        let (Stage::New(command, slow) | Stage::Queued(_, command, slow)) =
            std::mem::replace(&mut self.stage, Stage::Over)
        else {
            return Err(Error::Closed);
        };
        let id = state.send(command, Places::COMMAND, slow, Some(context.waker().clone()))?;
        if !slow {
            self.core.await_daemon(&mut state);
        }
        self.stage = Stage::Sent(id);
        Ok(true)
    }

    /// Waits for room.
    #[cold]
    fn queue(&mut self) {
        if let Stage::New(command, slow) = std::mem::replace(&mut self.stage, Stage::Over) {
            self.stage = Stage::Queued(Box::pin(self.core.room()), command, slow);
        }
    }

    fn poll_answer(&mut self, id: u64, context: &Context<'_>) -> Poll<Result<Answer, Error>> {
        let mut state = self.core.lock();
        match state.waiters.get_mut(id) {
            Some(Waiter::Waits { waker: Some(waker), .. }) => waker.clone_from(context.waker()),
            Some(Waiter::Waits { waker, .. }) => *waker = Some(context.waker().clone()),
            Some(Waiter::Answered(_)) | None => {
                self.stage = Stage::Over;
                return Poll::Ready(match state.waiters.remove(id) {
                    Some(Waiter::Answered(answer)) => answer,
                    // The end of a watch takes what its beginning waited for.
                    Some(Waiter::Waits { .. }) | None => Err(Error::Closed),
                });
            }
        }
        Poll::Pending
    }
}

impl Future for Asked<'_> {
    type Output = Result<Answer, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.stage {
                Stage::Sent(id) => {
                    let id = *id;
                    return self.poll_answer(id, context);
                }
                Stage::Queued(room, ..) => ready!(room.as_mut().poll(context)),
                Stage::New(..) | Stage::Over => {}
            }
            if self.poll_send(context)? {
                return Poll::Pending;
            }
            self.queue();
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Stage::Sent(id) = self.stage else { return };
        let mut state = self.core.lock();
        match state.waiters.get_mut(id) {
            Some(Waiter::Waits { waker, given_up, .. }) => (*waker, *given_up) = (None, true),
            Some(Waiter::Answered(_)) => drop(state.waiters.remove(id)),
            None => {}
        }
    }
}

/// A command that is answered by the moment at which it was done.
#[derive(Debug)]
#[must_use = "it is sent when it is polled"]
pub(crate) struct Done<'a>(Asked<'a>);

impl Core {
    /// Sends a command that is answered by the moment at which it was done.
    pub(crate) fn done(&self, command: Command) -> Done<'_> {
        Done(self.command(command))
    }
}

impl Future for Done<'_> {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Answer::Done(done) = ready!(Pin::new(&mut self.0).poll(context))? else {
            return Poll::Ready(Err(unexpected("a command")));
        };
        Poll::Ready(Ok(done.timestamp_ns))
    }
}

impl State {
    /// Answers a command.
    pub(super) fn answer(&mut self, id: u64, answer: Result<Answer, Error>) {
        let Some(waiter) = self.waiters.get_mut(id) else { return };
        let Waiter::Waits { waker, given_up, places, .. } = waiter else { return };
        let (waker, takes_room) = (waker.take(), places.room);
        if *given_up {
            self.waiters.remove(id);
        } else {
            *waiter = Waiter::Answered(answer);
        }
        if takes_room {
            self.room.give_back();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The id after those of all commands on their way; `None`, and nobody looks after them, where there are none that
    /// are done at once.
    pub(super) fn heed(&mut self) -> Option<u64> {
        self.heeded = self.waits_for(u64::MAX);
        self.heeded.then(|| self.waiters.beyond())
    }

    /// Whether a command before that one is on its way, of those that are done at once, or the end of the session, or the
    /// new beginning of its watches.
    pub(super) fn waits_for(&self, id: u64) -> bool {
        let closing = matches!(self.link, Link::Closing { id: own, .. } if own < id);
        if closing || self.resuming.is_some() {
            return true;
        }
        let waits = |(own, waiter)| own < id && matches!(waiter, &Waiter::Waits { slow: false, .. });
        self.waiters.iter().any(waits)
    }

    /// Answers all commands that are on their way with why they will not be answered.
    pub(super) fn fail_waiters(&mut self, error: &Error) {
        let ids: Vec<u64> = self.waiters.iter().map(|(id, _)| id).collect();
        for id in ids {
            self.answer(id, Err(error.clone()));
        }
    }
}
