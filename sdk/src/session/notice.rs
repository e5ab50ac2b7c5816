//! What happens to a session as a whole, told so that a late listener still learns all that matters.

use crate::error::Error;
use crate::values::Values;
use crate::watch::Loss;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What happened to a session.
///
/// Notices that nobody took are summed up: of several losses in a row the last is told, and
/// [`Notice::Resumed`] adds up all times away since the last one that was taken.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The daemon has gone; the session tries to come back.
    Lost {
        /// What was seen of it.
        why: Error,
    },
    /// The session is open again on the same lines: write what should be now.
    Resumed {
        /// For how long it was away, all in all since the last `Resumed` that was taken.
        away: Duration,
        /// How often it was away in that time, at least once.
        times: u64,
        /// Whether the lines were this session's all the time, so that outputs are as it left them. Otherwise they were
        /// let go meanwhile, and did what their configuration says of that.
        kept: bool,
        /// The values of all lines now.
        values: Values,
        /// What its watches lost, one for each cause, added up over all of them. Each watch tells its own in its place.
        losses: Vec<Loss>,
    },
    /// The session has ended and will not come back. From now on every call gives this.
    Ended {
        /// Why.
        error: Error,
    },
}

/// The notices of a session that nobody took yet. Bounded, since each kind is summed up.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    untold: Mutex<Untold>,
    told: Notify,
}

#[derive(Debug, Default)]
struct Untold {
    lost: Option<Error>,
    resumed: Option<Resumed>,
    /// Whether the session is away after `resumed`, so that a listener hears of it first.
    away_again: bool,
    ended: Option<Error>,
}

/// Times away that ended, and the values after the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    pub(crate) away: Duration,
    pub(crate) times: u64,
    pub(crate) kept: bool,
    pub(crate) values: Values,
    pub(crate) losses: Vec<Loss>,
}

impl Resumed {
    /// This and what came after it, as one.
    fn and(mut self, after: Self) -> Self {
        for loss in after.losses {
            loss.add_to(&mut self.losses);
        }
        Self {
            away: self.away + after.away,
            times: self.times + after.times,
            kept: self.kept && after.kept,
            values: after.values,
            losses: self.losses,
        }
    }
}

impl Notices {
    pub(crate) fn lost(&self, why: Error) {
        let mut untold = self.lock();
        untold.away_again = untold.resumed.is_some();
        untold.lost = Some(why);
        self.told.notify_one();
    }

    pub(crate) fn resumed(&self, now: Resumed) {
        let mut untold = self.lock();
        untold.resumed = Some(match untold.resumed.take() {
            Some(before) => before.and(now),
            None => now,
        });
        untold.away_again = false;
        self.told.notify_one();
    }

    pub(crate) fn ended(&self, error: Error) {
        self.lock().ended = Some(error);
        self.told.notify_one();
    }

    /// Waits for the next notice.
    pub(crate) async fn next(&self) -> Notice {
        loop {
            if let Some(notice) = self.take() {
                return notice;
            }
            self.told.notified().await;
        }
    }

    fn take(&self) -> Option<Notice> {
        let mut untold = self.lock();
        if let Some(why) = untold.lost.take() {
            return Some(Notice::Lost { why });
        }
        // While away again, the times away are kept for the next `Resumed`: told now, it would seem to be back.
        if !untold.away_again
            && let Some(Resumed { away, times, kept, values, losses }) = untold.resumed.take()
        {
            return Some(Notice::Resumed { away, times, kept, values, losses });
        }
        let error = untold.ended.clone()?;
        // Whoever else listens must learn it too.
        self.told.notify_one();
        Some(Notice::Ended { error })
    }

    fn lock(&self) -> MutexGuard<'_, Untold> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::LossCause;

    const SECOND: Duration = Duration::from_secs(1);

    fn values(bits: u64) -> Values {
        Values::new([].into(), u64::MAX, bits, 0)
    }

    /// An end of a second away, in which two edges were lost.
    fn resumed(kept: bool, bits: u64) -> Resumed {
        let losses = vec![Loss::of(LossCause::Watcher, Some(2))];
        Resumed { away: SECOND, times: 1, kept, values: values(bits), losses }
    }

    #[test]
    fn what_was_not_taken_is_summed_up() {
        let notices = Notices::default();
        notices.lost(Error::Closed);
        notices.resumed(resumed(false, 1));
        notices.lost(Error::invalid("the last"));
        notices.resumed(resumed(true, 2));
        let Some(Notice::Lost { why: Error::Invalid { .. } }) = notices.take() else { panic!() };
        let Some(Notice::Resumed { away, times, kept, values, losses }) = notices.take() else { panic!() };
        assert_eq!((away, times, kept, values.bits()), (2 * SECOND, 2, false, 2));
        assert_eq!(losses, [Loss::of(LossCause::Watcher, Some(4))]);
        assert!(notices.take().is_none());
    }

    #[test]
    fn a_session_that_is_away_again_does_not_seem_to_be_back() {
        let notices = Notices::default();
        notices.lost(Error::Closed);
        notices.resumed(resumed(false, 1));
        notices.lost(Error::Closed);
        assert!(matches!(notices.take(), Some(Notice::Lost { .. })));
        assert!(notices.take().is_none());
        notices.resumed(resumed(true, 2));
        assert!(matches!(notices.take(), Some(Notice::Resumed { times: 2, .. })));
    }

    #[test]
    fn the_end_is_told_after_all_else_and_to_everybody() {
        let notices = Notices::default();
        notices.lost(Error::Closed);
        notices.ended(Error::Closed);
        assert!(matches!(notices.take(), Some(Notice::Lost { .. })));
        for _ in 0..2 {
            assert!(matches!(notices.take(), Some(Notice::Ended { .. })));
        }
    }
}
