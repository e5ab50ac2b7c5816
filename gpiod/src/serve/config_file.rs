//! The configuration's file, watched for changes of what it says.
//!
//! It is the whole way to it that is watched: editors replace the file, a kubelet exchanges a link beside it, and others
//! write to the file that a link names. A file that is only just made says nothing yet: it is read when whoever writes it
//! has closed it.

mod chain;

use crate::config::{self, Config};
use crate::log_keys as keys;
use crate::reactor::{self, Descriptor};
use chain::Chain;
use std::io;
use std::path::PathBuf;
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
    chain: Option<AsyncFd<Descriptor<Chain>>>,
    /// What of the way can not be watched, as it was said last.
    unseen: Option<String>,
    /// When it is to be read, after a sign.
    due: Option<Instant>,
}

impl ConfigFile {
    /// Begins to watch the file that a configuration was read from. It may have changed since, which gives no sign any
    /// more: that is looked for here. Where the system does not let us watch, it can still be read by order.
    pub(super) fn watch(config: &Config) -> Self {
        let text = Some(config.text.to_string());
        let mut file = Self { path: config.path.clone(), text, chain: None, unseen: None, due: None };
        match Chain::new().and_then(reactor::readable) {
            Ok(chain) => file.chain = Some(chain),
            Err(error) => file.say_unseen(&error),
        }
        file.follow();
        file.due = (config::read(&file.path).ok() != file.text).then(Instant::now);
        file
    }

    /// Waits until the file says something else. May be dropped while it waits; what came meanwhile is not forgotten.
    pub(super) async fn changed(&mut self) {
        loop {
            if self.due.is_none() {
                let Some(chain) = &mut self.chain else { return std::future::pending().await };
                if let Err(error) = sign(chain).await {
                    self.say_unseen(&error);
                    self.chain = None;
                    continue;
                }
            }
            sleep_until(*self.due.get_or_insert_with(|| Instant::now() + SETTLE)).await;
            self.due = None;
            // A sign may be that the way goes elsewhere now.
            self.follow();
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
        self.follow();
        self.text = config::read(&self.path).ok();
    }

    fn follow(&mut self) {
        let Some(chain) = &mut self.chain else { return };
        match chain.get_mut().0.follow(&self.path) {
            Ok(()) => self.unseen = None,
            Err(error) => self.say_unseen(&error),
        }
    }

    /// Says so once, and not at every sign.
    fn say_unseen(&mut self, error: &io::Error) {
        let error = error.to_string();
        if self.unseen.as_ref() != Some(&error) {
            tracing::warn!({ keys::PATH } = %self.path.display(), { keys::ERROR } = error,
                "changes of the configuration may not be seen: use SIGHUP or `gpiod reload`");
            self.unseen = Some(error);
        }
    }
}

/// Waits for a sign that is ours. Those that it leaves are there for the next time.
async fn sign(chain: &mut AsyncFd<Descriptor<Chain>>) -> io::Result<()> {
    loop {
        // A directory in which others do much still gives everybody their turn.
        tokio::task::consume_budget().await;
        let mut ready = chain.readable_mut().await?;
        match ready.get_inner_mut().0.signs()? {
            Some(true) => return Ok(()),
            Some(false) => {}
            None => ready.clear_ready(),
        }
    }
}
