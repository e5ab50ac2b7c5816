//! Who has connected and not asked yet, in the order in which they came.
//!
//! A place here is cheap: a socket, and what its client has said. So there are many, and whoever floods with connections
//! that ask for nothing must make that many of them in the time that an honest client takes for its request.

use crate::listener::Stream;
use crate::request::{self, Head, MOST_BYTES};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

/// How many may wait here. One more ends the oldest, which has had the most time. Each that has said nothing is 340 bytes
/// of ours, and some 3.5 KiB of the kernel's.
pub(crate) const PLACES: usize = 128;
/// What all of them together may have said, in bytes of memory. Where it is more, whoever has said most is ended.
pub(crate) const MOST_BYTES_OF_ALL: usize = 4 * MOST_BYTES;
/// How long a client may take for its request.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(2);

/// A client, and what it has said.
pub(crate) struct Client {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) since: Instant,
    /// Grows as bytes come.
    pub(crate) bytes: Vec<u8>,
    /// With how many bytes it is looked at again before its end has come.
    look_at: usize,
}

impl Client {
    /// Hears what has come. Ready when that is a request, or can not become one any more.
    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let before = self.bytes.len();
            if ready!(pin!(self.stream.read_buf(&mut self.bytes)).poll(context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            if self.is_heard(before) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Whether it is heard, after something came behind the first `before` bytes.
    fn is_heard(&mut self, before: usize) -> bool {
        if self.bytes.len() >= MOST_BYTES || request::ends(&self.bytes, before) {
            return true;
        }
        // What is no request is told so before its end, which may never come. To look at all that has come with each
        // byte that comes would be much work for little: it is done when that has doubled.
        let look = self.bytes.len() >= self.look_at;
        if look {
            self.look_at = 2 * self.bytes.len();
        }
        look && request::read(&self.bytes) != Head::Part
    }
}

/// The row of those who wait.
#[derive(Default)]
pub(crate) struct Row(Vec<Client>);

impl Row {
    /// One more.
    pub(crate) fn push(&mut self, stream: Box<dyn Stream>) {
        if self.0.len() >= PLACES {
            self.0.remove(0);
        }
        self.0.push(Client { stream, since: Instant::now(), bytes: Vec::new(), look_at: 0 });
    }

    /// When the oldest has had its time.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.0.first().map(|client| client.since + REQUEST_TIME)
    }

    /// The oldest of those who have had their time and said half a request. Who has said nothing is told nothing.
    pub(crate) fn late(&mut self, now: Instant) -> Option<Client> {
        while self.until().is_some_and(|until| until <= now) {
            let late = self.0.remove(0);
            if !late.bytes.is_empty() {
                return Some(late);
            }
        }
        None
    }

    /// Hears everybody, and gives the oldest of those who need not be heard any longer.
    pub(crate) fn heard(&mut self, context: &mut Context<'_>) -> Option<Client> {
        let mut at = 0;
        while let Some(client) = self.0.get_mut(at) {
            let room = client.bytes.capacity();
            match client.poll_heard(context) {
                Poll::Ready(Ok(())) => return Some(self.0.remove(at)),
                Poll::Ready(Err(_)) => {
                    self.0.remove(at);
                }
                Poll::Pending if client.bytes.capacity() == room => at += 1,
                // Whoever is ended may stand before the next one.
                Poll::Pending => at += usize::from(self.end_largest().is_none_or(|ended| ended > at)),
            }
        }
        None
    }

    /// Ends whoever has said most, if all have said too much; answers where that one stood.
    fn end_largest(&mut self) -> Option<usize> {
        let room = |client: &Client| client.bytes.capacity();
        if self.0.iter().map(room).sum::<usize>() <= MOST_BYTES_OF_ALL {
            return None;
        }
        let (at, _) = self.0.iter().enumerate().rev().max_by_key(|(_, client)| room(client))?;
        self.0.remove(at);
        Some(at)
    }
}
