//! One resource's socket in the kubelet's directory, and the connections to it.

use super::Lines;
use super::answer::Answerer;
use super::grpc;
use super::resource::Resource;
use crate::log_keys as keys;
use crate::reactor::task;
use crate::run_dir::{Rights, bind, remove};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Connections at a time; a kubelet has one, and another while it changes over.
const CONNECTIONS: usize = 4;
/// How long one may take to begin.
const BEGIN: Duration = Duration::from_secs(5);
/// How long accepting rests after it failed.
const REST: Duration = Duration::from_secs(1);

/// Which socket stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    file: (u64, u64),
    /// A file system may give its numbers again.
    changed: (i64, i64),
}

impl Mark {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok().filter(|found| found.file_type().is_socket())?;
        Some(Self { file: (found.dev(), found.ino()), changed: (found.ctime(), found.ctime_nsec()) })
    }
}

/// How many lists of a resource's devices are watched.
#[derive(Debug)]
pub(super) struct Watched {
    count: AtomicUsize,
    /// Told when one more or one less is.
    news: Arc<Notify>,
}

impl Watched {
    /// One more, as long as the answer lives.
    pub(super) fn one(self: &Arc<Self>) -> OneWatched {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.news.notify_one();
        OneWatched(Arc::clone(self))
    }
}

/// See [`Watched::one`].
#[derive(Debug)]
pub(super) struct OneWatched(Arc<Watched>);

impl Drop for OneWatched {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.news.notify_one();
    }
}

/// A resource that is served; dropping it ends that.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) resource: Resource,
    /// The kubelet that it was registered with.
    pub(super) registered: Option<Mark>,
    path: PathBuf,
    socket: Option<Mark>,
    watched: Arc<Watched>,
    healthy: watch::Sender<bool>,
    task: AbortHandle,
}

impl Served {
    /// Makes its socket, and serves it. `news` is told when somebody begins or ceases to watch its devices.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn begin(
        dir: &Path,
        resource: &Resource,
        lines: &Lines,
        news: &Arc<Notify>,
    ) -> io::Result<Self> {
        let path = dir.join(&resource.endpoint);
        // Only the kubelet, which is root as we are, has anything to do here.
        let listener = bind(dir, &path, Rights { mode: 0o600, gid: None })?;
        let listener = UnixListener::from_std(listener)?;
        let watched = Arc::new(Watched { count: AtomicUsize::new(0), news: Arc::clone(news) });
        let (healthy, health) = watch::channel(true);
        let answerer = Answerer {
            resource: resource.clone(),
            lines: lines.clone(),
            health,
            watched: Arc::clone(&watched),
        };
        let task = tokio::spawn(task(accept(listener, Arc::new(answerer)))).abort_handle();
        let (resource, socket) = (resource.clone(), Mark::of(&path));
        Ok(Self { resource, registered: None, path, socket, watched, healthy, task })
    }

    /// Whether its socket is where it was made.
    pub(super) fn is_there(&self) -> bool {
        self.socket.is_some() && Mark::of(&self.path) == self.socket
    }

    /// Whether a kubelet watches its devices.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.count.load(Ordering::Relaxed) > 0
    }

    /// Tells those who watch its devices, if it is otherwise than before; answers whether it is.
    pub(super) fn tell(&self, healthy: bool) -> bool {
        self.healthy.send_if_modified(|now| std::mem::replace(now, healthy) != healthy)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
        if self.is_there() {
            // A kubelet that is started anew removes what is left.
            let _ = remove(&self.path);
        }
    }
}

async fn accept(listener: UnixListener, answerer: Arc<Answerer>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS => {
                    connections.spawn(task(connection(stream, Arc::clone(&answerer))));
                }
                Ok(_) => tracing::warn!(
                    { keys::RESOURCE } = answerer.resource.name,
                    "the kubelet has too many connections"
                ),
                Err(error) => {
                    tracing::warn!(%error, "accepting the kubelet's connections rests");
                    sleep(REST).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: UnixStream, answerer: Arc<Answerer>) {
    let Ok(Ok(mut connection)) = timeout(BEGIN, grpc::Connection::begin(stream)).await else { return };
    // They end with the connection.
    let mut calls = JoinSet::new();
    while let Some(call) = connection.next().await {
        while calls.try_join_next().is_some() {}
        calls.spawn(task(Arc::clone(&answerer).answer(call)));
    }
}
