//! A program's time on the programs' thread: when it has its turn, what a turn costs it, and how it waits for a moment.

use crate::alarm::{Alarm, Alarms};
use crate::broker::Scope;
use crate::budget::Budget;
use crate::clock;
use crate::line::Moment;
use futures_util::future::BoxFuture;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::runtime::Handle;
use tokio::task;

/// How long before its end a wait stops sleeping and looks at the clock instead, in ns. A real-time thread was awake 20
/// to 60 us after its timer went off where this was measured; looking for longer would take more of the processor for
/// the odd case.
const SPIN_NS: u64 = 60_000;

/// What the programs of the thread share.
#[derive(Debug)]
pub struct Pacer {
    alarms: Arc<Alarms>,
    budget: Mutex<Budget<Scope>>,
    /// How much of the thread's processor time is charged to somebody.
    charged_ns: AtomicU64,
    /// Where edges come from.
    reactor: Handle,
}

impl Pacer {
    /// To be called in the runtime of the programs' thread. The programs of one socket may use `burst_ns` of it at once.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn start(reactor: Handle, may_spin: bool, burst_ns: u64) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            alarms: Alarms::start(if may_spin { SPIN_NS } else { 0 })?,
            budget: Mutex::new(Budget::new(burst_ns)),
            charged_ns: AtomicU64::new(clock::thread_ns()),
            reactor,
        }))
    }

    fn budget(&self) -> MutexGuard<'_, Budget<Scope>> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges all that the thread has used since the last turn: what leads to a turn is part of its cost. Answers how
    /// much that was, in ns.
    fn charge(&self, socket: Scope) -> u64 {
        let used_ns = clock::thread_ns();
        let turn_ns = used_ns.saturating_sub(self.charged_ns.swap(used_ns, Ordering::Relaxed));
        self.budget().charge(socket, turn_ns, clock::now_ns());
        turn_ns
    }
}

/// What one program has had of the thread.
#[derive(Debug, Default)]
struct Had {
    used_ns: AtomicU64,
    rests: AtomicU64,
}

/// One program's time. Dropping it says that the program has ended.
#[derive(Debug)]
pub struct Pace {
    pacer: Arc<Pacer>,
    socket: Scope,
    had: Arc<Had>,
}

impl Pace {
    /// A program of this socket begins.
    pub fn begin(pacer: &Arc<Pacer>, socket: Scope) -> Self {
        pacer.budget().begin(socket, clock::now_ns());
        Self { pacer: Arc::clone(pacer), socket, had: Arc::default() }
    }

    /// How much processor time its turns have used, the present one not included, in ns.
    pub fn used_ns(&self) -> u64 {
        self.had.used_ns.load(Ordering::Relaxed)
    }

    /// How often it has had to rest, since its socket had used too much.
    pub fn rests(&self) -> u64 {
        self.had.rests.load(Ordering::Relaxed)
    }

    /// Waits for a moment of [`clock`] as exactly as the thread's rights and the socket's budget allow, and says when
    /// it truly was over. A moment that has passed gives the others their turn all the same.
    pub async fn until(&self, deadline_ns: u64) -> Moment {
        let mut over_ns = clock::now_ns();
        if over_ns >= deadline_ns {
            self.give_way().await;
            over_ns = clock::now_ns();
        }
        while over_ns < deadline_ns {
            if self.pacer.budget().may_spin(self.socket, over_ns) {
                self.pacer.alarms.exactly(deadline_ns).await;
            } else {
                self.alarm(deadline_ns).await;
            }
            over_ns = clock::now_ns();
        }
        // Between this look at the clock and the one that ended the wait lies its end.
        let timestamp_ns = clock::now_ns();
        Moment { timestamp_ns, uncertainty_ns: timestamp_ns.saturating_sub(over_ns) }
    }

    /// Sleeps until a moment of [`clock`], no more exactly than the kernel wakes us.
    pub fn alarm(&self, deadline_ns: u64) -> Alarm {
        self.pacer.alarms.until(deadline_ns)
    }

    /// Lets all others have their turn that are due.
    pub async fn give_way(&self) {
        task::yield_now().await;
    }

    /// Lets the reactor deliver the edges that it can read now.
    pub async fn settle(&self) {
        // It looks at its descriptors before it takes up again what has given way. That it has ended is no reason
        // to fail: then nothing is delivered any more.
        let _ = self.pacer.reactor.spawn(task::yield_now()).await;
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.pacer.budget().end(self.socket, clock::now_ns());
    }
}

/// A program whose turns are charged to its socket, and which rests when that has used too much.
pub struct Paced<T> {
    program: BoxFuture<'static, T>,
    pacer: Arc<Pacer>,
    socket: Scope,
    had: Arc<Had>,
    rest: Option<Alarm>,
}

impl<T> Paced<T> {
    /// A program that begins now.
    pub fn new<F>(pacer: &Arc<Pacer>, socket: Scope, program: impl FnOnce(Pace) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let pace = Pace::begin(pacer, socket);
        let had = Arc::clone(&pace.had);
        Self { program: Box::pin(program(pace)), pacer: Arc::clone(pacer), socket, had, rest: None }
    }
}

impl<T> std::fmt::Debug for Paced<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paced")
            .field("socket", &self.socket)
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

impl<T> Future for Paced<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(Pin::new(rest).poll(context));
                self.rest = None;
            }
            let rest = self.pacer.budget().rest_until(self.socket, clock::now_ns());
            let Some(rest_ns) = rest else { break };
            self.had.rests.fetch_add(1, Ordering::Relaxed);
            self.rest = Some(self.pacer.alarms.until(rest_ns));
        }
        let turn = self.program.as_mut().poll(context);
        self.had.used_ns.fetch_add(self.pacer.charge(self.socket), Ordering::Relaxed);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST_NS: u64 = 4_000_000;

    fn work(ns: u64) {
        let begin = clock::thread_ns();
        while clock::thread_ns() < begin + ns {}
    }

    #[tokio::test]
    async fn a_wait_is_never_over_early_and_says_when_it_was() {
        for may_spin in [false, true] {
            let pacer = Pacer::start(Handle::current(), may_spin, BURST_NS).unwrap();
            let pace = Pace::begin(&pacer, Scope::Admin);
            for wait_ns in [0, 1_000, 30_000, 400_000] {
                let deadline_ns = clock::now_ns() + wait_ns;
                let over = pace.until(deadline_ns).await;
                assert!(over.timestamp_ns - over.uncertainty_ns >= deadline_ns, "{over:?}");
                assert!(over.timestamp_ns <= clock::now_ns());
            }
        }
    }

    #[tokio::test]
    async fn a_program_that_never_sleeps_is_made_to_rest() {
        let pacer = Pacer::start(Handle::current(), true, BURST_NS).unwrap();
        let begin_ns = clock::now_ns();
        let used_ns = Paced::new(&pacer, Scope::Admin, async move |pace| {
            let begin_ns = clock::thread_ns();
            while clock::thread_ns() < begin_ns + 5 * BURST_NS {
                work(50_000);
                pace.give_way().await;
            }
            clock::thread_ns() - begin_ns
        })
        .await;
        let took_ns = clock::now_ns() - begin_ns;
        // A burst at once, and of the rest as much rest as work; what one turn is longer than planned is forgiven.
        assert!(took_ns >= 2 * (used_ns - BURST_NS - 2_000_000), "{used_ns} ns of work in {took_ns} ns");
    }
}
