//! One connection to the guardian: what its other end gives into care, and when that process has gone.

use super::duty::PeerId;
use super::message::{ANSWER_BYTES, Answer, CHARGE_BYTES, Charge, decode, encode};
use super::peer::Peer;
use crate::log_keys as keys;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_util::codec::{FramedRead, LinesCodec};

/// How long a connection may take for its first message, and for reading an answer.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a process may take to end after its connection did, before that is worth a word.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// What a connection tells.
pub(super) enum News {
    /// A charge, and where its answer goes.
    Charge(Charge, oneshot::Sender<Answer>),
    /// Its process has gone.
    Gone,
}

/// Where connections tell it.
pub(super) type Tell = mpsc::Sender<(PeerId, News)>;

/// Listens to one connection until its process has gone, or it says what it should not.
pub(super) async fn attend(
    id: PeerId,
    peer: Peer,
    stream: UnixStream,
    _place: OwnedSemaphorePermit,
    tell: Tell,
) {
    let (read, mut write) = stream.into_split();
    let mut messages = FramedRead::new(read, LinesCodec::new_with_max_length(CHARGE_BYTES));
    let mut charged = false;
    let cause = loop {
        let charge = tokio::select! {
            // The end of the process comes after all that it sent and its end of the connection.
            () = peer.ended() => break None,
            read = receive(&mut messages, charged) => match read {
                Ok(charge) => charge,
                Err(cause) => break Some(cause),
            },
        };
        let (answer, answered) = oneshot::channel();
        if tell.send((id, News::Charge(charge, answer))).await.is_err() {
            return;
        }
        charged = true;
        let Ok(answer) = answered.await else { return };
        // A reason that is too long is told as that.
        let text = encode(&answer, ANSWER_BYTES)
            .or_else(|why| encode(&Answer::Refused(why), ANSWER_BYTES))
            .unwrap_or_default();
        // Who is not there to hear it has not begun to drive.
        if !matches!(timeout(SILENCE, write.write_all(text.as_bytes())).await, Ok(Ok(()))) {
            break None;
        }
    };
    if let Some(cause) = cause {
        if !charged {
            return tracing::warn!(
                { keys::PID } = peer.pid,
                { keys::CAUSE } = cause,
                "a connection was closed"
            );
        }
        // Its other end is to notice that nobody listens any more.
        drop((messages, write));
        if peer.is_seen() && timeout(LAST_STEPS, peer.ended()).await.is_err() {
            tracing::error!(
                { keys::PID } = peer.pid,
                { keys::CAUSE } = cause,
                "the daemon is no longer connected and has not ended: its process is watched"
            );
            peer.ended().await;
        }
    }
    let _ = tell.send((id, News::Gone)).await;
}

/// The next charge, or why there is none.
async fn receive(
    messages: &mut FramedRead<OwnedReadHalf, LinesCodec>,
    charged: bool,
) -> Result<Charge, String> {
    let line = if charged {
        messages.next().await
    } else {
        timeout(SILENCE, messages.next()).await.map_err(|_| "it said nothing".to_owned())?
    };
    match line {
        Some(Ok(line)) => decode(&line),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("it ended".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    /// A connection from ourselves that gave a charge and ended, and what is told then.
    async fn told_after_the_end(peer: impl FnOnce(&UnixStream) -> Peer) -> Option<News> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (tell, mut told) = mpsc::channel(1);
        tokio::spawn(attend(PeerId(1), peer(&theirs), theirs, place, tell));
        let (read, mut write) = ours.into_split();
        let mut answers = FramedRead::new(read, LinesCodec::new());
        let text = encode(&Charge::default(), CHARGE_BYTES).unwrap();
        write.write_all(text.as_bytes()).await.unwrap();
        let Some((_, News::Charge(_, answer))) = told.recv().await else { panic!("a charge comes first") };
        answer.send(Answer::WithinMs(0)).unwrap();
        assert_eq!(decode(&answers.next().await.unwrap().unwrap()), Ok(Answer::WithinMs(0)));
        write.shutdown().await.unwrap();
        assert!(answers.next().await.is_none(), "it hangs up, and tells then what it has to tell");
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        told.try_recv().ok().map(|(_, news)| news)
    }

    #[tokio::test]
    async fn the_end_of_a_connection_is_not_the_end_of_a_process_that_is_seen_to_live() {
        assert!(told_after_the_end(|stream| Peer::of(stream).unwrap()).await.is_none());
    }

    #[tokio::test]
    async fn where_the_process_can_not_be_seen_the_end_of_its_connection_counts() {
        assert!(matches!(told_after_the_end(|_| Peer::unseen()).await, Some(News::Gone)));
    }
}
