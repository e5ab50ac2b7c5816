//! The thread on which all programs run: nothing else has a turn there, and where the system allows it the thread goes
//! before all that is not real-time.

use crate::broker::{ProgramHold, ProgramPlace, Sampler};
use crate::error::Error;
use crate::pace::{Paced, Pacer};
use crate::program::Step;
use crate::realtime::Rights;
use crate::run::{self, Outcome};
use crate::sample::Feed;
use crate::sampling::{self, Times};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The programs' thread. Dropping it ends the thread after the step that it is at.
#[derive(Debug)]
pub struct Programs {
    runtime: Handle,
    pacer: Arc<Pacer>,
    _stop: DropGuard,
}

impl Programs {
    /// Starts the thread and says in the log which rights it has got. To be called in the reactor. The programs of one
    /// socket may use `burst_ns` of its processor time at once.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub async fn start(burst_ns: u64) -> io::Result<Arc<Self>> {
        let reactor = Handle::current();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (tell, told) = oneshot::channel();
        thread::Builder::new().name("programs".to_owned()).spawn(move || match begin(reactor, burst_ns) {
            Ok((runtime, pacer)) => {
                let _ = tell.send(Ok((runtime.handle().clone(), pacer)));
                runtime.block_on(stopped.cancelled());
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        })?;
        let (runtime, pacer) = told.await.map_err(io::Error::other)??;
        Ok(Arc::new(Self { runtime, pacer, _stop: stop.drop_guard() }))
    }

    /// Starts a program that was checked, on the lines that were reserved for it.
    pub fn run(&self, hold: ProgramHold, steps: Vec<Step>) -> Running {
        let (socket, place) = (hold.scope(), hold.place());
        let mut running = self.start_paced(|send| {
            Paced::new(&self.pacer, socket, |pace| async move {
                let outcome = run::run(hold, &steps, &pace).await;
                // What the program had of the thread is given back before anybody hears of its end.
                drop(pace);
                let _ = send.send(outcome);
            })
        });
        running.place = Some(place);
        running
    }

    /// Begins to sample. What it takes goes to the feed's queue.
    pub fn sample(&self, sampler: Arc<Sampler>, times: Times, feed: Feed) -> Sampling {
        let socket = sampler.scope();
        let paced = Paced::new(&self.pacer, socket, |pace| async move {
            sampling::run(sampler, times, feed, &pace).await;
        });
        Sampling { _task: self.spawn(paced) }
    }

    fn start_paced(&self, program: impl FnOnce(oneshot::Sender<Answer>) -> Paced<()>) -> Running {
        let (send, answer) = oneshot::channel();
        Running { _task: self.spawn(program(send)), answer, place: None }
    }

    fn spawn(&self, paced: Paced<()>) -> Task {
        let slot = Arc::new(Slot(Mutex::new(Some(paced))));
        let task = self.runtime.spawn(Turns(Arc::clone(&slot))).abort_handle();
        Task { slot, task }
    }
}

fn begin(reactor: Handle, burst_ns: u64) -> io::Result<(Runtime, Arc<Pacer>)> {
    let rights = Rights::ask();
    rights.log();
    // The kernel's timer wakes it; the runtime's own, which counts milliseconds, is not switched on.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let pacer = runtime.block_on(async { Pacer::start(reactor, rights.may_spin(), burst_ns) })?;
    Ok((runtime, pacer))
}

type Answer = Result<Outcome, Error>;

/// Where a program is while it runs: in the hand of the thread during a turn, else anybody's to take out.
#[derive(Debug)]
struct Slot(Mutex<Option<Paced<()>>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Paced<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the program, if it is still there.
    fn clear(&self) {
        let program = self.lock().take();
        drop(program);
    }
}

/// The thread's side of a program.
struct Turns(Arc<Slot>);

impl Future for Turns {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.0.lock();
        slot.as_mut().map_or(Poll::Ready(()), |program| Pin::new(program).poll(context))
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        // The thread has ended: whoever waits for the program hears of it.
        self.0.clear();
    }
}

/// The waiter's side of a program: a future of what it did.
///
/// Dropping it ends the program, and when the drop is done the program is gone with its hold and its watch: it waits for the turn that the program may be having, which is at most one step. So
/// whoever drops this and then lets the lines go knows that nothing drives them any more.
#[derive(Debug)]
pub struct Running {
    /// First, so that it is gone before the place is given back.
    _task: Task,
    answer: oneshot::Receiver<Answer>,
    /// Given back when what the program did has been taken.
    place: Option<Arc<ProgramPlace>>,
}

impl Future for Running {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        // Without an answer the thread has ended, and the daemon is about to.
        let answer = std::task::ready!(Pin::new(&mut self.answer).poll(context));
        self.place = None;
        Poll::Ready(answer.unwrap_or(Err(Error::Stopping)))
    }
}

/// A sampling that runs. Dropping it ends it: when the drop is done no more samples are taken.
#[derive(Debug)]
pub struct Sampling {
    _task: Task,
}

/// Something that runs on the thread, until this is dropped.
#[derive(Debug)]
struct Task {
    slot: Arc<Slot>,
    task: AbortHandle,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.slot.clear();
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Scope;
    use crate::clock;
    use crate::line::{Moment, Values};
    use crate::pace::Pace;
    use crate::wiring::GroupIndex;
    use futures_util::future::join_all;
    use tokio::sync::{Semaphore, mpsc};

    fn outcome() -> Outcome {
        Outcome {
            steps: Vec::new(),
            values: Values { bits: 0, read: Moment { timestamp_ns: 0, uncertainty_ns: 0 } },
            lost_edges: 0,
        }
    }

    fn start<F>(programs: &Programs, socket: Scope, program: impl FnOnce(Pace) -> F) -> Running
    where
        F: Future<Output = ()> + Send + 'static,
    {
        programs.start_paced(|send| {
            Paced::new(&programs.pacer, socket, |pace| {
                let program = program(pace);
                async move {
                    program.await;
                    let _ = send.send(Ok(outcome()));
                }
            })
        })
    }

    #[tokio::test]
    async fn a_program_is_gone_when_dropping_its_waiter_is_done() {
        let programs = Programs::start(4_000_000).await.unwrap();
        let (held, begun) = (Arc::new(()), Arc::new(tokio::sync::Notify::new()));
        for sleeps in [true, false] {
            let (hold, begin) = (Arc::clone(&held), Arc::clone(&begun));
            let running = start(&programs, Scope::Admin, async move |pace: Pace| {
                begin.notify_one();
                while Arc::strong_count(&hold) > 0 {
                    pace.until(if sleeps { u64::MAX } else { 0 }).await;
                }
            });
            begun.notified().await;
            assert_eq!(Arc::strong_count(&held), 2);
            drop(running);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_a_program_hears_of_the_threads_end() {
        let programs = Programs::start(4_000_000).await.unwrap();
        let running = start(&programs, Scope::Admin, async |pace: Pace| pace.alarm(u64::MAX).await);
        drop(programs);
        assert!(matches!(running.await, Err(Error::Stopping)));
    }

    /// Those of one socket: who has used too much of the thread rests, and a rest may end after several deadlines. So
    /// the one that never sleeps is another socket's, which is what the thread is shared by.
    #[tokio::test]
    async fn programs_end_in_the_order_of_their_deadlines_whoever_else_never_sleeps() {
        let programs = Programs::start(4_000_000).await.unwrap();
        let hog = start(&programs, Scope::Group(GroupIndex(0)), async |pace: Pace| {
            loop {
                pace.give_way().await;
            }
        });
        // A deadline that has passed is no sleep. Where all were not asleep before the first, it is too soon for this
        // machine: then they are given more time.
        let mut margin_ns = 20_000_000;
        while !in_order(&programs, clock::now_ns() + margin_ns).await {
            margin_ns *= 2;
        }
        drop(hog);
    }

    /// Checks that programs end in the order of their deadlines; `false` if one was not asleep before the first.
    async fn in_order(programs: &Programs, begin_ns: u64) -> bool {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let offsets = [3_000_000, 20_000, 0, 1_000_000, 20_500, 40_000];
        let begun = Arc::new(Semaphore::new(0));
        let running = offsets.map(|offset_ns| {
            let (ended, begun) = (ended.clone(), Arc::clone(&begun));
            start(programs, Scope::Admin, async move |pace: Pace| {
                begun.add_permits(1);
                pace.until(begin_ns + offset_ns).await;
                ended.send(offset_ns).unwrap();
            })
        });
        drop(ended);
        let _all = begun.acquire_many(6).await.unwrap();
        // The thread has one turn after the other: in this one, the last of them is asleep.
        let (tell, told) = oneshot::channel();
        start(programs, Scope::Admin, async move |_| tell.send(clock::now_ns()).unwrap()).await.unwrap();
        if told.await.unwrap() >= begin_ns {
            return false;
        }
        for result in join_all(running).await {
            assert_eq!(result.unwrap().lost_edges, 0);
        }
        let mut order = Vec::new();
        while let Some(offset_ns) = ends.recv().await {
            order.push(offset_ns);
        }
        let mut sorted = offsets;
        sorted.sort_unstable();
        assert_eq!(order, sorted);
        true
    }
}
