//! The daemon, from its configuration to its stop.
//!
//! Start: take the run directory, start the programs' thread, make the sockets, reach the board, bind the configuration to
//! it, take the lines, say that it is ready. What can fail comes before what drives. Stop, on SIGTERM or SIGINT: end the clients' streams, leave the outputs as they are, go.

mod board;
mod changes;
mod part;
mod promises;

pub use board::{connect, reach};

use part::{Lines, Part, on_own_thread};

use crate::backend::{self, Backend};
use crate::broker::Broker;
use crate::config::{Config, Problems};
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::log_keys as keys;
use crate::programs::Programs;
use crate::server::socket::{RunDir, Socket};
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
    let programs = start_programs(&config).await?;
    let shutdown = stop_signal().map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let mut sockets = run_dir.bind(&config).map_err(|error| Failure::new(Exit::Os, error.to_string()))?;
    let taken = tokio::select! {
        taken = take_lines(&config) => taken?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let mut taken = taken.into_iter();
    for socket in &sockets {
        tracing::info!({ keys::PATH } = %socket.path.display(), "listening");
    }
    let main = taken.next();
    let mut others = JoinSet::new();
    for lines in taken {
        let served = |socket: &mut Socket| lines.broker.serves(socket.scope);
        let own = Part { sockets: sockets.extract_if(.., served).collect(), lines, config: config.clone() };
        others.spawn(on_own_thread(own, shutdown.clone())?);
    }
    ready();
    let mut outcome = Ok(());
    if let Some(lines) = main {
        outcome = Part { lines, sockets, config }.serve(programs, shutdown.clone()).await;
        shutdown.cancel();
    }
    while let Some(ended) = others.join_next().await {
        outcome =
            outcome.and(ended.unwrap_or_else(|defect| Err(Failure::new(Exit::Software, defect.to_string()))));
    }
    tracing::info!("stopped");
    outcome
}

async fn start_programs(config: &Config) -> Result<Arc<Programs>, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Os, format!("the programs' thread: {error}"));
    Programs::start(config.limits.program_burst_ns()).await.map_err(failed)
}

/// Takes the lines of the board, and tells which thread each belongs to: first those of this one.
async fn take_lines(config: &Config) -> Result<Vec<Lines>, Failure> {
    let backend = connect(config)?;
    let board = backend.lines().map_err(|error| Failure::new(Exit::Unavailable, chain(&error)))?;
    // What the lines are now decides what they become. It is asked once, before a try that fails half-way has driven
    // some of them.
    let wiring = Wiring::bind(config, &board).map_err(|problems| config_failure(&problems))?;
    changes::watch(backend.as_ref(), &wiring);
    promises::say(&wiring);
    let backend: Arc<dyn Backend> = Arc::from(backend);
    let mut all = Vec::new();
    let mut tries = 0;
    for (thread, wiring) in wiring.by_thread() {
        loop {
            match Broker::new(Arc::clone(&backend), wiring.clone(), config.limits) {
                Ok((broker, sources)) => {
                    all.push(Lines { thread, broker, sources });
                    break;
                }
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
    Ok(all)
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
