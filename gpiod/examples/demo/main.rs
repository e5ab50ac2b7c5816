//! The demonstration: a simulated board, the daemon and the two apps as separate processes over their sockets, drawn
//! live on a terminal and told in plain lines elsewhere.
//!
//! In the end it judges what it saw by the board's own record: were the lights in order and on time, and did the
//! light sensor measure what physics says? `stage` starts and stops the processes, each a `process`; `lights` and
//! `readings` follow and judge the two apps; `screen` is what people see; `show` brings them together.
//!
//! `DEMO_SECONDS=20` ends it by itself. Exit codes: 0 all was well, 1 something was not, 64 a wrong DEMO_SECONDS.

mod lights;
mod process;
mod readings;
mod screen;
mod show;
mod stage;

use stage::Stage;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Says when the demo is to end by itself.
const VARIABLE: &str = "DEMO_SECONDS";
/// The exit code for wrong arguments in sysexits.h.
const USAGE: u8 = 64;

/// Why the demo did not go well, for people.
type Failure = String;

fn main() -> ExitCode {
    let length = match length() {
        Ok(length) => length,
        Err(message) => {
            say(&message);
            return ExitCode::from(USAGE);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(|error| format!("the runtime: {error}")).and_then(|runtime| {
        let result = runtime.block_on(run(length));
        // Readers of a child's output end with the child; none is worth waiting for.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&message);
            ExitCode::FAILURE
        }
    }
}

/// For how long the demo is to run; `None` until somebody ends it.
fn length() -> Result<Option<Duration>, Failure> {
    let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.parse::<f64>().ok()).filter(|seconds| *seconds > 0.0);
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(length) => Ok(Some(length)),
        None => Err(format!("{VARIABLE} is a number of seconds above 0, not {value:?}")),
    }
}

/// Starts everything, shows it, and stops everything, however the show ends.
async fn run(length: Option<Duration>) -> Result<(), Failure> {
    // Before anything is started, so that there is no moment in which Ctrl-C would leave something behind.
    let stopped = stopped()?;
    let mut stage = Stage::new()?;
    let shown = show::show(&mut stage, length, stopped).await;
    let cleared = stage.clear().await;
    let verdict = shown?;
    cleared?;
    // Nobody may be there to read it; the exit code says the same.
    let _ = io::stdout().write_all(verdict.text.as_bytes());
    match verdict.faults.as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("; ")),
    }
}

/// Done when somebody ends the demo: Ctrl-C, a closed terminal, SIGTERM.
fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    let handler = |kind| signal(kind).map_err(|error| format!("no signal handler: {error}"));
    let (mut interrupt, mut hangup, mut terminate) = (
        handler(SignalKind::interrupt())?,
        handler(SignalKind::hangup())?,
        handler(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn say(message: &str) {
    let _ = writeln!(io::stderr(), "demo: {message}");
}
