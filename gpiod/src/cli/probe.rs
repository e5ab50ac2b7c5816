//! `gpiod probe`: does the daemon serve? For those who restart what does not.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::output::print;
use super::words;
use crate::failure::{Exit, Failure};
use std::time::Duration;

/// What it takes.
static TABLE: [Argument; 1] = [Argument::value("timeout", "TIME", "How long it may take, above 0").or("1s")];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "probe",
    about: "Tell whether the daemon serves, as a container's probe",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Probe)),
    more: "\
Asks the daemon for its health (grpc.health.v1.Health) and touches no line: it answers for as long as its reactor runs, \
even while a chip behind a slow bus does not. Made for a container's probes, where there is no shell and no other program. \
Exit codes: 0 it serves, 69 it can not be reached, is stopping or does not answer in time.

Examples:
  gpiod probe                               this machine's or container's daemon
  gpiod probe --group door --timeout 500ms  by the socket of a group
  command: [\"/gpiod\", \"probe\"]              as livenessProbe.exec of a container",
    ..Declaration::NONE
};

/// Arguments of `gpiod probe`.
#[derive(Debug)]
pub struct Args {
    timeout: Duration,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self { timeout: given.one("timeout", some_time)?, target: Target::read(given)? })
    }
}

fn some_time(word: &str) -> Result<Duration, String> {
    let time = words::time(word)?;
    if time.is_zero() { Err("above 0, please".to_owned()) } else { Ok(time) }
}

/// Runs the command.
///
/// # Errors
/// [`Exit::Unavailable`] for a daemon that does not serve.
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod probe", async |client| {
        let Ok(serves) = tokio::time::timeout(args.timeout, client.serves()).await else {
            let timeout = humantime::format_duration(args.timeout);
            return Err(Failure::new(
                Exit::Unavailable,
                format!("the daemon did not answer within {timeout}"),
            ));
        };
        match serves? {
            true => print("serving\n"),
            false => Err(Failure::new(Exit::Unavailable, "the daemon is stopping")),
        }
    })
}
