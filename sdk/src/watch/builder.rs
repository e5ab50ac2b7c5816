//! What to watch, asked for step by step.

use crate::client::connection::Connection;
use crate::error::Error;
use crate::line::Edge;
use crate::line::name::LineRefs;
use crate::line::positions::Positions;
use crate::session::core::Core;
use crate::watch::of_client::Filler;
use crate::watch::ring::Ring;
use crate::watch::{DEFAULT_RING, Source, Watch};
use gpiod_proto::v1;
use std::sync::Arc;

/// A watch to be opened: from [`Client::watch`](crate::Client::watch) and
/// [`Session::watch`](crate::Session::watch).
#[derive(Clone, Debug)]
#[must_use = "nothing is watched before `open`"]
pub struct WatchBuilder {
    of: Of,
    edge: Edge,
    ring: usize,
}

/// Whose lines are watched.
#[derive(Clone, Debug)]
enum Of {
    Client { connection: Connection, client_name: String, names: Vec<String> },
    Session { core: Arc<Core>, lines: LineRefs },
}

impl WatchBuilder {
    pub(crate) fn of_client(connection: Connection, client_name: String, names: Vec<String>) -> Self {
        Self { of: Of::Client { connection, client_name, names }, edge: Edge::Both, ring: DEFAULT_RING }
    }

    pub(crate) fn of_session(core: Arc<Core>, lines: LineRefs) -> Self {
        Self { of: Of::Session { core, lines }, edge: Edge::Both, ring: DEFAULT_RING }
    }

    /// Which edges; default [`Edge::Both`].
    pub fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    /// How many items are kept for a slow reader, at least 1; default [`DEFAULT_RING`].
    pub fn ring(mut self, items: usize) -> Self {
        self.ring = items;
        self
    }

    /// Opens it: done when the lines are watched, so that no later edge is missed unseen.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `LineNotFound`, `InvalidRequest` or `LimitReached`; [`Error::Away`];
    /// [`Error::Invalid`] for no line, more than 64, or one twice. In a session also [`Error::ForeignHandle`],
    /// [`Error::NoSuchLine`] and [`Error::Closed`], and [`Error::Invalid`] for a 65th watch.
    pub async fn open(self) -> Result<Watch, Error> {
        let edge = v1::Edge::from(self.edge).into();
        match self.of {
            Of::Client { connection, client_name, names } => {
                let lines = Positions::new(names.iter().map(String::as_str), None)?;
                let ring = Arc::new(Ring::new(lines.names().clone(), lines.all(), self.edge, self.ring));
                let request = v1::WatchRequest { lines: names, edge, client_name, resume: None };
                let filler = Filler { connection, request, ring: ring.clone() };
                let messages = filler.open(None).await?;
                let task = tokio::spawn(filler.run(messages)).abort_handle();
                Ok(Watch::new(ring, Source::Task(task)))
            }
            Of::Session { core, lines } => {
                let mask = core.lines().mask(&lines)?;
                let ring = Arc::new(Ring::new(core.lines().names().clone(), mask, self.edge, self.ring));
                let id = core.watch(mask, edge, ring.clone()).await?;
                Ok(Watch::new(ring, Source::Session { core, id }))
            }
        }
    }
}
