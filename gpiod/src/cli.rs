//! The command line: one file for each command, each with its arguments and its `run`.
//!
//! A command declares in `arguments` what it takes; by that `parse` reads the command line, `given` tells the command
//! what came, and `help` is written. `connect` is how the commands that speak to a daemon reach it; `failure` is how any
//! command fails; `output` is what they write with. The rest is named after its command.

mod arguments;
pub mod board;
pub mod check;
pub mod connect;
pub mod get;
mod given;
pub mod guard;
mod help;
pub mod lines;
pub mod output;
mod parse;
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
mod suggestion;
pub mod watch;
mod words;

use crate::failure::Failure;
use arguments::Declaration;
use parse::Parsed;
use std::ffi::OsString;

/// The program, as `--help` tells of it.
static ROOT: Declaration = Declaration {
    name: "gpiod",
    about: "GPIO lines by name, for programs that should not have the pins",
    commands: &[
        &serve::DECLARATION,
        &guard::DECLARATION,
        &check::DECLARATION,
        &board::DECLARATION,
        &lines::DECLARATION,
        &pinout::DECLARATION,
        &get::DECLARATION,
        &set::DECLARATION,
        &watch::DECLARATION,
        &sample::DECLARATION,
        &program::DECLARATION,
        &release::DECLARATION,
        &reload::DECLARATION,
        &probe::DECLARATION,
        &selftest::DECLARATION,
    ],
    more: "\
Examples:
  gpiod serve --config gpiod.toml     run the daemon
  gpiod lines                         what lines are there, and who holds them?
  gpiod pinout                        the same as a picture of the header
  gpiod get --group door button       one value
  gpiod get door/button               the same on the admin socket, as for root
  gpiod watch --group door button     edges as they come

`gpiod COMMAND --help` says more, with examples. Exit codes are those of sysexits.h: 64 wrong arguments, 65 not with \
these lines, 66 an unreadable file, 69 no daemon or board, 75 not now, 77 not allowed, 78 a wrong configuration.",
    ..Declaration::NONE
};

/// A command with its arguments.
#[derive(Debug)]
pub enum Command {
    /// `gpiod help`, `--help` and `--version`: this is told.
    Tell(String),
    /// `gpiod serve`.
    Serve(serve::Args),
    /// `gpiod guard`.
    Guard(guard::Args),
    /// `gpiod check`.
    Check(check::Args),
    /// `gpiod board`.
    Board(board::Args),
    /// `gpiod lines`.
    Lines(lines::Args),
    /// `gpiod pinout`.
    Pinout(pinout::Args),
    /// `gpiod get`.
    Get(get::Args),
    /// `gpiod set`.
    Set(set::Args),
    /// `gpiod watch`.
    Watch(watch::Args),
    /// `gpiod sample`.
    Sample(sample::Args),
    /// `gpiod program`.
    Program(program::Args),
    /// `gpiod release`.
    Release(release::Args),
    /// `gpiod reload`.
    Reload(reload::Args),
    /// `gpiod probe`.
    Probe(probe::Args),
    /// `gpiod selftest`.
    Selftest(selftest::Args),
}

/// Reads a command line; the first word is the program's own name. Nothing is done yet.
///
/// # Errors
/// [`Exit::Usage`](crate::failure::Exit::Usage): what is wrong with it, and what is meant instead.
pub fn parse(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Command, Failure> {
    let words = words.into_iter().skip(1).map(Into::into).collect();
    match parse::parse(&ROOT, words)? {
        Parsed::Told(text) => Ok(Command::Tell(text)),
        Parsed::Command { read, given } => read(&given),
    }
}

/// Runs a command to its end.
///
/// # Errors
/// The command's [`Failure`], with the exit code that it deserves.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Tell(text) => output::print(&text),
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
