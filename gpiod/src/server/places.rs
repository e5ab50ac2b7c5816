//! Places that all sockets share, of which a part is each socket's own and nobody else's: whoever takes all that is left
//! keeps no other socket from being used.

use crate::config::Config;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The places of one kind, of all sockets together.
#[derive(Clone, Debug)]
pub(super) struct Hall {
    shared: Arc<Semaphore>,
    /// How many each socket has for itself.
    own: usize,
}

impl Hall {
    /// So many places for the sockets of a configuration, of which one socket has use for `most` at most.
    pub(super) fn new(config: &Config, total: u32, most: u32) -> Self {
        let own = config.own_places(total).min(most as usize);
        let shared = (total as usize).saturating_sub(own * config.sockets());
        Self { shared: Arc::new(Semaphore::new(shared)), own }
    }

    /// The same for a socket that comes later: one place of its own, taken out of those that all share if one is free.
    /// There is one for [`Config::sockets_later`].
    pub(super) fn later(&self) -> Self {
        let own = usize::from(self.shared.try_acquire().map(SemaphorePermit::forget).is_ok());
        Self { own, ..self.clone() }
    }

    /// The places that one more socket can have.
    pub(super) fn places(&self) -> Places {
        Places(Arc::new(Share { hall: self.clone(), own: Arc::new(Semaphore::new(self.own)) }))
    }
}

/// The places that one socket can have: its own first.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Share>);

#[derive(Debug)]
struct Share {
    hall: Hall,
    own: Arc<Semaphore>,
}

/// What was a socket's own is for all when it has gone, and everybody who had a place there.
impl Drop for Share {
    fn drop(&mut self) {
        self.hall.shared.add_permits(self.hall.own);
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _share: Arc<Share>,
}

impl Places {
    /// A place, if there is one.
    pub(super) fn take(&self) -> Option<Place> {
        let Share { hall, own } = &*self.0;
        let permit = Arc::clone(own).try_acquire_owned();
        let permit = permit.or_else(|_| Arc::clone(&hall.shared).try_acquire_owned()).ok()?;
        Some(Place { _permit: permit, _share: Arc::clone(&self.0) })
    }
}
