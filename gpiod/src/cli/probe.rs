//! `gpiod probe`: does the daemon serve? For those who restart what does not.

use super::connect::{Target, with_client};
use super::output::print;
use super::words::time;
use crate::failure::{Exit, Failure};
use std::time::Duration;

/// Arguments of `gpiod probe`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks the daemon for its health (grpc.health.v1.Health) and touches no line: it answers for as long as its reactor runs, \
even while a chip behind a slow bus does not. Made for a container's probes, where there is no shell and no other program. \
Exit codes: 0 it serves, 69 it can not be reached, is stopping or does not answer in time.

Examples:
  gpiod probe                                         the daemon of this machine or container
  gpiod probe --group door --timeout 500ms            by the socket of a group
  command: [\"/gpiod\", \"probe\"]                        as livenessProbe.exec of a container")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// How long it may take, above 0
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = some_time)]
    timeout: Duration,
}

fn some_time(word: &str) -> Result<Duration, String> {
    time(word).and_then(|time| if time.is_zero() { Err("above 0, please".to_owned()) } else { Ok(time) })
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
