//! The places at a socket, for those whom the configuration allows.
//!
//! A socket has so many places for connections, and all sockets together have a number too, see [`places`](super::places).
//! Whoever is refused is told why on its first call, in one of a few places that are for nothing else.

use super::places::{self, Hall, Places};
use crate::config::{Config, Limits};
use crate::error::Error;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that are being told why they are refused, for each socket; more are closed at once.
pub(super) const REFUSALS: usize = 2;

/// What all sockets share.
#[derive(Clone, Debug)]
pub(super) struct House {
    connections: Hall,
    streams: Hall,
    watches: Hall,
}

impl House {
    pub(super) fn new(config: &Config) -> Self {
        let limits = &config.limits;
        Self {
            connections: Hall::new(config, limits.total_connections, limits.connections),
            streams: Hall::new(config, limits.total_streams, limits.total_streams),
            watches: Hall::new(config, limits.total_watches, limits.watches),
        }
    }

    /// The same for a socket that comes later.
    pub(super) fn later(&self) -> Self {
        let Self { connections, streams, watches } = self;
        Self { connections: connections.later(), streams: streams.later(), watches: watches.later() }
    }
}

/// The door of one socket.
#[derive(Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    of_all: Places,
    /// The places of the streams of its connections.
    pub(super) streams: Places,
    /// The places of the watches through it.
    pub(super) watches: Places,
    refusals: Arc<Semaphore>,
}

/// A place for a connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _parts: (OwnedSemaphorePermit, Option<places::Place>),
}

impl Door {
    pub(super) fn new(house: &House, limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections as usize)),
            of_all: house.connections.places(),
            streams: house.streams.places(),
            watches: house.watches.places(),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
        }
    }

    /// A place for a connection.
    ///
    /// # Errors
    /// [`Error::LimitReached`].
    pub(super) fn enter(&self, limits: &Limits) -> Result<Place, Error> {
        let full = |limit, max: u32| Error::LimitReached { limit, max: max.into() };
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| full("limits.connections", limits.connections))?;
        let of_all = self.of_all.take();
        let of_all = of_all.ok_or_else(|| full("limits.total_connections", limits.total_connections))?;
        Ok(Place { _parts: (place, Some(of_all)) })
    }

    /// A place for one that is refused, to be told so; `None` when it is to be closed.
    pub(super) fn refuse(&self) -> Option<Place> {
        let place = Arc::clone(&self.refusals).try_acquire_owned().ok()?;
        Some(Place { _parts: (place, None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_all_sockets_share_can_be_used_up_and_each_still_has_its_own() {
        let text = "[limits]\nconnections = 4\ntotal_connections = 6\n\
                    [[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
        let config = Config::parse(Path::new("x"), text).unwrap();
        let house = House::new(&config);
        let doors = [0, 1, 2].map(|_| Door::new(&house, &config.limits));
        let enter = |door: &Door| door.enter(&config.limits).map_err(|error| error.to_string());
        // One of its own and three of those that all share.
        let mut hog: Vec<Place> = (0..4).map(|_| enter(&doors[0]).unwrap()).collect();
        assert_eq!(enter(&doors[0]).unwrap_err(), "limit limits.connections of 4 is reached");
        let _own = enter(&doors[1]).unwrap();
        assert_eq!(enter(&doors[1]).unwrap_err(), "limit limits.total_connections of 6 is reached");
        let _another = enter(&doors[2]).unwrap();
        hog.pop();
        enter(&doors[1]).unwrap();
        // One that comes later has its own too, while there are free ones; and leaves it to all.
        let later = Door::new(&house.later(), &config.limits);
        assert_eq!(enter(&doors[1]).unwrap_err(), "limit limits.total_connections of 6 is reached");
        enter(&later).unwrap();
        drop(later);
        enter(&doors[1]).unwrap();
    }

    #[test]
    fn few_are_told_why_they_are_refused_and_they_take_no_place() {
        let text = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
        let config = Config::parse(Path::new("x"), text).unwrap();
        let door = Door::new(&House::new(&config), &config.limits);
        let refused: Vec<Place> = std::iter::from_fn(|| door.refuse()).collect();
        assert_eq!(refused.len(), REFUSALS);
        door.enter(&config.limits).unwrap();
    }
}
