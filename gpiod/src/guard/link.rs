//! The daemon's end of the connection to its guardian.

use super::message::{ANSWER_BYTES, Answer, CHARGE_BYTES, Charge, decode, encode};
use super::peer::friend;
use super::{dir, socket};
use crate::log_keys as keys;
use crate::run_dir::own;
use crate::wiring::Presence;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_stream::StreamExt;
use tokio_util::codec::{Framed, LinesCodec};

/// How long a guardian may take to answer: it looks at the board meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait between two looks for a guardian that has gone.
const AGAIN: Duration = Duration::from_secs(1);

/// Why lines are in nobody's care.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there.
    #[error("no guardian answers at {path}: {source}")]
    Absent {
        /// Its socket.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The guardian does not take them, and why.
    #[error("the guardian refuses: {0}")]
    Refused(String),
}

/// A guardian that has our lines in care as long as our process lives.
#[derive(Debug)]
pub struct Link {
    connection: Framed<UnixStream, LinesCodec>,
    /// How soon it acts once we have gone.
    pub within: Duration,
}

impl Link {
    /// Gives lines into care.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn give(run_dir: &Path, charge: &Charge) -> Result<Self, Error> {
        let path = socket(run_dir);
        let absent = |source| Error::Absent { path: path.clone(), source };
        let text = encode(charge, CHARGE_BYTES).map_err(Error::Refused)?;
        let given = timeout(PATIENCE, give(run_dir, &text)).await;
        let (connection, answer) =
            given.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(absent)?;
        match decode(&answer) {
            Ok(Answer::WithinMs(ms)) => Ok(Self { connection, within: Duration::from_millis(ms) }),
            Ok(Answer::Refused(why)) | Err(why) => Err(Error::Refused(why)),
        }
    }

    /// Says that the lines of this charge are taken: until then the guardian expects that we may fail.
    ///
    /// # Errors
    /// [`Error`]: what it was given before stays in its care, if it is there.
    pub async fn taken(&mut self, run_dir: &Path, charge: &Charge) -> Result<(), Error> {
        let said = timeout(PATIENCE, self.say(run_dir, charge)).await;
        said.unwrap_or_else(|_| {
            Err(Error::Absent { path: socket(run_dir), source: io::ErrorKind::TimedOut.into() })
        })
    }

    /// The same, for as long as it takes. Who drops it before it is done has no connection any more.
    async fn say(&mut self, run_dir: &Path, charge: &Charge) -> Result<(), Error> {
        let absent = |source| Error::Absent { path: socket(run_dir), source };
        let text = encode(charge, CHARGE_BYTES).map_err(Error::Refused)?;
        self.connection.get_mut().write_all(text.as_bytes()).await.map_err(absent)?;
        let answer = answer(&mut self.connection).await.map_err(absent)?;
        match decode(&answer) {
            Ok(Answer::WithinMs(_)) => Ok(()),
            Ok(Answer::Refused(why)) | Err(why) => Err(Error::Refused(why)),
        }
    }

    /// Holds the connection for as long as the daemon lives, and looks for the guardian when it has gone. `presence`
    /// says at any time whether there is one. It is asked whether it answers when somebody relies on it, and never while
    /// nobody does.
    pub async fn keep(mut self, run_dir: PathBuf, charge: Charge, presence: Presence) {
        loop {
            presence.set(Some(self.within));
            self.until_gone(&run_dir, &charge, &presence).await;
            presence.set(None);
            if charge.wards.is_empty() {
                // It had only to hear that we are there; the next one knows of no lines to switch.
                return;
            }
            tracing::error!("the guardian has gone: if gpiod ends now, nobody makes its outputs inputs");
            self = again(&run_dir, &charge).await;
            tracing::info!("a guardian is there again");
        }
    }

    /// Waits until the guardian has gone, and asks it whenever `presence` is asked, though not more often than each
    /// second. One that does not answer is none, until it does.
    async fn until_gone(&mut self, run_dir: &Path, charge: &Charge, presence: &Presence) {
        let within = self.within;
        let mut asked = Instant::now();
        loop {
            tokio::select! {
                // It has nothing to say; whatever comes is its end.
                _ = self.connection.next() => return,
                () = async { presence.asked().await; sleep_until(asked + AGAIN).await } => {}
            }
            asked = Instant::now();
            // The same charge as before, which it has looked at already.
            let answer = self.say(run_dir, charge);
            tokio::pin!(answer);
            let answered = tokio::select! {
                answered = &mut answer => answered,
                () = sleep(PATIENCE) => {
                    presence.set(None);
                    tracing::error!("the guardian does not answer: if gpiod ends now, nobody makes its outputs inputs");
                    // It may be stopped and go on; if it ends instead, that ends this too.
                    let answered = answer.await;
                    if answered.is_ok() {
                        tracing::info!("the guardian answers again");
                        presence.set(Some(within));
                    }
                    answered
                }
            };
            if let Err(error) = answered {
                return tracing::warn!({ keys::ERROR } = %error, "the guardian was asked whether it answers");
            }
        }
    }
}

async fn again(run_dir: &Path, charge: &Charge) -> Link {
    let mut said = String::new();
    loop {
        sleep(AGAIN).await;
        match Link::give(run_dir, charge).await {
            Ok(link) => return link,
            Err(error) => {
                let text = error.to_string();
                if text != said {
                    tracing::warn!({ keys::ERROR } = text, "looking for a guardian");
                    said = text;
                }
            }
        }
    }
}

async fn give(run_dir: &Path, text: &str) -> io::Result<(Framed<UnixStream, LinesCodec>, String)> {
    let path = socket(run_dir);
    own(&dir(run_dir))?;
    own(&path)?;
    let mut stream = UnixStream::connect(&path).await?;
    friend(&stream)?;
    stream.write_all(text.as_bytes()).await?;
    let mut connection = Framed::new(stream, LinesCodec::new_with_max_length(ANSWER_BYTES));
    let answer = answer(&mut connection).await?;
    Ok((connection, answer))
}

async fn answer(connection: &mut Framed<UnixStream, LinesCodec>) -> io::Result<String> {
    match connection.next().await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
