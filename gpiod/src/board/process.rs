//! The board as a process: the model, the clock, the two sockets, on one thread.

mod connection;
mod control;
mod directory;
mod lines;
mod shared;
mod timer;

pub use directory::{CONTROL_SOCKET, DirectoryError, LINES_SOCKET};

use super::circuit::Circuit;
use super::model::{Board, Kernel};
use crate::clock::now_ns;
use directory::Directory;
use sd_notify::NotifyState;
use shared::Shared;
use std::io::{self, Write};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// How the board is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its sockets are; created if it is missing, and then only for this user.
    pub dir: PathBuf,
    /// What is wired to it.
    pub circuit: Circuit,
    /// The kernel whose manners it has.
    pub kernel: Kernel,
}

/// Why the board does not run, or runs no longer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The system refused a timer, a signal or the runtime.
    #[error("the system refused: {0}")]
    Os(#[from] io::Error),
}

/// Runs the board until SIGTERM or SIGINT; its sockets are gone when this returns.
///
/// # Errors
/// [`Error`].
pub fn run(options: Options) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(options))
}

async fn serve(options: Options) -> Result<(), Error> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let directory = Directory::take(&options.dir)?;
    let (lines, control) = (directory.bind(LINES_SOCKET)?, directory.bind(CONTROL_SOCKET)?);
    let shared = Shared::new(Board::power_on(now_ns(), options.circuit, options.kernel));
    // Nobody may be there to read it; that is no reason not to run.
    let _ = writeln!(
        io::stderr(),
        "gpiod: simulated board at {} ({LINES_SOCKET}, {CONTROL_SOCKET})",
        options.dir.display()
    );
    sd_notify::notify(&[NotifyState::Ready])?;
    tokio::select! {
        result = timer::run(&shared) => result?,
        () = connection::accept(lines, |framed| lines::serve(shared.clone(), framed)) => {}
        () = connection::accept(control, |framed| control::serve(shared.clone(), framed)) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
