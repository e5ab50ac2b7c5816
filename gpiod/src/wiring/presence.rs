//! Whether a guardian is there for the lines that need one. The link to it says so, and whoever lists lines looks; who
//! relies on it, and who looks, has the link ask whether it still answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Shared by all lines of a wiring that need a guardian; there is none at first.
#[derive(Clone, Debug, Default)]
pub struct Presence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// 0 where there is none, else one more than the ms within which it acts.
    within: AtomicU64,
    asked: Notify,
}

impl Presence {
    /// How soon the guardian acts once the daemon has gone; `None` while there is no guardian.
    pub fn within(&self) -> Option<Duration> {
        self.0.within.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_millis)
    }

    /// Has the link find out whether the guardian answers. Waits for nothing; who asks in a row asks once.
    pub fn ask(&self) {
        self.0.asked.notify_one();
    }

    /// Waits until somebody asks. For the link alone.
    pub async fn asked(&self) {
        self.0.asked.notified().await;
    }

    /// A guardian is there, and says how soon it acts; or none is any more.
    pub fn set(&self, within: Option<Duration>) {
        let ms = within.map_or(0, |within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX - 1));
        self.0.within.store(if within.is_some() { ms.saturating_add(1) } else { 0 }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_share_it_see_a_guardian_come_and_go() {
        let presence = Presence::default();
        let seen = presence.clone();
        assert_eq!(seen.within(), None);
        for within in [Some(Duration::ZERO), Some(Duration::from_secs(1)), None] {
            presence.set(within);
            assert_eq!(seen.within(), within);
        }
    }
}
