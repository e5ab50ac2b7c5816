//! What changes in a session: whether there is a way to the daemon, who waits for an answer, which watches run.

use crate::client::connection::now;
use crate::client::requests::Requests;
use crate::error::{Error, status};
use crate::session::core::asked::Waiter;
use crate::session::core::room::Room;
use crate::session::core::waiters::Waiters;
use crate::session::notice::Resumed;
use crate::values::Values;
use crate::watch::Loss;
use crate::watch::ring::Ring;
use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use std::collections::HashSet;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

#[derive(Debug)]
pub(super) struct State {
    pub(super) link: Link,
    pub(super) waiters: Waiters,
    pub(super) room: Room,
    /// No more than `MAX_WATCHES`.
    pub(super) watches: Vec<SessionWatch>,
    pub(super) opened_with: Values,
    pub(super) resuming: Option<Resuming>,
    /// Whether the task looks after the commands on their way.
    pub(super) heeded: bool,
}

/// A session that is back, of which the app is told when it is known what its watches lost.
#[derive(Debug)]
pub(super) struct Resuming {
    /// The watches of which that is not known yet.
    pub(super) awaited: HashSet<u64>,
    pub(super) resumed: Resumed,
}

/// The way to the daemon.
#[derive(Debug)]
pub(super) enum Link {
    Open(Requests),
    Away {
        since: Instant,
        why: String,
    },
    /// Closed or dropped by the app; the task sees to the end of the stream and tells it to `close`.
    Closing {
        told: oneshot::Sender<Result<(), Error>>,
        /// What was sent before has a lower id.
        id: u64,
    },
    Ended(Error),
}

/// What a request takes up until it is answered: the end of a watch takes over the watch's place and, where its
/// beginning is not answered yet, also the room of the beginning.
#[derive(Debug)]
pub(super) struct Places {
    /// Whether it takes the room of a command.
    pub(super) room: bool,
    _watch: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Those of a command.
    pub(super) const COMMAND: Self = Self { room: true, _watch: None };
}

#[derive(Debug)]
pub(super) struct SessionWatch {
    /// That of the command that began it.
    pub(super) id: u64,
    pub(super) mask: u64,
    pub(super) edge: i32,
    pub(super) ring: Arc<Ring>,
    /// For how long nobody watched before the next message, where that is so.
    pub(super) away: Option<Duration>,
    /// One of the watches that the app may have.
    pub(super) _of_app: OwnedSemaphorePermit,
    /// One of the watches that the daemon may have.
    pub(super) place: OwnedSemaphorePermit,
}

impl SessionWatch {
    /// What begins it, where it was.
    pub(super) fn command(&self) -> v1::WatchCommand {
        v1::WatchCommand { mask: self.mask, edge: self.edge, resume: self.ring.resume() }
    }
}

impl State {
    /// Puts a command on its way, which may take its time or not, and for whose answer somebody may wait already; gives its
    /// id.
    pub(super) fn send(
        &mut self,
        command: Command,
        places: Places,
        slow: bool,
        waker: Option<Waker>,
    ) -> Result<u64, Error> {
        let id = self.waiters.next_id();
        if let Err(error) = self.put(&v1::SessionRequest { id, command: Some(command) }) {
            if places.room {
                self.room.give_back();
            }
            return Err(error);
        }
        self.waiters.insert(Waiter::Waits { waker, given_up: false, places, slow });
        Ok(id)
    }

    fn put(&self, request: &v1::SessionRequest) -> Result<(), Error> {
        let requests = match &self.link {
            Link::Open(requests) => requests,
            Link::Away { since, why } => return Err(Error::Away { since: *since, why: why.clone() }),
            Link::Closing { .. } => return Err(Error::Closed),
            Link::Ended(error) => return Err(error.clone()),
        };
        // Where nobody takes it, the stream has broken, and the task is about to say so.
        requests
            .put(request)
            .map_err(|_| Error::Away { since: now(), why: "the connection broke".to_owned() })
    }

    /// The watch with that id.
    pub(super) fn watch(&self, id: u64) -> Option<usize> {
        self.watches.iter().position(|watch| watch.id == id)
    }

    pub(super) fn dispatch_watch(&mut self, index: usize, result: Option<&Answer>) {
        let watch = &mut self.watches[index];
        let id = watch.id;
        let put = match result {
            Some(Answer::Watch(message)) => watch.ring.put(message, watch.away.take()),
            Some(Answer::Error(error)) => Err(status::refusal(error.clone())),
            _ => Err(Error::protocol("a part of a watch that is none")),
        };
        let lost = match put {
            Ok(lost) => lost,
            Err(error) => {
                watch.ring.end(Some(error));
                self.watches.swap_remove(index);
                Vec::new()
            }
        };
        self.begun_again(id, lost);
    }

    /// A watch that was to begin again has, or never will; it lost this meanwhile.
    fn begun_again(&mut self, id: u64, lost: Vec<Loss>) {
        let Some(resuming) = &mut self.resuming else { return };
        if resuming.awaited.remove(&id) {
            for loss in lost {
                loss.add_to(&mut resuming.resumed.losses);
            }
        }
    }

    /// What is to be told of the session's return: when all of its watches have begun again, or at once.
    pub(super) fn told_of_return(&mut self, at_once: bool) -> Option<Resumed> {
        self.resuming.take_if(|resuming| at_once || resuming.awaited.is_empty()).map(|back| back.resumed)
    }

    /// Ends a watch, also one whose beginning nobody waits for any more.
    pub(super) fn unwatch(&mut self, watch_id: u64) {
        let Some(index) = self.watch(watch_id) else { return };
        let watch = self.watches.swap_remove(index);
        self.begun_again(watch_id, Vec::new());
        // The watch may end before the daemon came to answer its beginning, but never after the answer to its end.
        let beginning = self.waiters.remove(watch_id);
        let room = matches!(beginning, Some(Waiter::Waits { places: Places { room: true, .. }, .. }));
        let command = Command::Unwatch(v1::UnwatchCommand { watch_id });
        let places = Places { room, _watch: Some(watch.place) };
        // This fails only where the daemon is away, and so the watch has ended.
        if let Ok(id) = self.send(command, places, false, None)
            && let Some(Waiter::Waits { given_up, .. }) = self.waiters.get_mut(id)
        {
            *given_up = true;
        }
    }
}
