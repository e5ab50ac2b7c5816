//! `gpiod`: the daemon, the simulated board and the command line in one binary.

use clap::Parser;
use gpiod::cli::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gpiod: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}
