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

use args::{Invocation, Options};
use failure::Failure;
use journal::Journal;
use page::State;
use reading::{DISCHARGE, Outcome, Reading};
use sensor::{Event, Sensor};
use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long `--once` waits for a daemon that is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end may take. After it the daemon lets the line go, since this process is gone.
const FAREWELL: Duration = Duration::from_millis(500);

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
            say(&failure);
            ExitCode::from(failure.code)
        }
    }
}

/// Runs the sensor on a runtime of its own.
fn measure(options: &Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .map_err(|error| Failure::system("no runtime", &error))?;
    let result = runtime.block_on(until_ended(options));
    // Waits for no file system that hangs.
    runtime.shutdown_background();
    result
}

/// Measures until somebody ends it, and lets the line go.
async fn until_ended(options: &Options) -> Result<(), Failure> {
    // Before anything else: as process 1 of a container, a program without a handler never sees SIGTERM.
    let ended = ended()?;
    let (state, watched) = watch::channel(State::default());
    let listener = match options.listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let pages = async {
        match listener {
            Some(listener) => http::serve(listener, watched).await,
            None => std::future::pending().await,
        }
    };
    let mut sensor = None;
    let result = tokio::select! {
        result = run(options, &mut sensor, &state) => result,
        never = pages => match never {},
        () = ended => Ok(()),
    };
    if let Some(sensor) = sensor {
        match timeout(FAREWELL, sensor.end()).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => say(format_args!("ended, the line is gpiod's now: {failure}")),
            Err(_) => say("ended in the middle of a reading, gpiod lets the line go"),
        }
    }
    result
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::system(&format!("can not listen on {address}"), &error))
}

/// Takes readings and hands them on: one, or for ever.
async fn run(
    options: &Options,
    sensor: &mut Option<Sensor>,
    state: &watch::Sender<State>,
) -> Result<(), Failure> {
    let mut journal = options.append.clone().map(Journal::new);
    loop {
        let next = next_reading(options, sensor, state);
        let reading = if options.once {
            let limit = PATIENCE + DISCHARGE + options.timeout;
            timeout(limit, next).await.map_err(|_| Failure::away(limit))??
        } else {
            next.await?
        };
        print(&if options.json { reading.to_json() + "\n" } else { format!("{}\n", reading.outcome) })?;
        if let Some(journal) = &mut journal {
            record(journal, reading.to_json()).await;
        }
        if options.once {
            return match reading.outcome {
                Outcome::Charged { .. } => Ok(()),
                Outcome::TimedOut { .. } => Err(Failure::timed_out()),
            };
        }
        state.send_modify(|state| state.take(reading));
    }
}

/// The next reading; holds the line first, where it is not held yet.
async fn next_reading(
    options: &Options,
    sensor: &mut Option<Sensor>,
    state: &watch::Sender<State>,
) -> Result<Reading, Failure> {
    let sensor = match sensor {
        Some(sensor) => sensor,
        None => {
            let opened = Sensor::open(&options.target, options.interval, options.timeout).await?;
            state.send_modify(|state| state.connected = true);
            sensor.insert(opened)
        }
    };
    loop {
        match sensor.next().await? {
            Event::Reading(reading) => return Ok(reading),
            Event::Connected(connected) => state.send_modify(|state| state.connected = connected),
        }
    }
}

/// Appends a line to the journal, on a thread of its own since a file system may block.
async fn record(journal: &mut Journal, line: String) {
    let path = journal.path().to_owned();
    let attempt = tokio::task::spawn_blocking(move || journal::append(&path, &line)).await;
    if let Some(news) = journal.note(attempt.unwrap_or_else(|error| Err(error.into()))) {
        say(news);
    }
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
    let _ = writeln!(io::stderr(), "light-sensor: {what}");
}

/// Text on standard output, which is for readings and for what was asked for.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}
