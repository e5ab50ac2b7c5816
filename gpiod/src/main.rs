//! `gpiod`: the daemon, the simulated board and the command line in one binary.

use clap::Parser;
use gpiod::cli::{self, Cli};
use gpiod::failure::Exit;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let failure = match Cli::try_parse() {
        Ok(cli) => match cli::run(cli.command) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(failure) => failure,
        },
        Err(told) => {
            // Help and version are what was asked for; the rest is a mistake. Nobody may be there to read it.
            let _ = told.print();
            return if told.use_stderr() { ExitCode::from(Exit::Usage as u8) } else { ExitCode::SUCCESS };
        }
    };
    if !failure.message.is_empty() {
        let _ = writeln!(io::stderr(), "gpiod: {failure}");
    }
    ExitCode::from(failure.exit)
}
