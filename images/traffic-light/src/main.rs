//! `traffic-light`: three lamps on the lines `red`, `yellow` and `green` of a gpiod socket.
//!
//! It knows no pin: the wiring is the daemon's configuration. The lights go off when it ends, by its own hand on
//! SIGTERM and SIGINT, and by the daemon's on anything else.

mod args;
mod failure;
mod light;
mod phase;

use args::Invocation;
use failure::Failure;
use light::Light;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let result = match args::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Help) => print(args::HELP),
        Ok(Invocation::Version) => print(concat!("traffic-light ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Invocation::Run { speed, target }) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::system("no runtime", &error))
            .and_then(|runtime| runtime.block_on(run(speed, &target))),
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

/// Runs the light until somebody ends it.
async fn run(speed: phase::Speed, target: &args::Target) -> Result<(), Failure> {
    // Before anything else: as process 1 of a container, a program without a handler never sees SIGTERM.
    let ended = ended()?;
    tokio::pin!(ended);
    let light = tokio::select! {
        light = Light::open(target, speed) => light?,
        () = &mut ended => return Ok(()),
    };
    tokio::select! {
        failure = light.run() => return Err(failure),
        () = ended => {}
    }
    light.end().await;
    Ok(())
}

/// Done when SIGTERM or SIGINT comes.
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
    let _ = writeln!(io::stderr(), "traffic-light: {what}");
}

/// The text that was asked for, on standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}
