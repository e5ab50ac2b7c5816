//! The show: follows the board and the apps, hands what happens to the screen, and judges it in the end.

use crate::Failure;
use crate::lights::Lights;
use crate::readings::Readings;
use crate::screen::{Frame, Screen};
use crate::stage::Stage;
use futures_util::StreamExt;
use gpiod::board::client::Client as Board;
use gpiod::board::model::{Part, State};
use gpiod::board::record::Page;
use gpiod_sdk::Client;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// From picture to picture.
const FRAME: Duration = Duration::from_millis(200);
/// After this long there must have been a reading.
const FIRST_READING: Duration = Duration::from_secs(3);
/// How long one looks for the process behind an error.
const AUTOPSY: Duration = Duration::from_secs(1);

/// How it went.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// For people.
    pub(crate) text: String,
    /// What was wrong; nothing, when all was well.
    pub(crate) faults: Vec<String>,
}

/// Runs the show until it is long enough or somebody stops it. Apps have ended when it returns a verdict; the rest is
/// left to the caller.
pub(crate) async fn show(
    stage: &mut Stage,
    length: Option<Duration>,
    stopped: impl Future<Output = ()>,
) -> Result<Verdict, Failure> {
    tokio::pin!(stopped);
    let started = async {
        stage.start_board_and_daemon().await?;
        Cast::new(stage).await
    };
    let mut cast = tokio::select! {
        cast = started => cast?,
        () = &mut stopped => return Ok(Verdict { text: String::new(), faults: Vec::new() }),
    };
    let mut readings = stage.start_apps()?;
    let over = async {
        match length {
            Some(length) => sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let played = tokio::select! {
        played = cast.play(&mut readings) => played,
        dead = stage.died() => Err(dead),
        () = over => Ok(()),
        () = stopped => Ok(()),
    };
    if let Err(error) = played {
        // What went wrong is more often than not that somebody has died.
        return Err(timeout(AUTOPSY, stage.died()).await.unwrap_or(error));
    }
    stage.stop_apps().await?;
    // The end may have come between a question to the board and its answer: a new connection has none in the way.
    cast.board = board(stage).await?;
    cast.judge(length).await
}

async fn board(stage: &Stage) -> Result<Board, Failure> {
    Board::connect(&stage.board_dir()).await.map_err(|error| error.to_string())
}

/// Those who watch, and what they have seen.
struct Cast {
    board: Board,
    admin: Client,
    screen: Screen,
    lights: Lights,
    readings: Readings,
    /// The newest entry of the record that was taken.
    last_seq: u64,
}

impl Cast {
    async fn new(stage: &Stage) -> Result<Self, Failure> {
        let mut board = board(stage).await?;
        let admin = Client::at(stage.admin_socket()).name("demo").connect().await;
        let admin = admin.map_err(|error| error.to_string())?;
        let state = board.state().await.map_err(|error| error.to_string())?;
        let screen = Screen::new(state.time_ns);
        let (lights, readings) = (Lights::default(), Readings::default());
        Ok(Self { board, admin, screen, lights, readings, last_seq: state.last_seq })
    }

    /// Follows until nobody reads the screen any more.
    async fn play(&mut self, lines: &mut Receiver<String>) -> Result<(), Failure> {
        let pages = self.board.follow(self.last_seq).await.map_err(|error| error.to_string())?;
        let mut pages = pages.fuse();
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let told = tokio::select! {
                Some(page) = pages.next() => {
                    self.take(&page.map_err(|error| error.to_string())?).await?
                }
                Some(line) = lines.recv() => {
                    self.readings.take_line(&line);
                    self.tell_readings()
                }
                _ = frames.tick() => self.draw().await?,
            };
            if told.is_err() {
                return Ok(());
            }
        }
    }

    /// Takes a page of the record. The inner error is the screen's.
    async fn take(&mut self, page: &Page) -> Result<std::io::Result<()>, Failure> {
        if page.dropped > 0 {
            return Err(format!("{} entries of the board's record were missed", page.dropped));
        }
        self.last_seq = page.entries.last().map_or(self.last_seq, |entry| entry.seq);
        for phase in self.lights.take(&page.entries) {
            if let Err(error) = self.screen.phase(phase) {
                return Ok(Err(error));
            }
        }
        if self.readings.take(&page.entries) {
            self.light().await?;
            return Ok(self.tell_readings());
        }
        Ok(Ok(()))
    }

    /// Asks the board for the light of this moment.
    async fn light(&mut self) -> Result<State, Failure> {
        let state = self.board.state().await.map_err(|error| error.to_string())?;
        if let Some((_, expected_us)) = sensor(&state) {
            self.readings.take_light(state.time_ns, expected_us);
        }
        Ok(state)
    }

    fn tell_readings(&mut self) -> std::io::Result<()> {
        while let Some(reading) = self.readings.next() {
            self.screen.reading(reading)?;
        }
        Ok(())
    }

    /// Draws a picture, where pictures are drawn; in any case the light of the moment is remembered.
    async fn draw(&mut self) -> Result<std::io::Result<()>, Failure> {
        let state = self.light().await?;
        if let Err(error) = self.tell_readings() {
            return Ok(Err(error));
        }
        if !self.screen.is_live() {
            return Ok(Ok(()));
        }
        let lines = self.admin.lines().await.map_err(|error| error.to_string())?;
        let lux = sensor(&state).map(|(lux, _)| lux);
        Ok(self.screen.draw(&Frame { board: &state, lines: &lines.lines, lux }))
    }

    /// What is to be said of it all, once the apps have ended.
    async fn judge(mut self, length: Option<Duration>) -> Result<Verdict, Failure> {
        self.lights.end();
        let rest = self.board.record(self.last_seq).await.map_err(|error| error.to_string())?;
        self.lights.take(&rest.entries);
        let mut faults = self.lights.faults().to_vec();
        faults.extend(self.readings.faults());
        if !self.lights.dark() {
            faults.push("the traffic light has ended and left a light on".to_owned());
        }
        if self.readings.count() == 0 && length.is_some_and(|length| length > FIRST_READING) {
            faults.push("there was no reading".to_owned());
        }
        Ok(Verdict { text: self.lights.report() + &self.readings.report(), faults })
    }
}

/// The light on the sensor, lux, and how long an empty capacitor would take in it, µs.
fn sensor(state: &State) -> Option<(f64, f64)> {
    state.components.iter().find_map(|component| match &component.part {
        Part::LightSensor { lux, expected_charge_us, .. } => Some((*lux, *expected_charge_us)),
        Part::Wire { .. } | Part::Button { .. } | Part::Led { .. } | Part::Pulse { .. } => None,
    })
}
