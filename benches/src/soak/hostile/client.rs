//! Clients that mean no good, each in its own way, again and again.

use crate::Fallible;
use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RESET, call, frame, header, message,
};
use crate::soak::dice::Dice;
use crate::soak::part::TURN;
use gpiod_sdk::Client;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::LocalSet;

/// A way to mean no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hostile {
    /// Says nothing, or a part of the preface.
    HalfOpen,
    /// Speaks another protocol.
    NoPreface,
    /// Sends headers that do not end.
    Headers,
    /// Makes calls and takes them back at once, without reading.
    Resets,
    /// Makes calls and pings, and never reads.
    Unread,
    /// Sends a message that is far too long.
    Giant,
    /// Sends messages that are none.
    Malformed,
    /// Sends bytes that are no frames.
    Noise,
    /// Watches a line that toggles, and never reads.
    Watcher,
    /// Opens sessions and closes them.
    Sessions,
}

impl Hostile {
    const ALL: [Self; 10] = [
        Self::HalfOpen,
        Self::NoPreface,
        Self::Headers,
        Self::Resets,
        Self::Unread,
        Self::Giant,
        Self::Malformed,
        Self::Noise,
        Self::Watcher,
        Self::Sessions,
    ];

    /// So many clients, of all kinds in turn, until the process is ended. `line` can be driven.
    pub(crate) async fn flood(socket: &Path, clients: usize, line: &str) {
        let tasks = LocalSet::new();
        for kind in Self::ALL.into_iter().cycle().take(clients) {
            let (socket, line) = (socket.to_owned(), line.to_owned());
            tasks.spawn_local(async move {
                loop {
                    // Whatever the daemon does about it, and at the latest after a while: once more.
                    let _ = tokio::time::timeout(2 * TURN, kind.once(&socket, &line)).await;
                    tokio::time::sleep(TURN / 100).await;
                }
            });
        }
        tasks.await;
    }

    async fn once(self, socket: &Path, line: &str) -> Fallible<()> {
        if self == Self::Sessions {
            let client = Client::at(socket).connect().await?;
            loop {
                // It may be another's.
                if let Ok(session) = client.session().output(line).open().await {
                    session.close().await?;
                }
            }
        }
        let mut stream = UnixStream::connect(socket).await?;
        match self {
            Self::HalfOpen => stream.write_all(&PREFACE[..Dice::new().below(20).try_into()?]).await?,
            Self::NoPreface => stream.write_all(b"GET / HTTP/1.1\r\nHost: gpiod\r\n\r\n").await?,
            Self::Headers => headers(&mut stream).await?,
            Self::Resets => resets(&mut stream).await?,
            Self::Unread => unread(&mut stream).await?,
            Self::Giant => giant(&mut stream).await?,
            Self::Malformed => malformed(&mut stream).await?,
            Self::Noise => noise(&mut stream).await?,
            Self::Watcher => {
                // WatchRequest { lines: ["in"] }
                stream.write_all(PREFACE).await?;
                stream.write_all(&frame(HEADERS, END_HEADERS, 1, &call("Watch"))).await?;
                stream.write_all(&frame(DATA, END_STREAM, 1, &message(b"\x0a\x02in"))).await?;
                std::future::pending::<()>().await;
            }
            Self::Sessions => {}
        }
        // Until the daemon has had enough.
        while stream.read(&mut [0; 4096]).await? > 0 {}
        Ok(())
    }
}

async fn headers(stream: &mut UnixStream) -> Fallible<()> {
    stream.write_all(PREFACE).await?;
    stream.write_all(&frame(HEADERS, 0, 1, &call("Read"))).await?;
    let more = frame(CONTINUATION, 0, 1, &header("x-more", &"y".repeat(8000)));
    loop {
        stream.write_all(&more).await?;
    }
}

async fn resets(stream: &mut UnixStream) -> Fallible<()> {
    stream.write_all(PREFACE).await?;
    for id in (1..).step_by(2) {
        stream.write_all(&frame(HEADERS, END_HEADERS, id, &call("ListLines"))).await?;
        stream.write_all(&frame(RESET, 0, id, &8_u32.to_be_bytes())).await?;
    }
    Ok(())
}

async fn unread(stream: &mut UnixStream) -> Fallible<()> {
    stream.write_all(PREFACE).await?;
    for id in (1..).step_by(2) {
        stream.write_all(&frame(HEADERS, END_HEADERS, id, &call("ListLines"))).await?;
        stream.write_all(&frame(DATA, END_STREAM, id, &message(b""))).await?;
        stream.write_all(&frame(PING, 0, 0, &[0; 8])).await?;
    }
    Ok(())
}

async fn giant(stream: &mut UnixStream) -> Fallible<()> {
    stream.write_all(PREFACE).await?;
    stream.write_all(&frame(HEADERS, END_HEADERS, 1, &call("Read"))).await?;
    // It says that it has 4 GiB, and sends more than it was allowed to.
    stream.write_all(&frame(DATA, 0, 1, &[0, 0xff, 0xff, 0xff, 0xff])).await?;
    let part = frame(DATA, 0, 1, &[0x55; 16 * 1024]);
    loop {
        stream.write_all(&part).await?;
    }
}

async fn malformed(stream: &mut UnixStream) -> Fallible<()> {
    let mut dice = Dice::new();
    stream.write_all(PREFACE).await?;
    for id in (1..200).step_by(2) {
        let method =
            ["Read", "Write", "Session", "Watch", "RunProgram", "Nothing"][usize::try_from(dice.below(6))?];
        stream.write_all(&frame(HEADERS, END_HEADERS, id, &call(method))).await?;
        stream.write_all(&frame(DATA, END_STREAM, id, &message(&bytes(&mut dice, 300)))).await?;
        // An answer to each, so that it is not merely cut off.
        let _ = stream.read(&mut [0; 4096]).await?;
    }
    Ok(())
}

async fn noise(stream: &mut UnixStream) -> Fallible<()> {
    let mut dice = Dice::new();
    stream.write_all(PREFACE).await?;
    let kind = u8::try_from(dice.below(12))?;
    let id = u32::try_from(dice.below(9))?;
    stream.write_all(&frame(kind, u8::try_from(dice.below(256))?, id, &bytes(&mut dice, 64))).await?;
    stream.write_all(&bytes(&mut dice, 4096)).await?;
    Ok(())
}

fn bytes(dice: &mut Dice, most: u64) -> Vec<u8> {
    (0..dice.below(most)).map(|_| u8::try_from(dice.below(256)).unwrap_or_default()).collect()
}
