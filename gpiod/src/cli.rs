//! The command line: one file for each command, each with its arguments and its `run`.

pub mod board;
pub mod check;
pub mod failure;
pub mod serve;

use clap::{Parser, Subcommand};
use failure::Failure;

/// GPIO lines by name, for programs that should not have the pins.
#[derive(Debug, Parser)]
#[command(name = "gpiod", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The daemon: owns the pins and serves them by name
    Serve(serve::Args),
    /// Tell whether a configuration is right, without starting anything
    Check(check::Args),
    /// A simulated Raspberry Pi: runs it, drives it from outside, shows what its pins did
    Board(board::Args),
}

/// Runs a command to its end.
///
/// # Errors
/// The command's [`Failure`], with the exit code that it deserves.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Board(args) => board::run(args),
    }
}
