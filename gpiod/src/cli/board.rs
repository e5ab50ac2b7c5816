//! `gpiod board`: runs the simulated board, or works one that runs.

mod arguments;
mod show;

pub(super) use arguments::DECLARATION;

use crate::board::circuit::Circuit;
use crate::board::client::{Client, Error};
use crate::board::model::{Fault, Kernel};
use crate::board::process::{self, DirectoryError, Options};
use crate::failure::{Exit, Failure};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `gpiod board`.
#[derive(Debug)]
pub struct Args {
    dir: PathBuf,
    circuit: Option<PathBuf>,
    kernel: Option<Kernel>,
    /// Without one it is the board.
    command: Option<Command>,
}

/// What can be done to a board that runs.
#[derive(Debug)]
enum Command {
    State {
        json: bool,
    },
    Record {
        follow: bool,
        since: u64,
        json: bool,
    },
    /// For so many ms; else until it is released.
    Press {
        name: String,
        during: Option<u64>,
    },
    Release {
        name: String,
    },
    Light {
        name: String,
        light: Lux,
    },
    Pulse {
        name: String,
        on: bool,
    },
    Fault(Fault),
    /// Mends all faults, or those of one line or component.
    Clear {
        target: Option<String>,
    },
}

/// Light by hand; `None` is the circuit's.
#[derive(Clone, Copy, Debug)]
struct Lux(Option<f64>);

fn light(text: &str) -> Result<Lux, String> {
    if text == "curve" {
        return Ok(Lux(None));
    }
    // What is a number and none of ours, such as nan, is refused with the range that there is.
    text.parse().map(|lux| Lux(Some(lux))).map_err(|_| "neither a number of lux nor \"curve\"".to_owned())
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with the exit code it deserves.
pub fn run(args: Args) -> Result<(), Failure> {
    let Some(command) = args.command else {
        let circuit = args.circuit.as_deref().map(read_circuit).transpose()?.unwrap_or_default();
        let options = Options { dir: args.dir, circuit, kernel: args.kernel.unwrap_or_default() };
        return process::run(options).map_err(|error| {
            let taken = matches!(error, process::Error::Directory(DirectoryError::Taken(_)));
            Failure::new(if taken { Exit::TempFail } else { Exit::Os }, error.to_string())
        });
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Os, error.to_string()))?;
    runtime.block_on(control(&args.dir, command))
}

fn read_circuit(file: &Path) -> Result<Circuit, Failure> {
    let text = crate::config::read(file)
        .map_err(|error| Failure::new(Exit::NoInput, format!("can not read {}: {error}", file.display())))?;
    Circuit::parse(file, &text).map_err(|mistakes| Failure::new(Exit::Config, mistakes.to_string()))
}

async fn control(dir: &Path, command: Command) -> Result<(), Failure> {
    let mut client = Client::connect(dir).await?;
    match command {
        Command::State { json } => return show::state(&client.state().await?, json),
        Command::Record { follow: false, since, json } => {
            return show::page(&client.record(since).await?, json);
        }
        Command::Record { follow: true, since, json } => return show::follow(&client, since, json).await,
        Command::Press { name, during } => client.press(&name, during.map(Duration::from_millis)).await?,
        Command::Release { name } => client.release(&name).await?,
        Command::Light { name, light } => client.light(&name, light.0).await?,
        Command::Pulse { name, on } => client.pulse(&name, on).await?,
        Command::Fault(fault) => client.fault(fault).await?,
        Command::Clear { target } => client.clear(target.as_deref()).await?,
    };
    Ok(())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Unreachable { .. } | Error::Lost(_) => Exit::Unavailable,
            Error::Refused(crate::board::model::ControlError::Busy { .. }) => Exit::TempFail,
            Error::Refused(_) => Exit::Data,
        };
        Self::new(exit, error.to_string())
    }
}
