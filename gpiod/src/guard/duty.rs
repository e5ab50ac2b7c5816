//! What the guardian has to do, and when: pure, told the time.
//!
//! Lines that a daemon leaves are owed: they are due when the wait is over. A daemon that starts does not end that, for
//! it may fail: only once it says that it has taken its lines is what it has no longer owed. Until then each debt keeps
//! its deadline, and a daemon that is still starting then has one more wait. So what the lines are left to is bounded by
//! twice the wait, however many starts fail.

use super::message::{Charge, Place, Ward};
use std::time::Duration;
use tokio::time::Instant;

/// The first wait after a failure; each later one is twice as long.
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
        debt.retry = (retry * 2).min(RETRY_MOST);
        Next::Retry(retry)
    }
}

fn has(charge: &Charge, place: &Place) -> bool {
    charge.wards.iter().map(|ward| &ward.place).chain(&charge.others).any(|own| own == place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(1);
    const OLD: PeerId = PeerId(1);
    const NEW: PeerId = PeerId(2);

    fn place(offset: u32) -> Place {
        Place { chip: "chip".into(), offset, board_line: String::new() }
    }

    fn charge(wards: &[u32], others: &[u32]) -> Charge {
        let ward = |offset: &u32| Ward { name: format!("a/{offset}"), place: place(*offset), bias: None };
        Charge {
            wards: wards.iter().map(ward).collect(),
            others: others.iter().copied().map(place).collect(),
            taken: false,
        }
    }

    /// The same, of a daemon that has taken its lines.
    fn taken(wards: &[u32], others: &[u32]) -> Charge {
        Charge { taken: true, ..charge(wards, others) }
    }

    /// A daemon that had taken line 1, and has gone.
    fn left(now: Instant) -> Duty {
        let mut duty = Duty::new(WAIT);
        duty.take(OLD, charge(&[1], &[]), now);
        duty.take(OLD, taken(&[1], &[]), now);
        duty.gone(OLD, now);
        duty
    }

    fn owed(duty: &Duty) -> Vec<u32> {
        duty.owed().iter().map(|ward| ward.place.offset).collect()
    }

    #[test]
    fn lines_are_due_when_the_wait_after_the_end_of_their_daemon_is_over() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        assert_eq!(duty.take(OLD, charge(&[1, 2], &[3]), now), None);
        assert_eq!((duty.due(), duty.cares()), (None, true));
        assert_eq!(duty.gone(OLD, now).unwrap().len(), 2);
        assert_eq!((duty.due(), owed(&duty), duty.cares()), (Some(now + WAIT), vec![1, 2], false));
        assert_eq!(duty.tried(&duty.ready(now + WAIT), &[], now + WAIT), []);
        assert_eq!(duty.due(), None);
    }

    #[test]
    fn a_daemon_that_is_back_in_time_has_its_lines_and_the_rest_is_still_owed() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        duty.take(OLD, taken(&[1, 2, 3], &[]), now);
        duty.gone(OLD, now);
        let back = now + WAIT / 2;
        duty.take(NEW, charge(&[1], &[2]), back);
        assert_eq!((owed(&duty).len(), duty.due()), (3, Some(now + WAIT)), "line 3 is not awaited");
        duty.take(NEW, taken(&[1], &[2]), back);
        assert_eq!((owed(&duty), duty.due()), (vec![3], Some(now + WAIT)), "line 2 is kept by wish now");
        // Its own end is an end of its own, and what was owed before is not put off by it.
        duty.gone(NEW, back);
        assert_eq!(duty.ready(now + WAIT).len(), 1);
        assert_eq!(duty.ready(back + WAIT).len(), 2);
    }

    #[test]
    fn a_restart_within_the_wait_has_nothing_switched() {
        let now = Instant::now();
        let mut duty = left(now);
        let back = now + WAIT / 2;
        duty.take(NEW, charge(&[1], &[]), back);
        assert!(duty.ready(now + WAIT).is_empty(), "it is about to take it");
        duty.take(NEW, taken(&[1], &[]), now + WAIT);
        assert_eq!((owed(&duty), duty.due(), duty.cares()), (vec![], None, true));
        // The next end is counted from itself.
        duty.gone(NEW, now + 3 * WAIT);
        assert_eq!(duty.due(), Some(now + 4 * WAIT));
    }

    #[test]
    fn starts_that_fail_put_nothing_off() {
        let begin = Instant::now();
        let (mut duty, mut now) = (left(begin), begin);
        for id in 2..10 {
            duty.take(PeerId(id), charge(&[1], &[]), now);
            now += WAIT / 8;
            duty.gone(PeerId(id), now);
            assert_eq!(duty.due(), Some(begin + WAIT), "start {id}");
        }
        assert_eq!(duty.ready(now).len(), 1, "{:?} after the end", now - begin);
        // What was switched is owed anew by a start after that: it may have driven the line.
        duty.tried(&duty.ready(now), &[], now);
        duty.take(NEW, charge(&[1], &[]), now);
        assert_eq!(duty.due(), None);
        duty.gone(NEW, now);
        assert_eq!(duty.due(), Some(now + WAIT));
    }

    #[test]
    fn a_start_that_fails_after_the_deadline_is_not_waited_for_again() {
        let now = Instant::now();
        let mut duty = left(now);
        duty.take(NEW, charge(&[1], &[]), now + WAIT / 2);
        let fails = now + WAIT + WAIT / 2;
        assert!(duty.ready(fails).is_empty());
        duty.gone(NEW, fails);
        assert_eq!((duty.due(), duty.ready(fails).len()), (Some(now + WAIT), 1));
    }

    #[test]
    fn a_start_that_takes_long_has_one_more_wait_and_what_it_claims_is_refused_until_it_says_so_or_goes() {
        let now = Instant::now();
        let mut duty = left(now);
        duty.take(NEW, charge(&[1], &[]), now);
        assert_eq!(duty.due(), Some(now + 2 * WAIT));
        let due = now + 2 * WAIT;
        let ready = duty.ready(due);
        assert_eq!(duty.tried(&ready, &ready, due), [Next::Retry(RETRY)]);
        assert_eq!(duty.due(), Some(due + RETRY), "an older daemon never says it: the kernel decides");
        let late = due + RETRY / 2;
        duty.gone(NEW, late);
        assert_eq!(duty.due(), Some(late), "the kernel keeps it from us no more");
        duty.take(NEW, taken(&[1], &[]), late);
        assert_eq!(duty.due(), None);
    }

    #[test]
    fn a_start_that_is_heard_of_before_the_end_of_the_one_before_is_no_more_than_a_start() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        duty.take(OLD, taken(&[1], &[]), now);
        assert_eq!(duty.take(NEW, charge(&[1], &[]), now), Some(OLD));
        assert_eq!(duty.gone(OLD, now), None);
        let fails = now + WAIT / 2;
        duty.gone(NEW, fails);
        assert_eq!(duty.due(), Some(now + WAIT));
    }

    #[test]
    fn the_end_of_one_that_was_replaced_is_of_no_account() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        duty.take(OLD, taken(&[1], &[]), now);
        assert_eq!(duty.take(NEW, taken(&[1], &[]), now), Some(OLD));
        assert_eq!(duty.gone(OLD, now), None);
        assert_eq!(duty.due(), None);
        assert_eq!(duty.gone(NEW, now).map(|wards| wards.len()), Some(1));
    }

    #[test]
    fn a_charge_may_be_replaced_by_who_gave_it() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        duty.take(OLD, charge(&[1], &[]), now);
        assert_eq!(duty.take(OLD, charge(&[2], &[1]), now), None);
        assert_eq!(owed(&duty), [0; 0]);
    }

    #[test]
    fn what_fails_is_tried_again_ever_later_and_not_for_ever() {
        let (mut duty, mut now) = (Duty::new(Duration::ZERO), Instant::now());
        let begin = now;
        duty.take(OLD, charge(&[1], &[]), now);
        duty.gone(OLD, now);
        let mut waits = Vec::new();
        while let Some(due) = duty.due() {
            now = due;
            let ready = duty.ready(now);
            match duty.tried(&ready, &ready, now)[..] {
                [Next::Retry(wait)] => waits.push(wait),
                [Next::GiveUp] => break,
                _ => panic!("something is always left"),
            }
        }
        assert_eq!(waits[..3], [100, 200, 400].map(Duration::from_millis));
        assert!(waits.is_sorted() && waits.last() == Some(&RETRY_MOST));
        assert!((GIVE_UP..GIVE_UP + RETRY_MOST).contains(&(now - begin)) && duty.due().is_none());
    }
}
