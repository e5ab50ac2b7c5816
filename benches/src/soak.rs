//! The daemon and its clients are killed, restarted and flooded for minutes: is nobody left holding, and is nothing lost
//! without a word? What a pin did is judged by the simulated board's own record, never by the daemon.

pub(crate) mod arguments;
mod dice;
mod guard;
mod hostile;
mod kill;
pub(crate) mod part;
mod restart;
mod table;
mod world;

use crate::Fallible;
use arguments::{Arguments, Scene};
use std::sync::atomic::{AtomicBool, Ordering};
use table::Table;
use tokio::signal::unix::{SignalKind, signal};

/// Whether this process was told to end.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Runs the scenes, and prints one table.
///
/// An error after the table says how many promises were broken.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table = Table::new(wanted.untimed);
    for scene in wanted.scenes() {
        let rows = &mut table;
        // Whatever ends a scene, its processes end with it.
        let ran = runtime.block_on(async {
            tokio::select! {
                ran = play(scene, wanted, rows) => ran,
                told = stopped() => Err(told.err().unwrap_or_else(|| "stopped by a signal".into())),
            }
        });
        if let Err(error) = ran {
            table.failed(scene.name(), &error.to_string());
        }
        if STOPPED.load(Ordering::Relaxed) {
            break;
        }
    }
    print!("{}", table.markdown());
    match table.broken() {
        0 => Ok(()),
        broken => Err(format!("{broken} promises were broken").into()),
    }
}

async fn play(scene: Scene, wanted: &Arguments, rows: &mut Table) -> Fallible<()> {
    match scene {
        Scene::Kill => kill::run(wanted, rows).await,
        Scene::Restart => restart::run(wanted, rows).await,
        Scene::Guard => guard::run(wanted, rows).await,
        Scene::Hostile => hostile::run(wanted, rows).await,
    }
}

/// Done when this process is told to end.
async fn stopped() -> Fallible<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    STOPPED.store(true, Ordering::Relaxed);
    Ok(())
}
