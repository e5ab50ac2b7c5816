//! The daemon, from its configuration to its stop.
//!
//! Start: take the run directory, start the programs' thread, make the sockets, reach the board, bind the configuration to
//! it, give the guardian its lines, take the lines, tell it so, say that it is ready. What can fail comes before what drives. Stop, on SIGTERM or SIGINT: end the clients' streams, leave the outputs as they are, go.

mod board;
mod changes;
mod config_file;
mod control;
mod group_sockets;
mod guardian;
mod left_driven;
mod lines;
mod part;
mod promises;

pub use board::{connect, reach};
pub use guardian::how_to;

use config_file::ConfigFile;
use control::{Control, Overseen};
use group_sockets::GroupSockets;
use part::{Part, on_own_thread};

use crate::backend::Backend;
use crate::config::{Config, Problems};
use crate::failure::{Exit, Failure};
use crate::health::Health;
use crate::kubelet::{self, Offer};
use crate::log_keys as keys;
use crate::metrics::{self, Address, Listener, Measured, Reloads};
use crate::notify;
use crate::pods::Pods;
use crate::programs::Programs;
use crate::reactor::task;
use crate::server::socket::{RunDir, Socket};
use crate::state_file::StateFile;
use crate::wiring::Thread;
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Orders that wait for the one before them.
const ORDERS: usize = 16;

/// Runs the daemon until it is told to stop. Metrics are served where they are asked for.
///
/// # Errors
/// What keeps it from starting, or the board's going away.
pub async fn run(config: Config, metrics: Option<Address>) -> Result<(), Failure> {
    run_on(connect, config, metrics).await
}

/// The same on whatever board is reached so: the benches have one within the process.
///
/// # Errors
/// As for [`run`].
pub async fn run_on(
    reach: impl FnOnce(&Config) -> Result<Box<dyn Backend>, Failure>,
    config: Config,
    metrics: Option<Address>,
) -> Result<(), Failure> {
    let run_dir = RunDir::take(&config.run_dir).map_err(|error| run_dir_failure(&config, &error))?;
    // Before anything is driven: what can fail here should leave the board as it was.
    let programs = start_programs(&config).await?;
    let shutdown = stop_signal().map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let hangup =
        signal(SignalKind::hangup()).map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let mut sockets = run_dir.bind(&config).map_err(|error| Failure::new(Exit::Os, error.to_string()))?;
    let metrics = metrics.map(|address| Listener::bind(&address, run_dir.path())).transpose();
    let metrics = metrics.map_err(|error| Failure::new(Exit::Os, error.to_string()))?;
    let (state_file, previous) = StateFile::open(run_dir.path());
    let (pods, health) = (Arc::<Pods>::default(), Arc::<Health>::default());
    let (backend, taken) = tokio::select! {
        taken = lines::take(reach, &config, &state_file, &previous, &health) => taken?,
        () = shutdown.cancelled() => return Ok(()),
    };
    pods.ask_kubelet(config.kubernetes.is_some());
    taken.iter().for_each(|lines| lines.broker.know(&pods, &health));
    lines::resume(backend.as_ref(), &taken, &previous, &config);
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
    let reloads = Arc::<Reloads>::default();
    if let Some(listener) = metrics {
        measure(listener, &overseen, Arc::clone(&reloads), state_file, shutdown.clone());
    }
    let (offer, offered) = watch::channel(Offer::of(&config));
    let brokers = overseen.iter().map(|part| Arc::clone(&part.broker)).collect();
    kubelet::begin(kubelet::Lines { brokers, health, pods }, offered);
    let sockets_of_groups = GroupSockets::made_for(&config);
    let file = ConfigFile::watch(&config);
    let (sockets_at_start, most_sockets) = (config.sockets(), config.sockets() + config.sockets_later());
    let control = Control {
        config,
        sockets_at_start,
        most_sockets,
        run_dir,
        backend,
        parts: overseen,
        sockets: sockets_of_groups,
        reloads,
        offer,
    };
    tokio::spawn(task(control.run(file, given, hangup)));
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

/// Begins to serve metrics. They go on while clients are waited for at the stop.
fn measure(
    listener: Listener,
    parts: &[Overseen],
    reloads: Arc<Reloads>,
    state_file: Arc<StateFile>,
    stopping: CancellationToken,
) {
    if listener.is_open() {
        tracing::warn!(
            { keys::ADDRESS } = %listener.address(),
            "metrics are told to whoever reaches this address, and nobody has to say who it is"
        );
    }
    tracing::info!({ keys::ADDRESS } = %listener.address(), "metrics");
    let parts = parts.iter().map(|part| metrics::Part::new(part.thread.name(), Arc::clone(&part.broker)));
    let measured = Measured::new(parts.collect(), reloads, state_file, stopping);
    tokio::spawn(task(async move {
        let Err(error) = metrics::serve(listener, Arc::new(measured)).await;
        tracing::error!({ keys::ERROR } = %error, "metrics can not be served");
    }));
}

async fn start_programs(config: &Config) -> Result<Arc<Programs>, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Os, format!("the programs' thread: {error}"));
    Programs::start(config.limits.program_burst_ns()).await.map_err(failed)
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
    tokio::spawn(task(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping");
        stop.cancel();
    }));
    Ok(token)
}
