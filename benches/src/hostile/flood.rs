//! The floods: what clients do that mean no good, as fast as they can.

use crate::Fallible;
use gpiod_sdk::Client;
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A kind of flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Flood {
    /// Sessions that send one full batch after the other.
    Batches,
    /// Calls, many at a time on each connection.
    Calls,
    /// Calls that are taken back at once.
    Resets,
    /// Connections that are opened, begin to speak, and are closed.
    Connections,
}

impl Flood {
    pub(crate) const ALL: [Self; 4] = [Self::Batches, Self::Calls, Self::Resets, Self::Connections];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flood| flood.to_string() == name)
    }

    /// Floods a socket until the process is ended.
    pub(crate) fn run(self, socket: &Path, clients: usize) -> Fallible<()> {
        if self == Self::Connections {
            return connections(socket, clients);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tasks = tokio::task::LocalSet::new();
        for _ in 0..clients {
            let socket = socket.to_owned();
            tasks.spawn_local(async move {
                loop {
                    // Whatever the daemon does about it: once more.
                    let _ = self.client(&socket).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        runtime.block_on(tasks);
        Ok(())
    }

    async fn client(self, socket: &Path) -> Fallible<()> {
        let client = Client::at(socket).wait(Duration::from_secs(10)).connect().await?;
        match self {
            Self::Batches => {
                let session = client.session().input("in").open().await?;
                loop {
                    let batch = (0..256).fold(session.batch(), |batch, _| batch.read("in"));
                    batch.send().await?;
                }
            }
            Self::Calls => {
                let calls = tokio::task::LocalSet::new();
                for _ in 0..32 {
                    let client = client.clone();
                    calls.spawn_local(async move { while client.read(["in"]).await.is_ok() {} });
                }
                calls.await;
                Ok(())
            }
            Self::Resets => loop {
                let call = client.read(["in"]);
                let _ = tokio::time::timeout(Duration::ZERO, call).await;
            },
            Self::Connections => Ok(()),
        }
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Batches => "batches",
            Self::Calls => "calls",
            Self::Resets => "resets",
            Self::Connections => "connections",
        })
    }
}

fn connections(socket: &Path, at_once: usize) -> Fallible<()> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    loop {
        let mut open = Vec::with_capacity(at_once);
        for _ in 0..at_once {
            let mut stream = UnixStream::connect(socket)?;
            // The daemon may have closed it already.
            let _ = stream.write_all(PREFACE);
            open.push(stream);
        }
    }
}
