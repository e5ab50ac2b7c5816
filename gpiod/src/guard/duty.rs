//! What the guardian has to do, and when: pure, told the time.

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
    owed: Option<Owed>,
}

/// Lines that nobody drives any more.
#[derive(Debug)]
struct Owed {
    wards: Vec<Ward>,
    due: Instant,
    retry: Duration,
    /// When it is given up; set with the first failure.
    until: Option<Instant>,
}

/// What is done about lines that could not be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// They are tried again after this.
    Retry(Duration),
    /// They stay as they are.
    GiveUp,
}

impl Duty {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, current: None, owed: None }
    }

    /// A daemon gives its lines into care. What it has is its own from now on; what was in care or owed and that it has
    /// not is owed. Answers whose charge it replaces, if that is another's.
    pub(super) fn take(&mut self, peer: PeerId, charge: Charge, now: Instant) -> Option<PeerId> {
        let before = self.current.take();
        let mut left = self.owed.take().map_or_else(Vec::new, |owed| owed.wards);
        let replaced = before.and_then(|(other, charge)| {
            left.extend(charge.wards);
            (other != peer).then_some(other)
        });
        left.retain(|ward| !has(&charge, &ward.place));
        self.current = Some((peer, charge));
        self.owe(left, now);
        replaced
    }

    /// A daemon has gone. Answers which lines are owed by that; `None` if its charge was no longer in force.
    pub(super) fn gone(&mut self, peer: PeerId, now: Instant) -> Option<Vec<Ward>> {
        let (_, charge) = self.current.take_if(|(current, _)| *current == peer)?;
        let mut wards = charge.wards.clone();
        wards.extend(self.owed.take().map_or_else(Vec::new, |owed| owed.wards));
        self.owe(wards, now);
        Some(charge.wards)
    }

    fn owe(&mut self, wards: Vec<Ward>, now: Instant) {
        let due = now + self.wait;
        self.owed = (!wards.is_empty()).then_some(Owed { wards, due, retry: RETRY, until: None });
    }

    /// Whether a daemon's lines are in care.
    pub(super) fn cares(&self) -> bool {
        self.current.as_ref().is_some_and(|(_, charge)| !charge.wards.is_empty())
    }

    /// The lines that are to be switched, whether their time has come or not.
    pub(super) fn owed(&self) -> &[Ward] {
        self.owed.as_ref().map_or(&[], |owed| &owed.wards)
    }

    /// When lines are to be switched.
    pub(super) fn due(&self) -> Option<Instant> {
        self.owed.as_ref().map(|owed| owed.due)
    }

    /// After a try: which lines are still to be switched.
    pub(super) fn tried(&mut self, failed: Vec<Ward>, now: Instant) -> Option<Next> {
        let owed = self.owed.as_mut()?;
        let until = *owed.until.get_or_insert(now + GIVE_UP);
        if failed.is_empty() || now >= until {
            let next = (!failed.is_empty()).then_some(Next::GiveUp);
            self.owed = None;
            return next;
        }
        let retry = owed.retry;
        owed.wards = failed;
        owed.due = now + retry;
        owed.retry = (retry * 2).min(RETRY_MOST);
        Some(Next::Retry(retry))
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
        }
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
        assert_eq!(duty.tried(Vec::new(), now + WAIT), None);
        assert_eq!(duty.due(), None);
    }

    #[test]
    fn a_daemon_that_is_back_in_time_has_its_lines_and_the_rest_is_still_owed() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        duty.take(OLD, charge(&[1, 2, 3], &[]), now);
        duty.gone(OLD, now);
        let back = now + WAIT / 2;
        duty.take(NEW, charge(&[1], &[2]), back);
        assert_eq!((owed(&duty), duty.due()), (vec![3], Some(back + WAIT)), "line 2 is kept by wish now");
    }

    #[test]
    fn the_end_of_one_that_was_replaced_is_of_no_account() {
        let (mut duty, now) = (Duty::new(WAIT), Instant::now());
        duty.take(OLD, charge(&[1], &[]), now);
        assert_eq!(duty.take(NEW, charge(&[1], &[]), now), Some(OLD));
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
            match duty.tried(duty.owed().to_vec(), now) {
                Some(Next::Retry(wait)) => waits.push(wait),
                Some(Next::GiveUp) => break,
                None => panic!("something is always left"),
            }
        }
        assert_eq!(waits[..3], [100, 200, 400].map(Duration::from_millis));
        assert!(waits.is_sorted() && waits.last() == Some(&RETRY_MOST));
        assert!((GIVE_UP..GIVE_UP + RETRY_MOST).contains(&(now - begin)) && duty.due().is_none());
    }
}
