//! How many streams are open at a time: calls, watches and sessions, on one connection and on all together. Whoever
//! finds no place is told so at once, and never left waiting.
//!
//! A stream has its place until the last bytes of its answer have been written to the socket: what a client asks for and
//! does not read takes memory as long. An answer that is headers alone, as a refusal is, gives it back before: those are
//! short (`status.rs` cuts their texts), and bounded by the streams that HTTP/2 admits on a connection.

use super::places::{Place, Places};
use crate::config::Limits;
use crate::error::Error;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::Response;

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

impl StreamPlace {
    /// The answer, which has the place until the last of its bytes are on the socket or its client has gone.
    pub(super) fn keep_for(self, answer: Response<Body>) -> Response<Body> {
        let place = Arc::new(self);
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                frame.map_data(|bytes| Bytes::from_owner(Placed { bytes, _place: Arc::clone(&place) }))
            }))
        })
    }
}

/// A part of an answer that waits to be written.
struct Placed {
    bytes: Bytes,
    _place: Arc<StreamPlace>,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::server::places::Hall;
    use std::path::Path;

    #[tokio::test]
    async fn a_stream_has_its_place_until_its_last_bytes_are_gone() {
        let text = "[limits]\nstreams = 2\ntotal_streams = 3\n\
                    [[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
        let config = Config::parse(Path::new("x"), text).unwrap();
        let limits = config.limits;
        let hall = Hall::new(&config, limits.total_streams, limits.total_streams);
        let (socket, other) = (hall.places(), hall.places());
        let enter = |streams: &Streams| streams.enter(&limits).map_err(|error| error.to_string());
        let connection = Streams::new(socket.clone());
        let answer = enter(&connection)
            .unwrap()
            .keep_for(Response::new(Body::new("bytes".to_owned().map_err(|never| match never {}))));
        let (all, second) = (enter(&connection).unwrap_err(), Streams::new(socket));
        assert_eq!(all, "limit limits.total_streams of 3 is reached");
        assert_eq!(enter(&second).unwrap_err(), all);
        let _others = enter(&Streams::new(other)).unwrap();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(enter(&second).is_err(), "they wait to be written");
        drop(bytes);
        enter(&second).unwrap();
    }

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
