//! A client of the board's control socket, for tests, the command line and demonstrations.

use super::messages::{ControlReply, ControlRequest, LONGEST_REPLY};
use super::model::{ControlError, Fault, State};
use super::process::CONTROL_SOCKET;
use super::record::{Entry, Page};
use futures_core::Stream;
use futures_util::{SinkExt, StreamExt, stream};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

/// Why the board did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No board answers at this socket.
    #[error("no board answers at {}: {source}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The board has gone, or answers what nobody understands.
    #[error("lost the board: {0}")]
    Lost(String),
    /// The board refuses; nothing has changed.
    #[error(transparent)]
    Refused(#[from] ControlError),
}

type Lines = Framed<UnixStream, LinesCodec>;

/// A connection to the control socket. Its calls are answered in turn.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    lines: Lines,
}

async fn open(socket: &Path) -> Result<Lines, Error> {
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|source| Error::Unreachable { socket: socket.to_owned(), source })?;
    Ok(Framed::new(stream, LinesCodec::new_with_max_length(LONGEST_REPLY)))
}

async fn send(lines: &mut Lines, request: &ControlRequest) -> Result<(), Error> {
    let text = serde_json::to_string(request).map_err(|error| Error::Lost(error.to_string()))?;
    lines.send(text).await.map_err(|error| Error::Lost(error.to_string()))
}

fn parse(line: Option<Result<String, LinesCodecError>>) -> Result<ControlReply, Error> {
    let line = line.ok_or_else(|| Error::Lost("it has gone".to_owned()))?;
    let line = line.map_err(|error| Error::Lost(error.to_string()))?;
    match serde_json::from_str(&line).map_err(|error| Error::Lost(error.to_string()))? {
        ControlReply::Refused(refusal) => Err(Error::Refused(refusal)),
        ControlReply::Malformed(reason) => Err(Error::Lost(reason)),
        reply @ (ControlReply::State(_) | ControlReply::Record(_) | ControlReply::Done { .. }) => Ok(reply),
    }
}

fn page(reply: ControlReply) -> Result<Page, Error> {
    let ControlReply::Record(page) = reply else { return Err(unexpected(&reply)) };
    Ok(page)
}

fn unexpected(reply: &ControlReply) -> Error {
    Error::Lost(format!("it answered {reply:?}"))
}

impl Client {
    /// Connects to the board whose sockets are in this directory.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn connect(dir: &Path) -> Result<Self, Error> {
        let socket = dir.join(CONTROL_SOCKET);
        let lines = open(&socket).await?;
        Ok(Self { socket, lines })
    }

    async fn ask(&mut self, request: &ControlRequest) -> Result<ControlReply, Error> {
        send(&mut self.lines, request).await?;
        parse(self.lines.next().await)
    }

    async fn tell(&mut self, request: &ControlRequest) -> Result<u64, Error> {
        let reply = self.ask(request).await?;
        let ControlReply::Done { last_seq } = reply else { return Err(unexpected(&reply)) };
        Ok(last_seq)
    }

    /// All of the board, now.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub async fn state(&mut self) -> Result<State, Error> {
        let reply = self.ask(&ControlRequest::State {}).await?;
        let ControlReply::State(state) = reply else { return Err(unexpected(&reply)) };
        Ok(state)
    }

    /// The record after the entry `since`, up to now, and how many entries of that are no longer kept.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub async fn record(&mut self, since: u64) -> Result<Page, Error> {
        let mut all = page(self.ask(&ControlRequest::Record { since }).await?)?;
        let until = all.last_seq;
        while let Some(last) = all.entries.last().map(|entry| entry.seq).filter(|seq| *seq < until) {
            let next = page(self.ask(&ControlRequest::Record { since: last }).await?)?;
            if next.entries.is_empty() {
                break;
            }
            all.dropped += next.dropped;
            all.last_seq = next.last_seq;
            all.entries.extend(next.entries);
        }
        Ok(all)
    }

    /// The record after the entry `since` as it grows, in pages, on a connection of its own. It ends with an error
    /// when the board does.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Lost`].
    pub async fn follow(
        &self,
        since: u64,
    ) -> Result<impl Stream<Item = Result<Page, Error>> + Send + Unpin + use<>, Error> {
        let mut lines = open(&self.socket).await?;
        send(&mut lines, &ControlRequest::Follow { since }).await?;
        let pages = stream::unfold(Some(lines), async |lines| {
            let mut lines = lines?;
            let next = parse(lines.next().await).and_then(page);
            let lines = next.is_ok().then_some(lines);
            Some((next, lines))
        });
        Ok(Box::pin(pages))
    }

    /// Waits until the record after `since` has an entry like this, and returns it.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Lost`].
    pub async fn wait_for(&self, since: u64, like: impl Fn(&Entry) -> bool) -> Result<Entry, Error> {
        let mut pages = self.follow(since).await?;
        while let Some(page) = pages.next().await {
            if let Some(entry) = page?.entries.into_iter().find(&like) {
                return Ok(entry);
            }
        }
        Err(Error::Lost("it has gone".to_owned()))
    }

    /// Presses a button, for a time or until [`release`](Self::release). Like all that follow, it returns the newest
    /// entry of the record after it.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Lost`].
    pub async fn press(&mut self, name: &str, during: Option<Duration>) -> Result<u64, Error> {
        let for_ns = during.map(|during| u64::try_from(during.as_nanos()).unwrap_or(u64::MAX));
        self.tell(&ControlRequest::Press { name: name.to_owned(), for_ns }).await
    }

    /// Lets a button go.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Lost`].
    pub async fn release(&mut self, name: &str) -> Result<u64, Error> {
        self.tell(&ControlRequest::Release { name: name.to_owned() }).await
    }

    /// Puts a light sensor into so many lux; `None` gives it back to the light of its circuit.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Lost`].
    pub async fn light(&mut self, name: &str, lux: Option<f64>) -> Result<u64, Error> {
        // A message has no such numbers, and none is how the circuit's light is asked for.
        if let Some(lux) = lux.filter(|lux| !lux.is_finite()) {
            return Err(ControlError::Light(lux.to_string()).into());
        }
        self.tell(&ControlRequest::Light { name: name.to_owned(), lux }).await
    }

    /// Switches a pulse source on or off.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Lost`].
    pub async fn pulse(&mut self, name: &str, on: bool) -> Result<u64, Error> {
        self.tell(&ControlRequest::Pulse { name: name.to_owned(), on }).await
    }

    /// Breaks something.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Lost`].
    pub async fn fault(&mut self, fault: Fault) -> Result<u64, Error> {
        self.tell(&ControlRequest::Fault { fault }).await
    }

    /// Mends all faults, or those of one line or component.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Lost`].
    pub async fn clear(&mut self, target: Option<&str>) -> Result<u64, Error> {
        self.tell(&ControlRequest::Clear { target: target.map(str::to_owned) }).await
    }
}
