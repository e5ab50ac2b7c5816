//! The sensor: holds the line and takes reading after reading, through every absence of the daemon.

use crate::args::Target;
use crate::failure::Failure;
use crate::reading::{self, Outcome, Reading};
use crate::say;
use gpiod_sdk::{Client, ClientBuilder, Error, Notice, Program, Session};
use std::time::{Duration, SystemTime};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

/// The name of the line; which one that is on the board is the daemon's configuration.
const LINE: &str = "light";
/// How long to wait before asking again a daemon that takes connections and refuses sessions.
const PAUSE: Duration = Duration::from_secs(1);

/// The sensor with its line held.
#[derive(Debug)]
pub(crate) struct Sensor {
    session: Session,
    program: Program,
    ticks: Interval,
}

/// What happened next.
#[derive(Debug)]
pub(crate) enum Event {
    /// A reading was taken.
    Reading(Reading),
    /// The daemon has gone or is back.
    Connected(bool),
}

impl Sensor {
    /// Holds the line, and waits for a daemon that is not there yet.
    pub(crate) async fn open(target: &Target, every: Duration, timeout: Duration) -> Result<Self, Failure> {
        let mut waits = false;
        let session = loop {
            match hold(target, waits).await {
                Ok(session) => break session,
                Err(error) if error.is_away() => {
                    if waits {
                        sleep(PAUSE).await;
                    } else {
                        say(format_args!("waiting for gpiod: {error}"));
                        waits = true;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        let mut ticks = interval(every);
        // In the dark a reading may take longer than the interval: the next one then waits for its own tick.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self { session, program: reading::program(LINE, timeout), ticks })
    }

    /// The next reading, at its time, or the news that the daemon has gone or is back.
    pub(crate) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            tokio::select! {
                _ = self.ticks.tick() => match self.session.program(&self.program).await {
                    Ok(result) => {
                        let high = result.values.get(LINE).is_some_and(gpiod_sdk::Value::is_active);
                        let outcome = Outcome::from_steps(&result.steps, result.lost_edges, high)
                            .ok_or_else(|| Failure::protocol("steps are missing in the result of a reading"))?;
                        return Ok(Event::Reading(Reading { time: SystemTime::now(), outcome }));
                    }
                    // The notice that comes with it says why, and another says when it is back.
                    Err(Error::Away { .. } | Error::Closed) => {}
                    Err(error) => return Err(error.into()),
                },
                notice = self.session.next_notice() => match notice {
                    Notice::Lost { why } => {
                        say(why);
                        return Ok(Event::Connected(false));
                    }
                    Notice::Resumed { away, .. } => {
                        say(format_args!("gpiod is back after {} ms", reading::milliseconds(away)));
                        // What was missed meanwhile is due, also where the interval is an hour.
                        self.ticks.reset_immediately();
                        return Ok(Event::Connected(true));
                    }
                    Notice::Ended { error } => return Err(error.into()),
                },
            }
        }
    }

    /// Lets the line go.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        Ok(self.session.close().await?)
    }
}

/// Connects and holds the line.
async fn hold(target: &Target, wait: bool) -> Result<Session, Error> {
    let builder = client(target);
    let client = if wait { builder.wait_forever() } else { builder }.connect().await?;
    client.session().both(LINE).open().await
}

fn client(target: &Target) -> ClientBuilder {
    let builder = Client::builder().name("light-sensor");
    match target {
        Target::Found => builder,
        Target::Socket(path) => builder.socket(path),
        Target::Group(name) => builder.group(name),
    }
}
