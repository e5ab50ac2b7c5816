//! What a session, its handles, its watches and its task share: the way to the daemon, and who waits for what.
//!
//! Callers send commands here and wait for the answers; the one task of the session (see
//! [`task`](crate::session::task)) hands the answers out and says when the daemon goes and comes back. The lock is
//! never held over an `.await`.

mod asked;
mod room;
mod state;
#[cfg(test)]
mod tests;
mod waiters;
mod watching;

pub(crate) use asked::Done;

use crate::client::connection::{PATIENCE, now};
use crate::client::requests::Requests;
use crate::error::{Error, status};
use crate::line::positions::Positions;
use crate::session::core::room::Room;
use crate::session::core::state::{Link, Resuming, State};
use crate::session::core::waiters::Waiters;
use crate::session::notice::{Notices, Resumed};
use crate::values::Values;
use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// How many commands may wait for their answers; more wait for their turn. This and the number of watches bound what may
/// be put before any of it is taken.
pub(crate) const IN_FLIGHT: usize = 256;

/// How many watches a session can have.
pub(crate) const MAX_WATCHES: usize = 64;

/// The shared part of a session.
#[derive(Debug)]
pub(crate) struct Core {
    id: u64,
    lines: Positions,
    /// The watches that the app may have; there is no waiting for them.
    watches: Arc<Semaphore>,
    /// The watches that the daemon may have: a place is free again when the daemon has answered the watch's end.
    watch_places: Arc<Semaphore>,
    state: Mutex<State>,
    /// What happened to the session, for the app.
    pub(crate) notices: Notices,
    /// Tells the task that the session was closed or dropped, where it waits for something else than the daemon.
    pub(crate) closed: Notify,
    /// Tells the task that a command is on its way, where there was none for a while.
    asked: Notify,
}

impl Core {
    /// The core of a session that was just opened.
    pub(crate) fn new(id: u64, lines: Positions, requests: Requests, values: v1::Values) -> Self {
        let opened_with = Values::new(lines.names().clone(), lines.all(), values.bits, values.timestamp_ns);
        let state = State {
            link: Link::Open(requests),
            waiters: Waiters::default(),
            room: Room::default(),
            watches: Vec::new(),
            opened_with,
            resuming: None,
            heeded: false,
        };
        Self {
            id,
            lines,
            watches: Arc::new(Semaphore::new(MAX_WATCHES)),
            watch_places: Arc::new(Semaphore::new(MAX_WATCHES)),
            state: Mutex::new(state),
            notices: Notices::default(),
            closed: Notify::new(),
            asked: Notify::new(),
        }
    }

    /// Which session of this process this is.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The session's lines.
    pub(crate) fn lines(&self) -> &Positions {
        &self.lines
    }

    /// The values when the session was last opened.
    pub(crate) fn opened_with(&self) -> Values {
        self.lock().opened_with.clone()
    }

    /// The session's values from a message.
    pub(crate) fn values(&self, mask: u64, bits: u64, timestamp_ns: u64) -> Values {
        Values::new(self.lines.names().clone(), mask, bits, timestamp_ns)
    }

    /// Something is on its way that is done at once: the task is to look after it.
    fn await_daemon(&self, state: &mut State) {
        if !std::mem::replace(&mut state.heeded, true) {
            self.asked.notify_one();
        }
    }

    /// Ready when something that is done at once has been on its way for too long: the daemon is frozen. One timer for all,
    /// and none while there is nothing.
    pub(crate) async fn frozen(&self) {
        loop {
            while let Some(id) = self.heed() {
                tokio::time::sleep(PATIENCE).await;
                if self.lock().waits_for(id) {
                    return;
                }
            }
            self.asked.notified().await;
        }
    }

    fn heed(&self) -> Option<u64> {
        self.lock().heed()
    }

    /// Reads the lines of a mask.
    pub(crate) async fn read(&self, mask: u64) -> Result<Values, Error> {
        let answer = self.command(Command::Read(v1::ReadCommand { mask })).await?;
        let Answer::Read(v1::Values { bits, timestamp_ns }) = answer else {
            return Err(unexpected("a read"));
        };
        Ok(self.values(mask, bits, timestamp_ns))
    }

    /// Ends the session from the app's side; the daemon lets go of the lines when it sees the end of the requests.
    /// Gives what tells that it has. Fails where the session was away or had ended before.
    pub(crate) fn close(&self) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
        let mut state = self.lock();
        let (sender, receiver) = oneshot::channel();
        let link = match &state.link {
            Link::Open(_) => Ok(receiver),
            Link::Away { since, why } => Err(Error::Away { since: *since, why: why.clone() }),
            Link::Ended(error) => return Err(error.clone()),
            Link::Closing { .. } => return Err(Error::Closed),
        };
        let id = state.waiters.between();
        state.link = Link::Closing { told: sender, id };
        self.closed.notify_one();
        self.await_daemon(&mut state);
        link
    }

    /// Hands out an answer, or a part of a watch.
    pub(crate) fn dispatch(&self, response: v1::SessionResponse) {
        let v1::SessionResponse { id, result } = response;
        let mut state = self.lock();
        if let Some(watch) = state.watch(id) {
            state.dispatch_watch(watch, result.as_ref());
            self.tell_return(&mut state, false);
        }
        let answer = match result {
            Some(Answer::Error(error)) => Err(status::refusal(error)),
            Some(answer) => Ok(answer),
            None => Err(Error::protocol("an answer without a result")),
        };
        state.answer(id, answer);
    }

    /// The daemon has gone: everybody who waits for an answer is told, and the session is away. `false` where it
    /// was closed by the app, and so has ended.
    pub(crate) fn lost(&self, why: &Error) -> bool {
        let mut state = self.lock();
        if matches!(state.link, Link::Closing { .. }) {
            return false;
        }
        let since = now();
        state.link = Link::Away { since, why: away_text(why) };
        state.fail_waiters(&Error::Away { since, why: away_text(why) });
        self.tell_return(&mut state, true);
        self.notices.lost(why.clone());
        true
    }

    /// The daemon is still away, or does not take the session back yet.
    pub(crate) fn still_away(&self, why: &Error) {
        if let Link::Away { why: old, .. } = &mut self.lock().link {
            *old = away_text(why);
        }
    }

    /// The session is open again, `kept` or opened anew; its watches are begun anew. Where the app has closed it meanwhile,
    /// `requests` is dropped, and so the daemon told.
    pub(crate) fn resumed(&self, requests: Requests, values: v1::Values, kept: bool) {
        let mut state = self.lock();
        let Link::Away { since, .. } = state.link else { return };
        let away = now().duration_since(since);
        for watch in &mut state.watches {
            watch.away = Some(watch.away.unwrap_or_default() + away);
            let request =
                v1::SessionRequest { id: watch.id, command: Some(Command::Watch(watch.command().into())) };
            // Where nobody takes it, the stream has broken again, and the task is about to say so.
            let _ = requests.put(&request);
        }
        state.link = Link::Open(requests);
        state.opened_with = self.values(self.lines.all(), values.bits, values.timestamp_ns);
        let (values, losses) = (state.opened_with.clone(), Vec::new());
        let resumed = Resumed { away, times: 1, kept, values, losses };
        let awaited = state.watches.iter().map(|watch| watch.id).collect();
        state.resuming = Some(Resuming { awaited, resumed });
        self.tell_return(&mut state, false);
    }

    /// Tells the app of the session's return, where all is known that it is to be told.
    fn tell_return(&self, state: &mut State, at_once: bool) {
        if let Some(resumed) = state.told_of_return(at_once) {
            self.notices.resumed(resumed);
        }
    }

    /// The session has ended for good: by the app, which is told what the daemon said last, or by an error.
    pub(crate) fn ended(&self, why: Result<(), Error>) {
        let mut state = self.lock();
        let error = why.clone().err().unwrap_or(Error::Closed);
        let by_app = matches!(state.link, Link::Closing { .. });
        if let Link::Closing { told: closing, .. } =
            std::mem::replace(&mut state.link, Link::Ended(error.clone()))
        {
            let _ = closing.send(why);
        }
        state.fail_waiters(&error);
        self.tell_return(&mut state, true);
        for watch in state.watches.drain(..) {
            watch.ring.end((!by_app).then(|| error.clone()));
        }
        self.notices.ended(error);
    }

    /// The task has gone without a word, as it does when its runtime ends: nobody is to wait for it.
    pub(crate) fn abandoned(&self) {
        if !matches!(self.lock().link, Link::Ended(_)) {
            self.ended(Err(Error::Closed));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, as soon as there is one.
async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    match places.clone().try_acquire_owned() {
        Ok(place) => Ok(place),
        // None of the semaphores is ever closed. It is rare to wait, and what waits is large to carry along.
        Err(_) => Box::pin(places.clone().acquire_owned()).await.map_err(|_| Error::Closed),
    }
}

/// What to say of being away.
fn away_text(why: &Error) -> String {
    if let Error::Away { why, .. } = why { why.clone() } else { why.to_string() }
}

/// The error for an answer of another kind than its command's.
pub(crate) fn unexpected(command: &str) -> Error {
    Error::protocol(format!("the answer to {command} is of another kind"))
}
