//! The ring under every mix of messages and takes: nothing is lost without being counted.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that the ring gives now.
fn drain(ring: &Ring) -> Vec<WatchItem> {
    std::iter::from_fn(|| take(ring)).collect()
}

fn take(ring: &Ring) -> Option<WatchItem> {
    match ring.poll_take(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item.map(Result::unwrap),
        Poll::Pending => None,
    }
}

fn ring(capacity: usize) -> Ring {
    Ring::new([Arc::from("a"), Arc::from("b")].into(), 0b11, Edge::Both, capacity)
}

/// Edge number `n` of a stream: line a and line b in turn, each going up and down.
fn edge(n: u64) -> v1::EdgeEvent {
    let edge = if n % 4 < 2 { v1::Edge::Rising } else { v1::Edge::Falling };
    v1::EdgeEvent {
        line: u32::from(n % 2 == 1),
        edge: edge.into(),
        timestamp_ns: n,
        line_seqno: n / 2 + 1,
        source: v1::EventSource::Kernel.into(),
    }
}

fn edges(numbers: std::ops::Range<u64>) -> v1::WatchResponse {
    v1::WatchResponse {
        first_seqno: numbers.start,
        events: numbers.map(edge).collect(),
        ..Default::default()
    }
}

fn values(bits: u64) -> v1::WatchResponse {
    v1::WatchResponse { values: Some(v1::Values { bits, timestamp_ns: 0 }), ..Default::default() }
}

fn seqnos(items: &[WatchItem]) -> Vec<u64> {
    items
        .iter()
        .filter_map(|item| match item {
            WatchItem::Edge(event) => Some(event.seqno),
            WatchItem::Values(_) | WatchItem::Lost(_) => None,
        })
        .collect()
}

#[test]
fn the_oldest_are_lost_and_counted_and_the_values_brought_forward() {
    let ring = ring(4);
    ring.put(&values(0b00), None).unwrap();
    // Edges 0 and 1 rise, 2 and 3 fall, 4 and 5 rise; edges 0 to 2 do not fit.
    ring.put(&edges(0..7), None).unwrap();
    let items = drain(&ring);
    assert_eq!(items[0], WatchItem::Lost(Loss::of(LossCause::Watcher, Some(3))));
    let WatchItem::Values(now) = &items[1] else { panic!("{items:?}") };
    assert_eq!((now.bits(), now.timestamp_ns()), (0b10, 2));
    assert_eq!(seqnos(&items[2..]), [3, 4, 5, 6]);
}

#[test]
fn values_that_can_not_be_known_are_not_told() {
    let ring = Ring::new([Arc::from("a")].into(), 1, Edge::Rising, 1);
    ring.put(&values(0), None).unwrap();
    ring.put(&v1::WatchResponse { events: vec![edge(0), edge(4)], ..Default::default() }, None).unwrap();
    assert!(matches!(drain(&ring)[..], [WatchItem::Lost(_), WatchItem::Edge(_)]));
}

#[test]
fn losses_of_one_cause_are_added_up_and_an_unknown_count_stays_unknown() {
    let ring = ring(1);
    let restart = Duration::from_secs(2);
    ring.put(&v1::WatchResponse::default(), Some(restart)).unwrap();
    ring.put(&v1::WatchResponse::default(), Some(restart)).unwrap();
    let kernel = |count| v1::Loss { cause: v1::LossCause::Kernel.into(), count, ..Default::default() };
    let losses = vec![kernel(Some(3)), kernel(None), kernel(Some(1))];
    ring.put(&v1::WatchResponse { losses, ..Default::default() }, None).unwrap();
    ring.put(&edges(0..1), None).unwrap();
    let loss = |cause, count, away| WatchItem::Lost(Loss { away, ..Loss::of(cause, count) });
    let items = drain(&ring);
    assert_eq!(items[0], loss(LossCause::Restart, None, Some(restart * 2)));
    assert_eq!(items[1], loss(LossCause::Kernel, None, None));
    assert_eq!(seqnos(&items[2..]), [0]);
}

#[test]
fn the_daemons_word_for_a_restart_is_not_told_twice() {
    let ring = ring(8);
    let cause = v1::LossCause::Restart.into();
    let message = v1::WatchResponse { losses: vec![v1::Loss { cause, ..Default::default() }], ..values(1) };
    ring.put(&message, Some(Duration::from_secs(1))).unwrap();
    assert!(matches!(drain(&ring)[..], [WatchItem::Lost(_), WatchItem::Values(_)]));
}

#[test]
fn times_in_which_nobody_watched_become_one_that_leaves_nothing_out() {
    let ring = ring(1);
    let away = |from_ns, until_ns| v1::WatchResponse {
        losses: vec![v1::Loss {
            cause: v1::LossCause::Restart.into(),
            count: None,
            from_ns: Some(from_ns),
            until_ns: Some(until_ns),
        }],
        position: Some(v1::WatchPosition { epoch: 1, ..Default::default() }),
        ..Default::default()
    };
    // What this process saw of it says less.
    ring.put(&away(10, 20), Some(Duration::from_secs(9))).unwrap();
    ring.put(&away(40, 50), None).unwrap();
    ring.put(&edges(0..1), None).unwrap();
    let WatchItem::Lost(loss) = drain(&ring).remove(0) else { panic!("a loss") };
    assert_eq!(
        (loss.from_ns, loss.until_ns, loss.away),
        (Some(10), Some(50), Some(Duration::from_nanos(20)))
    );
}

#[test]
fn a_daemon_that_knows_no_positions_is_not_asked_to_go_on() {
    let ring = ring(8);
    let position = Some(v1::WatchPosition { epoch: 1, line_seqnos: vec![0, 0], ..Default::default() });
    ring.put(&v1::WatchResponse { position, ..values(0) }, None).unwrap();
    ring.put(&edges(1..3), None).unwrap();
    let resume = ring.resume().unwrap();
    assert_eq!((resume.line_seqnos, resume.seqno, resume.timestamp_ns), (vec![2, 1], 2, 2));
    ring.put(&values(0), Some(Duration::from_secs(1))).unwrap();
    assert_eq!(ring.resume(), None);
}

#[test]
fn what_came_before_the_end_is_still_given() {
    let ring = ring(8);
    ring.put(&edges(0..2), None).unwrap();
    ring.end(Some(Error::Closed));
    assert_eq!(drain_some(&ring, 2), 2);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(ring.poll_take(&mut cx), Poll::Ready(Some(Err(Error::Closed)))));
    assert!(matches!(ring.poll_take(&mut cx), Poll::Ready(None)));
    assert!(matches!(ring.poll_take(&mut cx), Poll::Ready(None)));
}

fn drain_some(ring: &Ring, n: usize) -> usize {
    (0..n).filter_map(|_| take(ring)).count()
}

#[derive(Clone, Debug)]
enum Action {
    Edges(u64),
    Values,
    KernelLoss(u64),
    Take(usize),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (1..20_u64).prop_map(Action::Edges),
        Just(Action::Values),
        (1..5_u64).prop_map(Action::KernelLoss),
        (1..12_usize).prop_map(Action::Take),
    ]
}

proptest! {
    #[test]
    fn every_edge_is_given_in_order_or_counted(
        capacity in 1..16_usize,
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let ring = ring(capacity);
        let (mut next, mut kernel) = (0, 0);
        // The values after each edge, which a told value must agree with at its time.
        let mut truth = BTreeMap::from([(0, 0_u64)]);
        let mut bits = 0;
        let mut got = Vec::new();
        ring.put(&values(0), None).unwrap();
        for action in actions {
            match action {
                Action::Edges(n) => {
                    ring.put(&edges(next..next + n), None).unwrap();
                    for number in next..next + n {
                        let line = number % 2;
                        bits = if number % 4 < 2 { bits | 1 << line } else { bits & !(1 << line) };
                        truth.insert(number + 1, bits);
                    }
                    next += n;
                }
                Action::Values => drop(ring.put(&values(bits), None).unwrap()),
                Action::KernelLoss(n) => {
                    let loss = v1::Loss { cause: v1::LossCause::Kernel.into(), count: Some(n), ..Default::default() };
                    ring.put(&v1::WatchResponse { losses: vec![loss], ..values(bits) }, None).unwrap();
                    kernel += n;
                }
                Action::Take(n) => got.extend((0..n).map_while(|_| take(&ring))),
            }
            prop_assert!(ring.lock().queue.len() <= capacity);
            prop_assert!(ring.lock().lost.len() <= 5);
        }
        got.extend(drain(&ring));

        let mut counted = BTreeMap::new();
        // The number of edges that were given or counted so far: the next edge must be just that one.
        let mut reached = 0;
        for item in &got {
            match item {
                WatchItem::Lost(Loss { cause, count, .. }) => {
                    *counted.entry(format!("{cause:?}")).or_insert(0) += count.unwrap();
                    if *cause == LossCause::Watcher {
                        reached += count.unwrap();
                    }
                }
                WatchItem::Edge(event) => {
                    prop_assert_eq!(event.seqno, reached);
                    reached += 1;
                }
                WatchItem::Values(told) => prop_assert_eq!(told.bits(), truth[&reached]),
            }
        }
        prop_assert_eq!(reached, next);
        prop_assert_eq!(counted.get("Kernel").copied().unwrap_or(0), kernel);
    }
}
