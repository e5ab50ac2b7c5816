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
    assert_eq!(waits[..3], [100_000, 125_000, 156_250].map(Duration::from_micros));
    assert!(waits.is_sorted() && waits.last() == Some(&RETRY_MOST));
    assert!((GIVE_UP..GIVE_UP + RETRY_MOST).contains(&(now - begin)) && duty.due().is_none());
}
