//! Connections of both sockets: how many there may be, and lines of JSON in both directions.

use crate::board::messages::{LONGEST_REQUEST, LineReply};
use crate::reactor::task;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::codec::{Framed, LinesCodec};

/// How many connections each socket has at most; further ones are closed with a word.
const MOST_CONNECTIONS: usize = 256;

/// After accept failed, as it does without free descriptors, the next try waits this long.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) type Lines = Framed<UnixStream, LinesCodec>;

/// Serves each connection with a task of its own, without end. Dropping it ends them all.
pub(super) async fn accept<F>(listener: UnixListener, serve: impl Fn(Lines) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(LONGEST_REQUEST));
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
            // The socket's buffer is empty and takes this line at once, so nobody can hold the board up here.
            // Refused in the words of one socket, which are the same on the other.
            let full = LineReply::Malformed(format!("the board has {MOST_CONNECTIONS} connections already"));
            let _ = reply(&mut lines, &full).await;
            continue;
        };
        let serving = serve(lines);
        tasks.spawn(task(async move {
            serving.await;
            drop(permit);
        }));
    }
}

/// The next request; `Err` with what to answer when it is none. `None` ends the connection.
pub(super) async fn next<T: DeserializeOwned>(lines: &mut Lines) -> Option<Result<T, String>> {
    Some(match lines.next().await? {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("this is no request: {error}")),
        Err(error) => Err(format!("this is no request: {error}")),
    })
}

/// Sends a reply.
pub(super) async fn reply(lines: &mut Lines, reply: &impl Serialize) -> Result<(), ()> {
    let text = serde_json::to_string(reply).map_err(drop)?;
    lines.send(text).await.map_err(drop)
}
