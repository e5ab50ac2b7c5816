//! How many streams are open at a time: calls, watches and sessions, on one connection and on all together. Whoever
//! finds no place is told so at once, and never left waiting.
//!
//! A stream has its place until the last bytes of its answer have been written to the socket: what a client asks for and
//! does not read takes memory as long. An answer that is headers alone, as a refusal is, gives it back before: those are
//! short (`status.rs` cuts their texts), and bounded by the streams that HTTP/2 admits on a connection.

use super::places::{Place, Places};
use crate::config::Limits;
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Streams that HTTP/2 lets a client open on a connection beyond `limits.streams`, to be told why they are refused.
/// Beyond these a client waits by itself until it has read of some.
pub(super) const REFUSALS: u32 = 4;

/// The streams of one connection.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    all: Places,
    here: Arc<AtomicU32>,
}

/// A place for a stream, given back when it is dropped.
#[derive(Debug)]
pub(super) struct StreamPlace {
    here: Arc<AtomicU32>,
    _of_all: Place,
}

impl Streams {
    /// None yet, of those of a socket.
    pub(super) fn new(all: Places) -> Self {
        Self { all, here: Arc::default() }
    }

    /// A place for one more.
    ///
    /// # Errors
    /// [`Error::LimitReached`].
    pub(super) fn enter(&self, limits: &Limits) -> Result<StreamPlace, Error> {
        let full = |limit, max: u32| Error::LimitReached { limit, max: max.into() };
        // Only the task of one connection takes places of it.
        if self.here.load(Ordering::Relaxed) >= limits.streams {
            return Err(full("limits.streams", limits.streams));
        }
        let of_all = self.all.take().ok_or_else(|| full("limits.total_streams", limits.total_streams))?;
        self.here.fetch_add(1, Ordering::Relaxed);
        Ok(StreamPlace { here: Arc::clone(&self.here), _of_all: of_all })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.here.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::server::places::Hall;
    use std::path::Path;

    #[test]
    fn a_connection_that_is_full_is_told_so() {
        let text = "[limits]\nstreams = 1\n\
                    [[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
        let config = Config::parse(Path::new("x"), text).unwrap();
        let places = Hall::new(&config, 8, 8).places();
        let connection = Streams::new(places.clone());
        let place = connection.enter(&config.limits).unwrap();
        let refused = connection.enter(&config.limits).unwrap_err();
        assert_eq!(refused.to_string(), "limit limits.streams of 1 is reached");
        Streams::new(places).enter(&config.limits).unwrap();
        drop(place);
        connection.enter(&config.limits).unwrap();
    }
}
