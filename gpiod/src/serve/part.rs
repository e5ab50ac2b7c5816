//! One part of the daemon: the lines that one thread serves, with their broker, their edges and their sockets. Nearly
//! always there is one part; a chip behind a bus is another, whose thread may wait.

use super::start_programs;
use crate::backend::{self, EdgeSource};
use crate::broker::{Broker, EdgeSources, RequestIndex};
use crate::config::Config;
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::programs::Programs;
use crate::reactor;
use crate::server::{self, socket::Socket};
use crate::wiring::Thread;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
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
}

impl Part {
    /// Serves until the token is cancelled, or the board goes.
    pub(super) async fn serve(
        self,
        programs: Arc<Programs>,
        shutdown: CancellationToken,
    ) -> Result<(), Failure> {
        let Lines { broker, sources, .. } = self.lines;
        let mut tasks = JoinSet::new();
        for (request, source) in sources {
            tasks.spawn(pump(Arc::clone(&broker), request, source));
        }
        tokio::spawn(sweep_edges(Arc::clone(&broker)));
        tokio::spawn(release_orphans(Arc::clone(&broker), self.config.resume_within));
        let serve = server::run(broker, programs, self.sockets, shutdown.clone());
        tokio::pin!(serve);
        tokio::select! {
            served = &mut serve => served.map_err(|error| Failure::new(Exit::Software, error.to_string())),
            Some(ended) = tasks.join_next() => {
                shutdown.cancel();
                let _ = serve.await;
                let gone = ended.map_or_else(|defect| defect.to_string(), |gone| chain(&gone));
                Err(Failure::new(Exit::Unavailable, gone))
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

async fn release_orphans(broker: Arc<Broker>, resume_within: Duration) {
    tokio::time::sleep(resume_within).await;
    broker.release_adopted();
}

/// Gives the edges of one request to the broker, in the reactor. Ends when the board has gone.
async fn pump(broker: Arc<Broker>, request: RequestIndex, source: Box<dyn EdgeSource>) -> backend::Error {
    let failed = |source| backend::Error::Failed { operation: "waiting for edges", source };
    let mut source = match reactor::readable(source) {
        Ok(source) => source,
        Err(error) => return failed(error),
    };
    let mut edges = Vec::new();
    loop {
        // Edges that come without end still give others their turn.
        tokio::task::consume_budget().await;
        let mut ready = match source.readable_mut().await {
            Ok(ready) => ready,
            Err(error) => return failed(error),
        };
        edges.clear();
        let more = match ready.get_inner_mut().0.read(&mut edges) {
            Ok(more) => more,
            Err(error) => return error,
        };
        if !more {
            ready.clear_ready();
        }
        broker.edges(request, &edges, !more);
    }
}
