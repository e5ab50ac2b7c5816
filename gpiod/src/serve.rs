//! The daemon, from its configuration to its stop.
//!
//! Start: take the run directory, start the programs' thread, make the sockets, reach the board, bind the configuration to
//! it, give the guardian its lines, take the lines, tell it so, say that it is ready. What can fail comes before what drives. Stop, on SIGTERM or SIGINT: end the clients' streams, leave the outputs as they are, go.

mod board;
mod changes;
mod config_file;
mod control;
mod guardian;
mod part;
mod promises;

pub use board::{connect, reach};
pub use guardian::how_to;

use control::{Control, Overseen};
use part::{Lines, Part, on_own_thread};

use crate::backend::{self, Backend};
use crate::broker::Broker;
use crate::clock;
use crate::config::{Config, Problems};
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::log_keys as keys;
use crate::notify;
use crate::programs::Programs;
use crate::server::socket::{RunDir, Socket};
use crate::state_file::{Previous, StateFile};
use crate::wiring::{Thread, Wiring};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often, and how many times, a starting daemon asks for lines that somebody else still holds: a predecessor that
/// was killed a moment ago may not be quite gone.
const BUSY_RETRY: (Duration, u32) = (Duration::from_millis(50), 20);

/// Orders that wait for the one before them.
const ORDERS: usize = 16;

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// What keeps it from starting, or the board's going away.
pub async fn run(config: Config) -> Result<(), Failure> {
    let run_dir = RunDir::take(&config.run_dir).map_err(|error| run_dir_failure(&config, &error))?;
    // Before anything is driven: what can fail here should leave the board as it was.
    let programs = start_programs(&config).await?;
    let shutdown = stop_signal().map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let hangup =
        signal(SignalKind::hangup()).map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let mut sockets = run_dir.bind(&config).map_err(|error| Failure::new(Exit::Os, error.to_string()))?;
    let (state_file, previous) = StateFile::open(run_dir.path());
    let (backend, taken) = tokio::select! {
        taken = take_lines(&config, &state_file, &previous) => taken?,
        () = shutdown.cancelled() => return Ok(()),
    };
    resume(&taken, &previous, &config);
    for socket in &sockets {
        tracing::info!({ keys::PATH } = %socket.path.display(), "listening");
    }
    let (orders, given) = mpsc::channel(ORDERS);
    let mut overseen = Vec::new();
    let mut parts = taken.into_iter().map(|lines| {
        let (rewire, rewired) = mpsc::channel(1);
        let (changes, socket_changes) = mpsc::channel(ORDERS);
        let (thread, broker) = (lines.thread.clone(), Arc::clone(&lines.broker));
        // The first is served by this thread, with all sockets that no other has.
        let own = |socket: &mut Socket| thread != Thread::Main && broker.serves(socket.scope);
        let sockets = sockets.extract_if(.., own).collect();
        overseen.push(Overseen {
            thread: thread.clone(),
            broker: Arc::clone(&broker),
            rewire,
            sockets: changes,
        });
        Part {
            lines,
            sockets,
            config: config.clone(),
            orders: orders.clone(),
            rewire: rewired,
            socket_changes,
        }
    });
    let main = parts.next();
    let mut others = JoinSet::new();
    for part in parts {
        others.spawn(on_own_thread(part, shutdown.clone())?);
    }
    tokio::spawn(Control { config, run_dir, backend, parts: overseen }.run(given, hangup));
    notify::keep_alive();
    notify::ready();
    let mut outcome = Ok(());
    if let Some(main) = main {
        outcome = Part { sockets, ..main }.serve(programs, shutdown.clone()).await;
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
async fn take_lines(
    config: &Config,
    state_file: &Arc<StateFile>,
    previous: &Previous,
) -> Result<(Arc<dyn Backend>, Vec<Lines>), Failure> {
    let backend = connect(config)?;
    let bind = || {
        let board = backend.lines().map_err(|error| Failure::new(Exit::Unavailable, chain(&error)))?;
        Wiring::bind(config, &board).map_err(|problems| config_failure(&problems))
    };
    // What the lines are now decides what they become. It is asked once, before a try that fails half-way has driven
    // some of them; and anew after a guardian stood down, which may have switched some until then.
    let mut wiring = bind()?;
    let link = guardian::give(config, &wiring).await?;
    if let Some(link) = &link {
        wiring = bind()?;
        guardian::there(link, &wiring);
    }
    changes::watch(backend.as_ref(), &wiring);
    promises::say(&wiring);
    let backend: Arc<dyn Backend> = Arc::from(backend);
    let mut all = Vec::new();
    let mut tries = 0;
    for (thread, own) in wiring.by_thread() {
        let section = state_file.section();
        loop {
            match Broker::new(
                Arc::clone(&backend),
                own.clone(),
                config.limits,
                section.clone(),
                previous.lives(),
            ) {
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
    if let Some(link) = link {
        guardian::keep(link, config, &wiring).await;
    }
    Ok((backend, all))
}

/// Waits for those who held lines when the last daemon ended.
fn resume(taken: &[Lines], previous: &Previous, config: &Config) {
    let within_ns = u64::try_from(config.resume_within.as_nanos()).unwrap_or(u64::MAX);
    let Previous::Known(saved) = previous else {
        return taken.iter().for_each(|lines| lines.broker.save());
    };
    let served = |group: &str| config.groups.iter().any(|known| known.name == group);
    for session in &saved.sessions {
        if let Some(group) = session.group.as_deref().filter(|group| !served(group)) {
            tracing::warn!(
                { keys::GROUP } = group,
                { keys::CLIENT } = session.name,
                "the last daemon held lines of this group, which is not configured any more: they are left as they are"
            );
        }
    }
    for lines in taken {
        // The administrator's sessions are served by the first thread, whose lines alone they can have.
        let mut own = saved.clone();
        own.sessions.retain(|session| session.group.is_some() || lines.thread == Thread::Main);
        lines.broker.restore(&own, clock::now_ns().saturating_add(within_ns));
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
