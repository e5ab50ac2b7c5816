//! The light: holds the three lines, shows the phase of the moment, and turns all off at the end.

use crate::args::Target;
use crate::failure::Failure;
use crate::phase::{self, Lights, Speed};
use crate::say;
use gpiod_sdk::{Client, ClientBuilder, Error, Notice, Session, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long to wait before asking again a daemon that takes connections and refuses sessions.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the end may take. After it the daemon turns the lights off, since this process is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// The light with its lines held.
#[derive(Debug)]
pub(crate) struct Light {
    session: Session,
    speed: Speed,
    start: Instant,
}

impl Light {
    /// Holds the lines, all off, and waits for a daemon that is not there yet. The cycle begins when they are held.
    pub(crate) async fn open(target: &Target, speed: Speed) -> Result<Self, Failure> {
        let mut waits = false;
        loop {
            match hold(target, waits).await {
                Ok(session) => return Ok(Self { session, speed, start: Instant::now() }),
                Err(error) if error.is_away() => {
                    if !waits {
                        say(format_args!("waiting for gpiod: {error}"));
                        waits = true;
                    } else {
                        sleep(PAUSE).await;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Shows phase after phase. While the daemon is away the clock runs on; when it is back, the phase of that
    /// moment is shown. Ends only when the session does.
    pub(crate) async fn run(&self) -> Failure {
        loop {
            let moment = phase::at(self.speed, self.start.elapsed());
            match self.show(moment.phase.lights()).await {
                Ok(()) => say(moment.phase),
                Err(Error::Away { .. }) => say(format_args!("{}, not shown", moment.phase)),
                // The notice that comes with it says why.
                Err(Error::Closed) => {}
                Err(error) => return error.into(),
            }
            let next = sleep_until(self.start + moment.until);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = &mut next => break,
                    notice = self.session.next_notice() => match notice {
                        Notice::Lost { why } => say(why),
                        Notice::Resumed { away, .. } => {
                            // Text of numbers of 128 bits would be a kilobyte of the image.
                            let ms = u64::try_from(away.as_millis()).unwrap_or(u64::MAX);
                            say(format_args!("gpiod is back after {ms} ms"));
                            break;
                        }
                        Notice::Ended { error } => return error.into(),
                    },
                }
            }
        }
    }

    /// Turns all lights off and lets the lines go.
    pub(crate) async fn end(self) {
        let end = async {
            self.show(Lights { red: false, yellow: false, green: false }).await?;
            self.session.close().await
        };
        match timeout(FAREWELL, end).await {
            Ok(Ok(())) => say("off"),
            Ok(Err(error)) => say(format_args!("ended, the lights are gpiod's now: {error}")),
            Err(_) => say("ended, the lights are gpiod's now: it does not answer"),
        }
    }

    /// Sets all three lights in one write, which the daemon does as a whole, switching off before switching on.
    async fn show(&self, lights: Lights) -> Result<(), Error> {
        let Lights { red, yellow, green } = lights;
        let values = [("red", red), ("yellow", yellow), ("green", green)];
        self.session.write(values.map(|(line, on)| (line, Value::from(on)))).await?;
        Ok(())
    }
}

/// Connects and holds the lines, all off.
async fn hold(target: &Target, wait: bool) -> Result<Session, Error> {
    let builder = client(target);
    let client = if wait { builder.wait_forever() } else { builder }.connect().await?;
    let off = Value::Inactive;
    client.session().output_at("red", off).output_at("yellow", off).output_at("green", off).open().await
}

fn client(target: &Target) -> ClientBuilder {
    let builder = Client::builder().name("traffic-light");
    match target {
        Target::Found => builder,
        Target::Socket(path) => builder.socket(path),
        Target::Group(name) => builder.group(name),
    }
}
