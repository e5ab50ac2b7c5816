//! The daemon, from its configuration to its stop.
//!
//! Start: take the run directory, start the programs' thread, reach the board, bind the configuration to it, take the
//! lines, make the sockets, say that it is ready. Stop, on SIGTERM or SIGINT: end the clients' streams, leave the outputs as they are, go.

mod board;
mod changes;
mod promises;

pub use board::{connect, reach};

use crate::backend::{self, Backend, EdgeSource};
use crate::broker::{Broker, EdgeSources, RequestIndex};
use crate::config::{Config, Problems};
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::log_keys as keys;
use crate::programs::Programs;
use crate::reactor;
use crate::server::{self, socket::RunDir};
use crate::wiring::Wiring;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often, and how many times, a starting daemon asks for lines that somebody else still holds: a predecessor that
/// was killed a moment ago may not be quite gone.
const BUSY_RETRY: (Duration, u32) = (Duration::from_millis(50), 20);

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// What keeps it from starting, or the board's going away.
pub async fn run(config: Config) -> Result<(), Failure> {
    let run_dir = RunDir::take(&config.run_dir).map_err(|error| run_dir_failure(&config, &error))?;
    // Before anything is driven: what can fail here should leave the board as it was.
    let programs = Programs::start()
        .await
        .map_err(|error| Failure::new(Exit::Os, format!("the programs' thread: {error}")))?;
    let (broker, sources) = take_lines(&config).await?;
    let shutdown = stop_signal().map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let sockets = run_dir.bind(&config).map_err(|error| Failure::new(Exit::Os, error.to_string()))?;
    for socket in &sockets {
        tracing::info!({ keys::PATH } = %socket.path.display(), "listening");
    }
    let mut tasks = JoinSet::new();
    for (request, source) in sources {
        tasks.spawn(pump(Arc::clone(&broker), request, source));
    }
    tokio::spawn(release_orphans(Arc::clone(&broker), config.resume_within));
    ready();
    let serve = server::run(Arc::clone(&broker), programs, sockets, shutdown.clone());
    tokio::pin!(serve);
    let outcome = tokio::select! {
        served = &mut serve => served.map_err(|error| Failure::new(Exit::Software, error.to_string())),
        Some(ended) = tasks.join_next() => {
            shutdown.cancel();
            let _ = serve.await;
            let gone = ended.map_or_else(|defect| defect.to_string(), |gone| chain(&gone));
            Err(Failure::new(Exit::Unavailable, gone))
        }
    };
    tracing::info!("stopped");
    outcome
}

async fn take_lines(config: &Config) -> Result<(Arc<Broker>, EdgeSources), Failure> {
    let backend = connect(config)?;
    let board = backend.lines().map_err(|error| Failure::new(Exit::Unavailable, chain(&error)))?;
    // What the lines are now decides what they become. It is asked once, before a try that fails half-way has driven
    // some of them.
    let wiring = Wiring::bind(config, &board).map_err(|problems| config_failure(&problems))?;
    changes::watch(backend.as_ref(), &wiring);
    promises::say(&wiring);
    let backend: Arc<dyn Backend> = Arc::from(backend);
    let mut tries = 0;
    loop {
        match Broker::new(Arc::clone(&backend), wiring.clone(), config.limits) {
            Ok(taken) => return Ok(taken),
            Err(error @ backend::Error::Busy { .. }) if tries < BUSY_RETRY.1 => {
                tries += 1;
                tracing::warn!({ keys::ERROR } = %error, "waiting for the line");
                tokio::time::sleep(BUSY_RETRY.0).await;
            }
            Err(error @ backend::Error::Busy { .. }) => {
                return Err(Failure::new(Exit::TempFail, chain(&error)));
            }
            Err(error) => return Err(Failure::new(Exit::Unavailable, chain(&error))),
        }
    }
}

/// The failure of a wrong configuration.
pub fn config_failure(problems: &Problems) -> Failure {
    let exit = if problems.unreadable { Exit::NoInput } else { Exit::Config };
    Failure::new(exit, problems.to_string())
}

fn run_dir_failure(config: &Config, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::WouldBlock {
        let path = config.run_dir.display();
        return Failure::new(Exit::TempFail, format!("another gpiod is running with run_dir {path}"));
    }
    Failure::new(Exit::Os, error.to_string())
}

/// Cancelled when the daemon is told to stop: SIGTERM from a container runtime or systemd, SIGINT from a terminal.
fn stop_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(token)
}

fn ready() {
    tracing::info!("ready");
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!({ keys::ERROR } = %error, "the service manager could not be told");
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
        match ready.get_inner_mut().0.read(&mut edges) {
            Ok(true) => {}
            Ok(false) => ready.clear_ready(),
            Err(error) => return error,
        }
        broker.edges(request, &edges);
    }
}
