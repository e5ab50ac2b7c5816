//! `gpiod`: the daemon, the simulated board and the command line in one binary.

use gpiod::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(failure) = cli::parse(std::env::args_os()).and_then(cli::run) else { return ExitCode::SUCCESS };
    cli::output::complain(&failure);
    ExitCode::from(failure.exit)
}
