//! The places at a socket, for those whom the configuration allows.
//!
//! A socket has so many places for connections, and all sockets together have a number too. A part of that is each
//! socket's own and nobody else's, so that whoever takes all that is left keeps no other socket from being used.
//! Whoever is refused is told why on its first call, in one of a few places that are for nothing else.

use crate::config::{Config, Limits};
use crate::error::Error;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Connections that are being told why they are refused, for each socket; more are closed at once.
pub(super) const REFUSALS: usize = 2;

/// The places that all sockets share.
#[derive(Clone, Debug)]
pub(super) struct Hall {
    shared: Arc<Semaphore>,
    /// How many each socket has for itself.
    own: usize,
}

impl Hall {
    pub(super) fn new(config: &Config) -> Self {
        let sockets = 1 + 2 * config.groups.len();
        let total = config.limits.total_connections as usize;
        let own = (total / (2 * sockets)).clamp(1, config.limits.connections as usize);
        Self { shared: Arc::new(Semaphore::new(total.saturating_sub(own * sockets))), own }
    }

    /// The same for a socket that comes later: its own places are taken out of those that all share, as far as they are
    /// free.
    pub(super) fn later(&self) -> Self {
        let fits = |own: &usize| {
            u32::try_from(*own)
                .is_ok_and(|own| self.shared.try_acquire_many(own).map(SemaphorePermit::forget).is_ok())
        };
        let own = (1..=self.own).rev().find(fits).unwrap_or(0);
        Self { own, ..self.clone() }
    }
}

/// The door of one socket.
#[derive(Debug)]
pub(super) struct Door {
    hall: Hall,
    places: Arc<Semaphore>,
    own: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

/// What was a socket's own is for all when it has gone.
impl Drop for Door {
    fn drop(&mut self) {
        self.hall.shared.add_permits(self.hall.own);
    }
}

/// A place for a connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _parts: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

impl Door {
    pub(super) fn new(hall: &Hall, limits: &Limits) -> Self {
        Self {
            hall: hall.clone(),
            places: Arc::new(Semaphore::new(limits.connections as usize)),
            own: Arc::new(Semaphore::new(hall.own)),
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
        let of_all = Arc::clone(&self.own)
            .try_acquire_owned()
            .or_else(|_| Arc::clone(&self.hall.shared).try_acquire_owned())
            .map_err(|_| full("limits.total_connections", limits.total_connections))?;
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
        let hall = Hall::new(&config);
        let doors = [0, 1, 2].map(|_| Door::new(&hall, &config.limits));
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
        let later = Door::new(&hall.later(), &config.limits);
        assert_eq!(enter(&doors[1]).unwrap_err(), "limit limits.total_connections of 6 is reached");
        enter(&later).unwrap();
        drop(later);
        enter(&doors[1]).unwrap();
    }

    #[test]
    fn few_are_told_why_they_are_refused_and_they_take_no_place() {
        let text = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
        let config = Config::parse(Path::new("x"), text).unwrap();
        let door = Door::new(&Hall::new(&config), &config.limits);
        let refused: Vec<Place> = std::iter::from_fn(|| door.refuse()).collect();
        assert_eq!(refused.len(), REFUSALS);
        door.enter(&config.limits).unwrap();
    }
}
