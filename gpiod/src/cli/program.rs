//! `gpiod program`: runs a short timed program inside the daemon.

mod grammar;
mod report;

use super::Command;
use super::arguments::{Argument, Declaration, Needed};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::output::print;
use super::words;
use crate::failure::{Exit, Failure};
use gpiod_sdk::{Client, LineUse};
use grammar::{LineArgument, Step};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes of a file that are read as a program.
const LONGEST_FILE: u64 = 1024 * 1024;

/// What it takes.
static TABLE: [Argument; 4] = [
    Argument::words(
        "NAME[:DIRECTION]",
        "The lines to hold, 1 to 64, each with what it is held as: output, input or both. Default: the lines that the \
         steps name, as they are configured",
    )
    .needed(Needed::No),
    Argument::behind("STEP", "The steps, as words").needed(Needed::Unless("file")).not_with("file"),
    Argument::value("file", "FILE", "Read the steps from this file; - is standard input"),
    Argument::switch("json", "Print JSON"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "program",
    about: "Run a short timed program inside the daemon",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Program)),
    more: "\
The lines are held while the program runs, so they must be free. It runs inside the daemon: neither this process nor \
the socket is in its times.

Steps, with commas between them, or each on a line of its own in a file, where # begins a comment:
  set NAME=VALUE...                set outputs, all at once
  drive NAME=VALUE...              make `both` lines outputs with these values
  listen NAME...                   make `both` lines inputs
  wait TIME                        let time pass
  edge NAME... [EDGE] TIME         wait for an edge, at most this long: rising,
                                   falling or both
  capture N NAME... [EDGE] TIME    gather N edges, at most this long

On the admin socket, which root speaks to unless another is named, a line is called GROUP/NAME.

Examples:
  gpiod program --group light-sensor -- \\
      drive light=0, wait 100ms, listen light, edge light rising 2s
  gpiod program --group ranger trigger:output echo:input -- \\
      set trigger=1, wait 10us, set trigger=0, capture 2 echo 50ms
  gpiod program --group light-sensor --file reading.txt --json

Exit code 1: a time-out passed; what the program did until then is printed.",
    ..Declaration::NONE
};

/// Arguments of `gpiod program`.
#[derive(Debug)]
pub struct Args {
    lines: Vec<LineArgument>,
    steps: Vec<String>,
    file: Option<PathBuf>,
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            lines: given.each("NAME[:DIRECTION]", grammar::line)?,
            steps: given.each("STEP", words::text)?,
            file: given.maybe_path("file")?,
            json: given.switch("json"),
            target: Target::read(given)?,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// Exit code 64 or, in a file, 65 for what is no program; 1 for a time-out; what the daemon refuses, see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    let (text, wrong) = match &args.file {
        Some(path) => (read(path)?, Exit::Data),
        None => (args.steps.join(" "), Exit::Usage),
    };
    let steps = grammar::steps(&text).map_err(|message| Failure::new(wrong, message))?;
    let lines: Vec<LineUse> = match args.lines.as_slice() {
        [] => grammar::names(&steps).into_iter().map(LineUse::from).collect(),
        lines => lines.iter().map(LineUse::from).collect(),
    };
    if lines.is_empty() {
        let message = "the steps name no line, so name the lines to hold: gpiod program NAME... -- STEP";
        return Err(Failure::new(wrong, message));
    }
    with_client(&args.target, "gpiod program", async |client| {
        refuse_too_long(&client, &steps).await?;
        let result = client.run_program(lines, &grammar::program(&steps)).await?;
        print(&if args.json { report::json(&steps, &result)? } else { report::text(&steps, &result) })?;
        if result.lost_edges > 0 {
            eprintln!("gpiod: {} edges were lost meanwhile, the result may be wrong", result.lost_edges);
        }
        match result.timed_out() {
            None => Ok(()),
            Some(step) => Err(Failure::new(Exit::Failed, format!("step {step} timed out"))),
        }
    })
}

/// A program that is much too long would be refused as a message, without a word about steps.
async fn refuse_too_long(client: &Client, steps: &[Step]) -> Result<(), Failure> {
    let max = client.lines().await?.backend.max_program_steps;
    if steps.len() > max as usize {
        let message = format!("a program of {} steps: this daemon takes at most {max}", steps.len());
        return Err(Failure::new(Exit::Data, message));
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    let fail =
        |error: io::Error| Failure::new(Exit::NoInput, format!("can not read {}: {error}", path.display()));
    let source: Box<dyn Read> = match path.as_os_str().to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(path).map_err(fail)?),
    };
    let mut text = String::new();
    let read = source.take(LONGEST_FILE + 1).read_to_string(&mut text).map_err(fail)?;
    if read as u64 > LONGEST_FILE {
        return Err(Failure::new(Exit::Data, format!("{} is longer than any program", path.display())));
    }
    Ok(text)
}
