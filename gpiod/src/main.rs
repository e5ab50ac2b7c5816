//! `gpiod`: the daemon, the simulated board and the command line in one binary.

use gpiod::cli;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(failure) = cli::parse(std::env::args_os()).and_then(cli::run) else { return ExitCode::SUCCESS };
    if !failure.message.is_empty() {
        // Nobody may be there to read it.
        let _ = writeln!(io::stderr(), "gpiod: {failure}");
    }
    ExitCode::from(failure.exit)
}
