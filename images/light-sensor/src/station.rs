//! The station: a sensor, and everywhere that its readings go: standard output, the file, the pages.

use crate::args::Options;
use crate::failure::Failure;
use crate::http::{self, Shown};
use crate::journal::{self, Journal};
use crate::reading::{DISCHARGE, Outcome, Reading};
use crate::sensor::{Event, Sensor};
use crate::{print, say};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long `--once` waits for a daemon that is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end may take. After it the daemon lets the line go, since this process is gone.
const FAREWELL: Duration = Duration::from_millis(500);

/// Takes readings until `ended`, or one, and lets the line go.
pub(crate) async fn run(options: &Options, ended: impl Future<Output = ()>) -> Result<(), Failure> {
    let shown = Arc::new(Shown::default());
    let listener = match options.listen {
        Some(address) => Some(
            http::listen(address)
                .map_err(|error| Failure::system(&format!("can not listen on {address}"), &error))?,
        ),
        None => None,
    };
    let pages = async {
        match listener {
            Some(listener) => http::serve(listener, Arc::clone(&shown)).await,
            None => std::future::pending().await,
        }
    };
    let mut sensor = None;
    let result = tokio::select! {
        result = take(options, &mut sensor, &shown) => result,
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

/// Takes readings and hands them on: one, or for ever.
async fn take(options: &Options, sensor: &mut Option<Sensor>, shown: &Shown) -> Result<(), Failure> {
    let mut journal = options.append.clone().map(Journal::new);
    loop {
        let next = next_reading(options, sensor, shown);
        let reading = if options.once {
            let limit = PATIENCE + DISCHARGE + options.timeout;
            timeout(limit, next).await.map_err(|_| Failure::away(limit))??
        } else {
            next.await?
        };
        let text = if options.json { reading.to_json() + "\n" } else { format!("{}\n", reading.outcome) };
        let other_readers = options.append.is_some() || options.listen.is_some();
        print(&text).map_err(|failure| failure.with_other_readers(other_readers))?;
        shown.state().take(reading.clone());
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
    shown: &Shown,
) -> Result<Reading, Failure> {
    let sensor = match sensor {
        Some(sensor) => sensor,
        None => {
            let opened = Sensor::open(&options.target, options.interval, options.timeout).await?;
            shown.state().connected = true;
            sensor.insert(opened)
        }
    };
    loop {
        match sensor.next().await? {
            Event::Reading(reading) => return Ok(reading),
            Event::Connected(connected) => shown.state().connected = connected,
        }
    }
}

/// Appends a line to the journal, on a thread of its own since a file system may block.
async fn record(path: PathBuf, line: String) -> io::Result<()> {
    let (ended, end) = oneshot::channel();
    // Nobody joins it: a file system that hangs holds up no end of the program. Tokio's threads would be another five
    // kilobytes of the image.
    thread::Builder::new().spawn(move || drop(ended.send(journal::append(&path, &line))))?;
    end.await.map_err(io::Error::other)?
}
