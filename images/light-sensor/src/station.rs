//! The station: a sensor, and everywhere that its readings go: standard output, the file, the pages.

use crate::args::Options;
use crate::failure::Failure;
use crate::http;
use crate::journal::{self, Journal};
use crate::page::State;
use crate::reading::{DISCHARGE, Outcome, Reading};
use crate::sensor::{Event, Sensor};
use crate::{print, say};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long `--once` waits for a daemon that is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end may take. After it the daemon lets the line go, since this process is gone.
const FAREWELL: Duration = Duration::from_millis(500);

/// Takes readings until `ended`, or one, and lets the line go.
pub(crate) async fn run(options: &Options, ended: impl Future<Output = ()>) -> Result<(), Failure> {
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
        result = take(options, &mut sensor, &state) => result,
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
async fn take(
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
        let text = if options.json { reading.to_json() + "\n" } else { format!("{}\n", reading.outcome) };
        let other_readers = options.append.is_some() || options.listen.is_some();
        print(&text).map_err(|failure| failure.with_other_readers(other_readers))?;
        state.send_modify(|state| state.take(reading.clone()));
        if let Some(journal) = &mut journal {
            let attempt = record(journal.path().to_owned(), reading.to_json()).await;
            if options.once {
                attempt.map_err(|error| Failure::not_appended(journal.path(), &error))?;
            } else if let Some(news) = journal.note(attempt) {
                say(news);
            }
        }
        if options.once {
            return match reading.outcome {
                Outcome::Charged { .. } => Ok(()),
                Outcome::TimedOut { .. } => Err(Failure::timed_out()),
            };
        }
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
async fn record(path: PathBuf, line: String) -> io::Result<()> {
    let attempt = tokio::task::spawn_blocking(move || journal::append(&path, &line)).await;
    attempt.unwrap_or_else(|error| Err(error.into()))
}
