//! The configuration's file, watched for changes of what it says.
//!
//! It is the directory that is watched: editors replace the file, and a kubelet exchanges a link beside it. A file that is
//! only just made says nothing yet: it is read when whoever writes it has closed it.

use crate::config::{self, Config};
use crate::log_keys as keys;
use crate::reactor::{self, Descriptor};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

/// How long after the first sign of a change the file is read: what writes it has come to its end by then, or signs
/// again.
const SETTLE: Duration = Duration::from_millis(100);

/// A file that is watched.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    /// What it said last; `None` where it could not be read.
    text: Option<String>,
    signs: Option<AsyncFd<Descriptor<Inotify>>>,
    /// When it is to be read, after a sign.
    due: Option<Instant>,
}

impl ConfigFile {
    /// Begins to watch the file that a configuration was read from. It may have changed since, which gives no sign any
    /// more: that is looked for here. Where the system does not let us watch, it can still be read by order.
    pub(super) fn watch(config: &Config) -> Self {
        let path = &config.path;
        let signs = signs(path).inspect_err(|error| {
            tracing::warn!({ keys::PATH } = %path.display(), { keys::ERROR } = %error,
                "changes of the configuration are not seen: use SIGHUP or `gpiod reload`");
        });
        let text = Some(config.text.to_string());
        let due = (config::read(path).ok() != text).then(Instant::now);
        Self { path: path.clone(), text, signs: signs.ok(), due }
    }

    /// Waits until the file says something else. May be dropped while it waits; what came meanwhile is not forgotten.
    pub(super) async fn changed(&mut self) {
        loop {
            if self.due.is_none() {
                let Some(signs) = &mut self.signs else { return std::future::pending().await };
                if let Err(error) = sign(signs).await {
                    tracing::warn!({ keys::ERROR } = %error, "changes of the configuration are no longer seen");
                    self.signs = None;
                    continue;
                }
            }
            sleep_until(*self.due.get_or_insert_with(|| Instant::now() + SETTLE)).await;
            self.due = None;
            let text = config::read(&self.path).ok();
            // A file that is away for a moment is being replaced.
            if text.is_some() && text != self.text {
                self.text = text;
                return;
            }
        }
    }

    /// Takes what the file says now as known, before it is read by order.
    pub(super) fn known(&mut self) {
        self.text = config::read(&self.path).ok();
    }
}

fn signs(path: &Path) -> io::Result<AsyncFd<Descriptor<Inotify>>> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let flags = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_MOVE_SELF;
    inotify.add_watch(dir, flags)?;
    reactor::readable(inotify)
}

/// Waits for a sign and takes all that are there.
async fn sign(signs: &mut AsyncFd<Descriptor<Inotify>>) -> io::Result<()> {
    let mut ready = signs.readable_mut().await?;
    loop {
        match ready.get_inner_mut().0.read_events() {
            Ok(events) => {
                let lost = AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF;
                if events.iter().any(|event| event.mask.intersects(lost)) {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "its directory was replaced"));
                }
            }
            Err(Errno::EAGAIN) => {
                ready.clear_ready();
                return Ok(());
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}
