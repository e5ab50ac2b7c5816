//! The queue under every mix of events, losses and takes: each event is delivered once and in order, or counted.

use super::waiting::{Item, LOSSES};
use super::*;
use crate::line::{Moment, Value};
use crate::watch::Source;
use proptest::prelude::*;

fn event(n: u64) -> Event {
    let edge = if n.is_multiple_of(2) { Edge::Falling } else { Edge::Rising };
    Event { position: 0, edge, timestamp_ns: n, uncertainty_ns: 0, line_seqno: n, source: Source::Kernel }
}

fn read(timestamp_ns: u64, uncertainty_ns: u64, bits: u64) -> Values {
    Values { bits, read: Moment { timestamp_ns, uncertainty_ns } }
}

/// A queue of one line.
fn queue(capacity: usize, filter: EdgeFilter, values: Values) -> Queue {
    let timestamp_ns = values.read.timestamp_ns;
    let position = Position { epoch: 1, line_seqnos: vec![0], timestamp_ns, seqno: 0, values };
    Queue::new(capacity, filter, 1, position)
}

fn both(capacity: usize) -> Queue {
    queue(capacity, EdgeFilter::Both, read(0, 0, 0))
}

fn stamps(queue: &Queue) -> Vec<u64> {
    queue.take().map_or_else(Vec::new, |batch| batch.events.iter().map(|event| event.timestamp_ns).collect())
}

#[test]
fn an_event_of_the_moment_of_reading_is_told_unless_the_values_say_it_already() {
    // Event 9 is rising, 10 falling, 11 rising; the values were read between 8 and 12.
    for (bits, told) in [(0, vec![9, 10, 11, 13]), (1, vec![10, 11, 13])] {
        let queue = queue(8, EdgeFilter::Both, read(10, 2, bits));
        for n in [6, 7, 9, 10, 11, 13] {
            queue.push(event(n), false);
        }
        assert_eq!(stamps(&queue), told);
    }
}

#[test]
fn the_values_are_held_against_edges_that_are_not_wanted_too() {
    let queue = queue(8, EdgeFilter::Rising, read(10, 2, 0));
    for n in [9, 10, 11] {
        queue.push(event(n), false);
    }
    assert_eq!(stamps(&queue), [9, 11]);
}

#[test]
fn events_of_the_past_are_passed_over_and_so_is_what_was_swallowed_before_them() {
    let queue = queue(4, EdgeFilter::Both, read(10, 0, 0));
    queue.push(event(10), true);
    assert_eq!(queue.take(), None);
    queue.push(event(11), false);
    assert_eq!(queue.take().unwrap().events, [event(11)]);
}

#[test]
fn a_loss_stands_between_the_events_that_it_lies_between() {
    let queue = both(8);
    queue.push(event(1), false);
    queue.push(event(3), true);
    queue.lose(0, 2, 5);
    queue.over_limit(&event(6));
    queue.push(event(7), false);
    let first = queue.take().unwrap();
    assert_eq!((first.losses, first.position, first.events), (Losses::default(), None, vec![event(1)]));
    let second = queue.take().unwrap();
    assert_eq!(second.losses, Losses { hardware: true, ..Losses::default() });
    assert_eq!((second.first_seqno, second.events), (2, vec![event(3)]));
    assert_eq!(second.position.unwrap().timestamp_ns, 3, "known to be gone");
    let third = queue.take().unwrap();
    assert_eq!(third.losses, Losses { kernel: 2, limit: 1, ..Losses::default() });
    assert_eq!((third.first_seqno, third.events), (6, vec![event(7)]));
    let position = third.position.unwrap();
    assert_eq!((position.line_seqnos, position.seqno), (vec![6], 5));
}

#[test]
fn a_stream_begins_with_its_position_and_what_waits() {
    let queue = both(8);
    let position = queue.begin().position.unwrap();
    assert_eq!((position.epoch, position.line_seqnos, position.seqno), (1, vec![0], 0));
    queue.push(event(1), false);
    assert_eq!(queue.take().unwrap().position, None);
    let queue = both(8);
    queue.push(event(1), false);
    let batch = queue.begin();
    assert_eq!((batch.position.unwrap().line_seqnos, batch.events), (vec![0], vec![event(1)]));
}

#[test]
fn lines_are_told_apart_in_the_position_by_their_order() {
    let values = read(0, 0, 0b10_0000);
    let position = Position { epoch: 1, line_seqnos: vec![4, 9], timestamp_ns: 0, seqno: 7, values };
    let queue = Queue::new(8, EdgeFilter::Both, 0b10_0100, position);
    queue.push(Event { position: 5, ..event(10) }, false);
    queue.take();
    queue.lose(2, 1, 5);
    let position = queue.take().unwrap().position.unwrap();
    assert_eq!((position.line_seqnos, position.seqno, position.timestamp_ns), (vec![5, 10], 9, 10));
    assert_eq!(position.values.bits, 0);
    assert!(!Value::from_bit(position.values.bits != 0).is_active());
}

#[test]
fn however_many_losses_there_are_what_waits_is_bounded() {
    let queue = both(16);
    for n in 1..10_000 {
        queue.push(event(2 * n), false);
        queue.lose(0, 1, 2 * n + 1);
    }
    let items = queue.lock().waiting.items.len();
    assert!(items <= 16 + LOSSES + 1, "{items}");
    let lost = |lost: &Lost| assert!(lost.reached.len() <= 1);
    queue.lock().waiting.items.iter().for_each(|item| {
        if let Item::Lost(item) = item {
            lost(item)
        }
    });
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take,
    Lose(u64),
    Limit,
    Push { swallowed: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Take),
        1 => (1u64..4).prop_map(Step::Lose),
        1 => Just(Step::Limit),
        6 => any::<bool>().prop_map(|swallowed| Step::Push { swallowed }),
    ]
}

proptest! {
    /// The stream sequence numbers say so, and so does the position, which never runs ahead of what was taken.
    #[test]
    fn every_event_is_delivered_or_counted(
        capacity in 1usize..30,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let queue = both(capacity);
        let (mut pushed, mut kernel, mut limit, mut last_seqno) = (0, 0, 0, 0);
        let mut counted = Losses::default();
        let mut position = queue.begin().position.unwrap();
        let mut take = |queue: &Queue| {
            let Some(batch) = queue.take() else { return false };
            assert_eq!(batch.position.is_some(), !batch.losses.is_none());
            assert_eq!(batch.first_seqno, last_seqno + batch.losses.counted() + 1);
            assert!(batch.events.len() <= capacity);
            assert!(batch.events.windows(2).all(|pair| pair[0].line_seqno < pair[1].line_seqno));
            if let Some(after) = batch.position {
                position = after;
            }
            for event in &batch.events {
                position.pass(1, event);
            }
            counted.add(&batch.losses);
            last_seqno = batch.first_seqno + batch.events.len() as u64 - 1;
            assert_eq!(position.seqno, last_seqno);
            // Every event of the line is one of the stream here.
            assert!(position.line_seqnos[0] >= last_seqno, "{position:?} {last_seqno}");
            true
        };
        for step in steps {
            let next = pushed + kernel + limit + 1;
            match step {
                Step::Take => { take(&queue); }
                Step::Lose(count) => { kernel += count; queue.lose(0, count, next + count - 1); }
                Step::Limit => { limit += 1; queue.over_limit(&event(next)); }
                Step::Push { swallowed } => { pushed += 1; queue.push(event(next), swallowed); }
            }
        }
        while take(&queue) {}
        prop_assert_eq!(last_seqno, pushed + kernel + limit);
        prop_assert_eq!(position.line_seqnos[0], last_seqno);
        prop_assert_eq!((counted.kernel, counted.limit), (kernel, limit));
    }
}
