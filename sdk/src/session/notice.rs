//! What happens to a session as a whole, told so that a late listener still learns all that matters.

use crate::error::Error;
use crate::values::Values;
use std::time::Duration;

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
    /// The session is open again on the same lines. Outputs are as the daemon kept them: write what should be now.
    Resumed {
        /// For how long it was away, all in all since the last `Resumed` that was taken.
        away: Duration,
        /// How often it was away in that time, at least once.
        times: u64,
        /// The values of all lines now.
        values: Values,
    },
    /// The session has ended and will not come back. From now on every call gives this.
    Ended {
        /// Why.
        error: Error,
    },
}
