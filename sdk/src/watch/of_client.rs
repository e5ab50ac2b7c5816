//! A watch with a stream of its own: opened, drained, and opened again when the daemon comes back.

use crate::backoff::{Backoff, STEADY};
use crate::client::answers::Answers;
use crate::client::connection::{Connection, in_time, now};
use crate::client::methods;
use crate::error::Error;
use crate::watch::ring::Ring;
use gpiod_proto::v1;
use std::sync::Arc;
use std::time::Instant;

/// What keeps a ring filled from a stream of its own.
#[derive(Debug)]
pub(crate) struct Filler {
    pub(crate) connection: Connection,
    pub(crate) request: v1::WatchRequest,
    pub(crate) ring: Arc<Ring>,
}

impl Filler {
    /// Opens the stream, where the last one broke, and puts its first message: the present values or what was missed.
    pub(crate) async fn open(&self, lost: Option<Instant>) -> Result<Answers<v1::WatchResponse>, Error> {
        let request = v1::WatchRequest { resume: self.ring.resume(), ..self.request.clone() };
        let opened = self.connection.rpc().call(methods::WATCH, &request);
        let mut messages = self.connection.call(opened).await?;
        let Some(first) = in_time(self.next(&mut messages)).await?? else {
            return Err(Error::Away { since: now(), why: "the stream ended".to_owned() });
        };
        self.ring.put(&first, lost.map(|lost| now().duration_since(lost)))?;
        Ok(messages)
    }

    /// Drains the stream into the ring and opens it again, until nothing mends it or the watch is dropped, which
    /// aborts this.
    pub(crate) async fn run(self, mut messages: Answers<v1::WatchResponse>) {
        let mut backoff = Backoff::new();
        loop {
            let opened = now();
            let mut failure = self.drain(&mut messages).await;
            let lost = now();
            if lost.duration_since(opened) > STEADY {
                backoff = Backoff::new();
            }
            messages = loop {
                if let Err(error) = failure
                    && error.is_final()
                {
                    return self.ring.end(Some(error));
                }
                tokio::time::sleep(backoff.delay()).await;
                match self.open(Some(lost)).await {
                    Ok(messages) => break messages,
                    Err(error) => failure = Err(error),
                }
            };
        }
    }

    async fn drain(&self, messages: &mut Answers<v1::WatchResponse>) -> Result<(), Error> {
        while let Some(message) = self.next(messages).await? {
            self.ring.put(&message, None)?;
        }
        Ok(())
    }

    async fn next(
        &self,
        messages: &mut Answers<v1::WatchResponse>,
    ) -> Result<Option<v1::WatchResponse>, Error> {
        messages.message().await.map_err(|status| self.connection.failed(&status))
    }
}
