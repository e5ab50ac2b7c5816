//! `light-sensor`: measures light with a photoresistor on the line `light` of a gpiod socket.
//!
//! It knows no pin and counts no loops: the daemon runs the timed program and stamps the edge, so neither the
//! transport nor a busy node is in the result.

mod args;
mod failure;
mod http;
mod journal;
mod page;
mod reading;
mod sensor;
mod station;

use args::{Invocation, Options};
use failure::Failure;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let result = match args::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Help) => print(args::HELP),
        Ok(Invocation::Version) => print(concat!("light-sensor ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Invocation::Run(options)) => measure(&options),
        Err(message) => Err(Failure::usage(message)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Whoever read the output has gone: an end, and no mistake.
            if failure.code != 0 {
                say(&failure);
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Runs the sensor on a runtime of its own.
fn measure(options: &Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("no runtime", &error))?;
    runtime.block_on(async { station::run(options, ended()?).await })
}

/// Done when SIGTERM or SIGINT comes. As process 1 of a container, a program without a handler never sees SIGTERM.
fn ended() -> Result<impl Future<Output = ()>, Failure> {
    let handler = |kind| signal(kind).map_err(|error| Failure::system("no signal handler", &error));
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// One line in the log, which is standard error: the container's runtime adds the time.
fn say(what: impl Display) {
    // A log that nobody can read is no reason to end.
    let _ = writeln!(io::stderr(), "light-sensor: {what}");
}

/// Text on standard output, which is for readings and for what was asked for.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}
