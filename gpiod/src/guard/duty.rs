//! What the guardian has to do, and when: pure, told the time.
//!
//! Lines that a daemon leaves are owed: they are due when the wait is over. A daemon that starts does not end that, for
//! it may fail: only once it says that it has taken its lines is what it has no longer owed. Until then each debt keeps
//! its deadline, and a daemon that is still starting then has one more wait. So what the lines are left to is bounded by
//! twice the wait, however many starts fail.

use super::message::{Charge, Place, Ward};
use std::time::Duration;
use tokio::time::Instant;

/// The first wait after a failure. Each later one is a quarter longer, so that a line that was in use is switched soon
/// after it is free: later by a quarter of the time it was waited for.
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait between two tries.
const RETRY_MOST: Duration = Duration::from_secs(5);
/// How long after the first try it is tried no more.
const GIVE_UP: Duration = Duration::from_secs(600);

/// Which connection a charge came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerId(pub(super) u64);

/// Lines in care, and lines that are to be switched.
#[derive(Debug)]
pub(super) struct Duty {
    wait: Duration,
    /// Whose charge is in force, while it lives.
    current: Option<(PeerId, Charge)>,
    owed: Vec<Debt>,
}

/// A line that nobody is known to drive any more.
#[derive(Debug)]
struct Debt {
    ward: Ward,
    due: Instant,
    retry: Duration,
    /// When it is given up; set with the first failure.
    until: Option<Instant>,
}

/// What is done about a line that could not be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again after this.
    Retry(Duration),
    /// It stays as it is.
    GiveUp,
}

impl Duty {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, current: None, owed: Vec::new() }
    }

    /// A daemon gives its lines into care, or says of those it gave that it has taken them: then they are its own.
    /// What was in care and that it has not, or not yet, is owed. Answers whose charge it replaces, if that is another's.
    pub(super) fn take(&mut self, peer: PeerId, mut charge: Charge, now: Instant) -> Option<PeerId> {
        let before = self.current.take();
        let replaced = before.as_ref().map(|(other, _)| *other).filter(|other| *other != peer);
        if let Some((_, before)) = before {
            // Who has taken its lines has them, whatever else it says later.
            charge.taken |= replaced.is_none() && before.taken;
            // One that is replaced has gone, or nearly so: what it has left is not in other hands by a mere start.
            let left = |ward: &Ward| replaced.is_some() && !charge.taken || !has(&charge, &ward.place);
            before.wards.into_iter().filter(left).for_each(|ward| self.owe(ward, now));
        }
        if charge.taken {
            self.owed.retain(|debt| !has(&charge, &debt.ward.place));
        }
        self.current = Some((peer, charge));
        replaced
    }

    /// A daemon has gone. Answers which lines are owed by that; `None` if its charge was no longer in force.
    pub(super) fn gone(&mut self, peer: PeerId, now: Instant) -> Option<Vec<Ward>> {
        let (_, charge) = self.current.take_if(|(current, _)| *current == peer)?;
        charge.wards.iter().cloned().for_each(|ward| self.owe(ward, now));
        Some(charge.wards)
    }

    /// A line is left at this moment. One that is owed already keeps its deadline.
    fn owe(&mut self, ward: Ward, now: Instant) {
        let known = self.owed.iter().position(|debt| debt.ward.place == ward.place);
        let due = match known.map(|place| self.owed.swap_remove(place)) {
            // What could not be switched may have been refused for the sake of who has gone now.
            Some(Debt { until: Some(_), .. }) => now,
            Some(debt) => debt.due,
            None => now + self.wait,
        };
        self.owed.push(Debt { ward, due, retry: RETRY, until: None });
    }

    /// When a line is switched. A daemon that is about to take it has one more wait: it is not disturbed over little,
    /// and one that hangs there keeps nothing on.
    fn falls_due(&self, debt: &Debt) -> Instant {
        let awaited = self.current.as_ref().is_some_and(|(_, charge)| has(charge, &debt.ward.place));
        if awaited && debt.until.is_none() { debt.due + self.wait } else { debt.due }
    }

    /// Whether these lines are in this one's care already.
    pub(super) fn knows(&self, peer: PeerId, charge: &Charge) -> bool {
        self.current.as_ref().is_some_and(|(current, known)| *current == peer && known.wards == charge.wards)
    }

    /// Whether a daemon's lines are in care.
    pub(super) fn cares(&self) -> bool {
        self.current.as_ref().is_some_and(|(_, charge)| !charge.wards.is_empty())
    }

    /// The lines that are to be switched, whether their time has come or not.
    pub(super) fn owed(&self) -> Vec<Ward> {
        self.owed.iter().map(|debt| debt.ward.clone()).collect()
    }

    /// The lines whose time has come.
    pub(super) fn ready(&self, now: Instant) -> Vec<Ward> {
        self.owed.iter().filter(|debt| self.falls_due(debt) <= now).map(|debt| debt.ward.clone()).collect()
    }

    /// When lines are to be switched next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.owed.iter().map(|debt| self.falls_due(debt)).min()
    }

    /// After a try of these lines, of which some failed: what is done about each of those.
    pub(super) fn tried(&mut self, tried: &[Ward], failed: &[Ward], now: Instant) -> Vec<Next> {
        self.owed.retain(|debt| !tried.contains(&debt.ward) || failed.contains(&debt.ward));
        let next = failed.iter().map(|ward| self.failed(ward, now)).collect();
        self.owed.retain(|debt| debt.until.is_none_or(|until| now < until));
        next
    }

    fn failed(&mut self, ward: &Ward, now: Instant) -> Next {
        let Some(debt) = self.owed.iter_mut().find(|debt| debt.ward == *ward) else { return Next::GiveUp };
        if now >= *debt.until.get_or_insert(now + GIVE_UP) {
            return Next::GiveUp;
        }
        let retry = debt.retry;
        debt.due = now + retry;
        debt.retry = (retry + retry / 4).min(RETRY_MOST);
        Next::Retry(retry)
    }
}

fn has(charge: &Charge, place: &Place) -> bool {
    charge.wards.iter().map(|ward| &ward.place).chain(&charge.others).any(|own| own == place)
}

#[cfg(test)]
mod tests;
