//! `gpiod board`: runs the simulated board, or works one that runs.

mod show;

use crate::board::Line;
use crate::board::circuit::Circuit;
use crate::board::client::{Client, Error};
use crate::board::model::{Fault, Kernel};
use crate::board::process::{self, DirectoryError, Options};
use crate::failure::{Exit, Failure};
use clap::builder::PossibleValue;
use clap::{Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `gpiod board`.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands for a board that runs",
    after_help = "\
Without a command it is the board, until SIGTERM or Ctrl-C. A daemon is on it with [backend] kind = \"sim\" and board = DIR.

Examples:
  gpiod board --dir /tmp/board --circuit circuit.toml    the board; the others in another terminal
  gpiod board --dir /tmp/board state                     every line and every component
  gpiod board --dir /tmp/board press crossing --for 200  press a button for 200 ms
  gpiod board --dir /tmp/board light window 5            put a light sensor into 5 lux
  gpiod board --dir /tmp/board fault stuck-low GPIO17    short a line to ground
  gpiod board --dir /tmp/board record --follow           every change of every line, as it happens"
)]
pub struct Args {
    /// Where the board's sockets are
    #[arg(long, value_name = "DIR", default_value = "/run/gpiod-board", global = true)]
    dir: PathBuf,
    /// What is wired to the board: a circuit file (TOML). Without it, nothing is
    #[arg(long, value_name = "FILE")]
    circuit: Option<PathBuf>,
    /// Whose manners it has where GPIO drivers differ: in what a line does that nobody drives any more
    /// [default: raspberry-pi]
    #[arg(long, value_name = "KERNEL")]
    kernel: Option<Kernel>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What can be done to a board that runs.
#[derive(Debug, Subcommand)]
enum Command {
    /// Shows every line and every component
    State {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows what every line did: one change on a line
    Record {
        /// Goes on as the record grows
        #[arg(long)]
        follow: bool,
        /// Only what came after this entry
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        since: u64,
        /// As JSON, one entry on a line
        #[arg(long)]
        json: bool,
    },
    /// Presses a button
    Press {
        /// The button
        name: String,
        /// For so many ms; else until it is released
        #[arg(long = "for", value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
        during: Option<u64>,
    },
    /// Lets a button go
    Release {
        /// The button
        name: String,
    },
    /// Puts a light sensor into so much light, or back into the light of its circuit
    Light {
        /// The light sensor
        name: String,
        /// Lux, from 0.001 to 200000, or `curve` for the light that its circuit gives it by now
        #[arg(value_name = "LUX|curve", value_parser = light, allow_negative_numbers = true)]
        light: Lux,
    },
    /// Switches a pulse source
    Pulse {
        /// The pulse source
        name: String,
        /// On or off
        switch: Switch,
    },
    /// Breaks something, or mends it
    #[command(subcommand)]
    Fault(FaultCommand),
}

#[derive(Debug, Subcommand)]
enum FaultCommand {
    /// Shorts a line to the supply
    StuckHigh {
        /// Such as GPIO17
        line: Line,
    },
    /// Shorts a line to ground
    StuckLow {
        /// Such as GPIO17
        line: Line,
    },
    /// Pulls a component loose
    Disconnect {
        /// The component
        name: String,
    },
    /// Hides the next edges of a line from its holder, as a chip does that was too slow for them
    Swallow {
        /// Such as GPIO17
        line: Line,
        /// How many
        #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        edges: u32,
    },
    /// Takes a line away from programs, as a driver in the kernel does
    Take {
        /// Such as GPIO17
        line: Line,
        /// Who takes it
        #[arg(long, value_name = "NAME")]
        consumer: String,
    },
    /// Mends all faults, or those of one line or component
    Clear {
        /// A line such as GPIO17, or a component
        target: Option<String>,
    },
}

impl ValueEnum for Kernel {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::RaspberryPi => "Raspberry Pi's: an output whose claim ends stays as it is",
            Self::Upstream => "upstream's: an output whose claim ends becomes an input",
            Self::GpioSim => "the kernel's GPIO simulator: a line whose claim ends falls to its pull",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Light by hand; `None` is the circuit's.
#[derive(Clone, Copy, Debug)]
struct Lux(Option<f64>);

fn light(text: &str) -> Result<Lux, String> {
    if text == "curve" {
        return Ok(Lux(None));
    }
    // What is a number and none of ours, such as nan, is refused with the range that there is.
    text.parse().map(|lux| Lux(Some(lux))).map_err(|_| "is neither a number of lux nor \"curve\"".to_owned())
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
    if args.circuit.is_some() || args.kernel.is_some() {
        let reason = "--circuit and --kernel are for starting a board, not for one that runs";
        return Err(Failure::new(Exit::Usage, reason));
    }
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
        Command::Pulse { name, switch } => client.pulse(&name, matches!(switch, Switch::On)).await?,
        Command::Fault(fault) => {
            let fault = match fault {
                FaultCommand::StuckHigh { line } => Fault::StuckHigh(line),
                FaultCommand::StuckLow { line } => Fault::StuckLow(line),
                FaultCommand::Disconnect { name } => Fault::Disconnect(name),
                FaultCommand::Swallow { line, edges } => Fault::Swallow { line, edges },
                FaultCommand::Take { line, consumer } => Fault::Take { line, consumer },
                FaultCommand::Clear { target } => {
                    client.clear(target.as_deref()).await?;
                    return Ok(());
                }
            };
            client.fault(fault).await?
        }
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
