//! What a socket's clients use of the reactor: each turn of whatever runs for them is measured and charged to the
//! socket, and while several sockets are in use, those that have more to do than their share wait for their turn.
//!
//! A socket that is alone pays two looks at the clock for each turn. While others are in use, what a socket can not do at
//! once stands in a queue of its own. One task goes round the queues: it calls one of each, then lets everybody else have
//! a turn and the descriptors be looked at. So between two turns of a busy socket whoever has just sent something
//! is served, however many connections and streams the busy one has.

use crate::clock;
use crate::reactor::{Task, task};
use crate::shares::Shares;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;

thread_local! {
    /// Until when the present turn may last, by [`clock`].
    static SLICE_END_NS: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Whether the present turn has lasted long enough: whoever could go on is to wake itself and give way.
pub(super) fn slice_is_over() -> bool {
    clock::now_ns() >= SLICE_END_NS.get()
}

/// The turns of all sockets of a reactor.
#[derive(Debug)]
pub(super) struct Turns {
    queues: Mutex<Queues>,
    /// Told when somebody has begun to wait.
    waits: Notify,
    /// How long one turn may last, in ns.
    slice_ns: u64,
}

#[derive(Debug)]
struct Queues {
    shares: Shares,
    /// For each socket who waits, by tickets that count up.
    /// Not few of them: as many as streams and connections may be.
    waiting: Vec<BTreeMap<u64, Waker>>,
    /// For each socket the ticket that was called and has not had its turn yet.
    called: Vec<Option<u64>>,
    next_ticket: u64,
}

/// What the caller of tickets does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nobody waits.
    Idle,
    /// Somebody waits and may not go on before this moment.
    At(u64),
    /// Somebody was called.
    Soon,
}

impl Turns {
    /// Turns of sockets, of which each may use `turn_ns` at once; there is none yet.
    pub(super) fn new(turn_ns: u64) -> Arc<Self> {
        let shares = Shares::new(0, turn_ns);
        let slice_ns = shares.slice_ns();
        let queues = Queues { shares, waiting: Vec::new(), called: Vec::new(), next_ticket: 0 };
        Arc::new(Self { queues: Mutex::new(queues), waits: Notify::new(), slice_ns })
    }

    /// The meter of one more socket.
    pub(super) fn meter(self: &Arc<Self>) -> Meter {
        let mut queues = self.lock();
        let socket = queues.waiting.len();
        queues.waiting.push(BTreeMap::new());
        queues.called.push(None);
        queues.shares.add();
        Meter { turns: Arc::clone(self), socket }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls those who wait, for ever.
    pub(super) async fn call(self: Arc<Self>) {
        loop {
            let next = self.lock().call(clock::now_ns());
            match next {
                Next::Idle => self.waits.notified().await,
                Next::At(until_ns) => {
                    let rest = Duration::from_nanos(until_ns.saturating_sub(clock::now_ns()));
                    // Somebody of another socket may begin to wait, who need not rest.
                    let _ = tokio::time::timeout(rest, self.waits.notified()).await;
                }
                Next::Soon => yield_now().await,
            }
        }
    }
}

impl Queues {
    /// Whether a turn may begin; else its task is in the queue.
    fn may_begin(&mut self, socket: usize, ticket: &mut Option<u64>, now_ns: u64, waker: &Waker) -> bool {
        let (queue, called) = (&mut self.waiting[socket], &mut self.called[socket]);
        let is_called = called.is_some() && *called == *ticket;
        let free = called.is_none() && queue.is_empty();
        if is_called || !self.shares.contended(socket, now_ns) {
            self.leave(socket, ticket.take());
            return true;
        }
        if free && self.shares.rest_until(socket, now_ns).is_none() {
            return true;
        }
        let ticket = *ticket.get_or_insert_with(|| {
            self.next_ticket += 1;
            self.next_ticket
        });
        match queue.get_mut(&ticket) {
            Some(waiting) => waiting.clone_from(waker),
            None => {
                queue.insert(ticket, waker.clone());
            }
        }
        false
    }

    /// Takes a ticket out, wherever it is.
    fn leave(&mut self, socket: usize, ticket: Option<u64>) {
        let Some(ticket) = ticket else { return };
        self.waiting[socket].remove(&ticket);
        if self.called[socket] == Some(ticket) {
            self.called[socket] = None;
        }
    }

    /// Calls one of each socket that may go on, or all of one that is alone.
    fn call(&mut self, now_ns: u64) -> Next {
        let mut next = Next::Idle;
        for socket in 0..self.waiting.len() {
            if self.waiting[socket].is_empty() && self.called[socket].is_none() {
                continue;
            }
            if !self.shares.contended(socket, now_ns) {
                std::mem::take(&mut self.waiting[socket]).into_values().for_each(Waker::wake);
            } else if self.called[socket].is_none() {
                if let Some(until_ns) = self.shares.rest_until(socket, now_ns) {
                    next = match next {
                        Next::Idle => Next::At(until_ns),
                        Next::At(other_ns) => Next::At(other_ns.min(until_ns)),
                        Next::Soon => Next::Soon,
                    };
                    continue;
                }
                if let Some((ticket, waker)) = self.waiting[socket].pop_first() {
                    self.called[socket] = Some(ticket);
                    waker.wake();
                }
            }
            next = Next::Soon;
        }
        next
    }
}

/// Measures what runs for the clients of one socket.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    turns: Arc<Turns>,
    socket: usize,
}

impl Meter {
    /// The same future, measured and given its turns.
    pub(super) fn measure(&self, future: impl Future<Output = ()> + Send + 'static) -> Metered {
        Metered { future: Some(task(future)), ticket: None, free: false, meter: self.clone() }
    }

    /// Runs a future beside others, measured.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.measure(future));
    }

    /// The same for what the daemon begins by itself: its first turn is nobody's use of the socket.
    pub(super) fn measure_begun(&self, future: impl Future<Output = ()> + Send + 'static) -> Metered {
        let mut measured = self.measure(future);
        measured.free = true;
        measured
    }
}

/// See [`Meter::measure`].
pub(super) struct Metered {
    /// Gone when it is done: to drop what it held is part of its work.
    future: Option<Task>,
    /// Its place in the queue, while it waits.
    ticket: Option<u64>,
    /// Whether its next turn costs nothing.
    free: bool,
    meter: Meter,
}

impl Future for Metered {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { future, ticket, free, meter: Meter { turns, socket } } = &mut *self;
        let Some(running) = future else { return Poll::Pending };
        let begin_ns = clock::now_ns();
        if !turns.lock().may_begin(*socket, ticket, begin_ns, context.waker()) {
            turns.waits.notify_one();
            return Poll::Pending;
        }
        SLICE_END_NS.set(begin_ns.saturating_add(turns.slice_ns));
        let turn = running.as_mut().poll(context);
        SLICE_END_NS.set(u64::MAX);
        if turn.is_ready() {
            *future = None;
        }
        if std::mem::take(free) {
            return turn;
        }
        let end_ns = clock::now_ns();
        turns.lock().shares.charge(*socket, end_ns.saturating_sub(begin_ns), end_ns);
        turn
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.meter.turns.lock().leave(self.meter.socket, self.ticket.take());
        }
    }
}
