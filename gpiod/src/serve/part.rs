//! One part of the daemon: the lines that one thread serves, with their broker, their edges and their sockets. Nearly
//! always there is one part; a chip behind a bus is another, whose thread may wait.

use super::start_programs;
use crate::backend::{self, EdgeSource};
use crate::broker::{Broker, EdgeSources, RequestIndex};
use crate::clock;
use crate::config::{Config, Problem};
use crate::error::{Error, chain};
use crate::failure::{Exit, Failure};
use crate::programs::Programs;
use crate::reactor;
use crate::reactor::task;
use crate::server::{self, Served, SocketChange, admin::Orders, socket::Socket};
use crate::wiring::{Thread, Wiring};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Lines that were taken for one thread.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) thread: Thread,
    pub(super) broker: Arc<Broker>,
    pub(super) sources: EdgeSources,
}

/// All that one thread serves.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) lines: Lines,
    pub(super) sockets: Vec<Socket>,
    pub(super) config: Config,
    /// Where orders of the administrator go.
    pub(super) orders: Orders,
    pub(super) rewire: mpsc::Receiver<Rewire>,
    pub(super) socket_changes: mpsc::Receiver<SocketChange>,
}

/// A new wiring of a part: prepared in all parts before it is taken in any.
#[derive(Debug)]
pub(super) enum Rewire {
    /// See [`Broker::refusals`].
    Check { wiring: Wiring, answer: oneshot::Sender<Vec<Problem>> },
    /// See [`Broker::prepare`].
    Prepare { wiring: Wiring, keep_until_ns: u64, answer: oneshot::Sender<Result<(), Error>> },
    /// See [`Broker::rewire`].
    Take { answer: oneshot::Sender<Result<(), Error>> },
    /// See [`Broker::discard`].
    Discard,
}

impl Part {
    /// Serves until the token is cancelled, or the board goes.
    pub(super) async fn serve(
        self,
        programs: Arc<Programs>,
        shutdown: CancellationToken,
    ) -> Result<(), Failure> {
        let Self {
            lines: Lines { broker, sources, .. }, sockets, orders, mut rewire, socket_changes, ..
        } = self;
        let mut pumps = Pumps { broker: Arc::clone(&broker), tasks: JoinSet::new(), running: HashMap::new() };
        pumps.start(sources);
        tokio::spawn(task(sweep_edges(Arc::clone(&broker))));
        tokio::spawn(task(release_away(Arc::clone(&broker))));
        tokio::spawn(task(tell_audit(Arc::clone(&broker))));
        let served = Served { broker: Arc::clone(&broker), programs, orders };
        let serve = server::run(served, sockets, socket_changes, shutdown.clone());
        tokio::pin!(serve);
        loop {
            tokio::select! {
                served = &mut serve => {
                    return served.map_err(|error| Failure::new(Exit::Software, error.to_string()));
                }
                Some(order) = rewire.recv() => match order {
                    Rewire::Check { wiring, answer } => {
                        let _ = answer.send(broker.refusals(wiring));
                    }
                    Rewire::Prepare { wiring, keep_until_ns, answer } => {
                        let _ = answer.send(broker.prepare(wiring, keep_until_ns));
                    }
                    Rewire::Take { answer } => {
                        let _ = answer.send(broker.rewire().map(|rewired| {
                            pumps.stop(&rewired.dropped);
                            pumps.start(rewired.sources);
                        }));
                    }
                    Rewire::Discard => broker.discard(),
                },
                Some(gone) = pumps.gone() => {
                    shutdown.cancel();
                    let _ = serve.await;
                    return Err(Failure::new(Exit::Unavailable, gone));
                }
            }
        }
    }
}

/// The tasks that read edges, one for each request.
struct Pumps {
    broker: Arc<Broker>,
    tasks: JoinSet<backend::Error>,
    running: HashMap<RequestIndex, AbortHandle>,
}

impl Pumps {
    fn start(&mut self, sources: EdgeSources) {
        for (request, source) in sources {
            let task = self.tasks.spawn(pump(Arc::clone(&self.broker), request, source));
            self.running.insert(request, task);
        }
    }

    /// Drops the sources of these requests, and so the last that is held of them.
    fn stop(&mut self, requests: &[RequestIndex]) {
        for request in requests {
            if let Some(task) = self.running.remove(request) {
                task.abort();
            }
        }
    }

    /// Waits until the board is gone, and says why; `None` when nothing is waited for.
    async fn gone(&mut self) -> Option<String> {
        loop {
            match self.tasks.join_next().await? {
                Ok(gone) => return Some(chain(&gone)),
                Err(stopped) if stopped.is_cancelled() => {}
                Err(defect) => return Some(defect.to_string()),
            }
        }
    }
}

/// Serves a part on a thread of its own, with a reactor and a programs' thread of its own. Its end stops the daemon.
///
/// # Errors
/// When the system has no thread left.
pub(super) fn on_own_thread(
    part: Part,
    shutdown: CancellationToken,
) -> Result<impl Future<Output = Result<(), Failure>> + use<>, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Os, format!("a chip's thread: {error}"));
    let name = match &part.lines.thread {
        Thread::Main => "lines".to_owned(),
        // A thread's name has 15 bytes.
        Thread::Chip(_, label) => label.chars().take(15).collect(),
    };
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            // Whatever ends it, the others are not to go on alone.
            let _stop = shutdown.clone().drop_guard();
            let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed);
            let outcome = outcome.and_then(|reactor| {
                reactor.block_on(async {
                    let programs = start_programs(&part.config).await?;
                    part.serve(programs, shutdown).await
                })
            });
            let _ = tell.send(outcome);
        })
        .map_err(failed)?;
    Ok(async {
        told.await
            .unwrap_or_else(|_| Err(Failure::new(Exit::Software, "a chip's thread has ended".to_owned())))
    })
}

/// How long edges that nobody wants any more go on, for whoever comes back.
const LINGER: Duration = Duration::from_secs(1);

async fn sweep_edges(broker: Arc<Broker>) {
    loop {
        broker.edges_unwanted().await;
        tokio::time::sleep(LINGER).await;
        broker.sweep_edges();
    }
}

/// Lets go of those who are away and not back in time, and of outputs that nobody came for.
async fn release_away(broker: Arc<Broker>) {
    by_time(|| broker.away_until(), &broker.away_changed(), |now_ns| broker.release_away(now_ns)).await;
}

/// Tells what the audit has summed up, by its time.
async fn tell_audit(broker: Arc<Broker>) {
    by_time(|| broker.audit_due(), &broker.audit_changed(), |now_ns| broker.tell_audit(now_ns)).await;
}

/// Does something whenever it is due, for ever; it is told when it may be due at another time than before. There is no
/// timer while nothing is due.
async fn by_time(due: impl Fn() -> Option<u64>, changed: &Notify, work: impl Fn(u64)) {
    loop {
        let Some(due_ns) = due() else {
            changed.notified().await;
            continue;
        };
        let left = Duration::from_nanos(due_ns.saturating_sub(clock::now_ns()));
        tokio::select! {
            () = tokio::time::sleep(left) => work(clock::now_ns()),
            () = changed.notified() => {}
        }
    }
}

/// How long after a line's last edge its level is looked at, and again if it is not what the edge said: by then an
/// edge that was on its way has come.
const SETTLE: Duration = Duration::from_millis(20);

/// Gives the edges of one request to the broker, in the reactor. Ends when the board has gone.
async fn pump(broker: Arc<Broker>, request: RequestIndex, source: Box<dyn EdgeSource>) -> backend::Error {
    let failed = |source| backend::Error::Failed { operation: "waiting for edges", source };
    let mut source = match reactor::readable(source) {
        Ok(source) => source,
        Err(error) => return failed(error),
    };
    let mut edges = Vec::new();
    let mut quiet = Quiet::default();
    loop {
        let mut ready = tokio::select! {
            biased;
            ready = source.readable_mut() => match ready {
                Ok(ready) => ready,
                Err(error) => return failed(error),
            },
            () = quiet.over() => {
                quiet.checked(broker.check_levels(request));
                continue;
            }
        };
        edges.clear();
        let more = match ready.get_inner_mut().0.read(&mut edges) {
            Ok(more) => more,
            Err(error) => return error,
        };
        if !more {
            ready.clear_ready();
        }
        if broker.edges(request, &edges, !more) {
            quiet.begin();
        }
        // Edges that come without end still give watchers time to take what has come.
        tokio::task::consume_budget().await;
        if more {
            tokio::task::yield_now().await;
        }
    }
}

/// Waits until no edge has come for a while. While edges come one behind the other, the timer is set once for each
/// such while, not for each edge; while none do, there is no timer.
#[derive(Debug, Default)]
struct Quiet {
    timer: Option<Pin<Box<Sleep>>>,
    /// Since when.
    since: Option<Instant>,
}

impl Quiet {
    /// An edge has come.
    fn begin(&mut self) {
        let now = Instant::now();
        self.since = Some(now);
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(now + SETTLE)));
    }

    /// Without an edge before, it is never over.
    async fn over(&mut self) {
        let (Some(timer), Some(since)) = (&mut self.timer, self.since) else {
            return std::future::pending().await;
        };
        timer.as_mut().await;
        let at = since + SETTLE;
        if Instant::now() < at {
            timer.as_mut().reset(at);
            timer.as_mut().await;
        }
    }

    /// What was waited for is done, and to be done again or not.
    fn checked(&mut self, again: bool) {
        (self.timer, self.since) = (None, None);
        if again {
            self.begin();
        }
    }
}
