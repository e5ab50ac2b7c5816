//! The command line: one file for each command, each with its arguments and its `run`.
//!
//! `connect` is how the commands that speak to a daemon reach it; `failure` is how any command fails; `output` is
//! what they write with. The rest is named after its command.

pub mod board;
pub mod check;
pub mod connect;
pub mod get;
pub mod guard;
pub mod lines;
pub mod output;
pub mod pinout;
pub mod probe;
pub mod program;
mod refusal;
pub mod release;
pub mod reload;
pub mod sample;
#[cfg(test)]
mod samples;
pub mod selftest;
pub mod serve;
pub mod set;
pub mod watch;
mod words;

use crate::failure::Failure;
use clap::{Parser, Subcommand};

/// GPIO lines by name, for programs that should not have the pins.
#[derive(Debug, Parser)]
#[command(
    name = "gpiod",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  gpiod serve --config gpiod.toml     run the daemon
  gpiod lines                         what lines are there, and who holds them?
  gpiod pinout                        the same as a picture of the header
  gpiod get --group door button       one value
  gpiod get door/button               the same on the admin socket, as for root
  gpiod watch --group door button     edges as they come

`gpiod COMMAND --help` says more, with examples. Exit codes are those of sysexits.h: 64 wrong arguments, 65 not with \
these lines, 66 an unreadable file, 69 no daemon or board, 75 not now, 77 not allowed, 78 a wrong configuration."
)]
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
    /// The guardian: makes outputs inputs when the daemon has gone and the kernel would keep them
    Guard(guard::Args),
    /// Tell whether a configuration is right, without starting anything
    Check(check::Args),
    /// A simulated Raspberry Pi: runs it, drives it from outside, shows what its pins did
    Board(board::Args),
    /// List lines: what they may do, what they do now, who holds them
    Lines(lines::Args),
    /// Draw the 40-pin header: which line is where, and what it does
    Pinout(pinout::Args),
    /// Read values
    Get(get::Args),
    /// Set values, once or for as long as they are held
    Set(set::Args),
    /// Print edges as they come
    Watch(watch::Args),
    /// Print values at a steady rate, as a logic analyser takes them
    Sample(sample::Args),
    /// Run a short timed program inside the daemon
    Program(program::Args),
    /// Let go of a group's lines, whoever holds them
    Release(release::Args),
    /// Make the daemon read its configuration anew
    Reload(reload::Args),
    /// Tell whether the daemon serves, as a container's probe
    Probe(probe::Args),
    /// Check a board with one wire between two of its lines
    Selftest(selftest::Args),
}

/// Runs a command to its end.
///
/// # Errors
/// The command's [`Failure`], with the exit code that it deserves.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Guard(args) => guard::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Board(args) => board::run(args),
        Command::Lines(args) => lines::run(&args),
        Command::Pinout(args) => pinout::run(&args),
        Command::Get(args) => get::run(&args),
        Command::Set(args) => set::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Program(args) => program::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Selftest(args) => selftest::run(&args),
    }
}
