//! Watchers that come and go: whatever they were told before their connection broke, every event is told once and in
//! order, or counted, and no time in which nobody listened is left out.

use super::*;
use crate::line::Values;
use crate::watch::{Batch, Losses};
use proptest::prelude::*;

fn moment(timestamp_ns: u64) -> Moment {
    Moment { timestamp_ns, uncertainty_ns: 0 }
}

fn edge(line_seqno: u64) -> Edge {
    if line_seqno.is_multiple_of(2) { Edge::Falling } else { Edge::Rising }
}

fn at(line_seqnos: Vec<u64>, timestamp_ns: u64) -> Position {
    let values = Values { bits: 0, read: moment(0) };
    Position { epoch: 1, line_seqnos, timestamp_ns, seqno: 0, values }
}

/// What a watcher of one line is told that had so many events.
fn missed(history: &History, line_seqno: u64, position: &Position, filter: EdgeFilter) -> Vec<Batch> {
    let queue = Queue::new(64, filter, 1, position.clone());
    replay(&queue, position, filter, &[Watched { position: 0, line_seqno, history }]);
    std::iter::from_fn(|| queue.take()).collect()
}

/// Events 1 to `events` at ten times their numbers.
fn history(capacity: usize, events: u64) -> History {
    let mut history = History::new(capacity, 0, 0);
    for n in 1..=events {
        history.push(n, edge(n), moment(10 * n), Source::Kernel);
    }
    history
}

fn seqnos(batches: &[Batch]) -> Vec<u64> {
    batches.iter().flat_map(|batch| &batch.events).map(|event| event.line_seqno).collect()
}

#[test]
fn what_came_after_the_position_is_told_and_what_is_forgotten_counted() {
    let history = history(4, 10);
    let told = missed(&history, 10, &at(vec![8], 80), EdgeFilter::Both);
    assert_eq!((told.len(), told[0].losses, seqnos(&told)), (1, Losses::default(), vec![9, 10]));
    let told = missed(&history, 10, &at(vec![2], 20), EdgeFilter::Both);
    assert_eq!(told[0].losses, Losses { watcher: 4, ..Losses::default() });
    assert_eq!(told[0].position.as_ref().unwrap().line_seqnos, [6]);
    assert_eq!((told[0].first_seqno, seqnos(&told)), (5, vec![7, 8, 9, 10]));
    assert!(missed(&history, 10, &at(vec![10], 100), EdgeFilter::Both).is_empty());
}

#[test]
fn what_the_kernel_lost_meanwhile_is_counted_in_its_place() {
    let mut history = history(8, 2);
    history.push(6, Edge::Rising, moment(60), Source::Kernel);
    let told = missed(&history, 8, &at(vec![1], 10), EdgeFilter::Both);
    let kernel = |kernel| Losses { kernel, ..Losses::default() };
    assert_eq!(told.iter().map(|batch| batch.losses).collect::<Vec<_>>(), [kernel(0), kernel(3), kernel(2)]);
    assert_eq!((seqnos(&told), told[2].first_seqno), (vec![2, 6], 8));
    // Who was told of the last two already is told of none.
    assert!(missed(&history, 8, &at(vec![8], 60), EdgeFilter::Both).is_empty());
}

#[test]
fn only_the_edges_that_are_watched_are_told_again() {
    let told = missed(&history(8, 6), 6, &at(vec![1], 10), EdgeFilter::Falling);
    assert_eq!(seqnos(&told), [2, 4, 6]);
}

#[test]
fn an_event_that_the_first_values_have_already_is_not_told_again_either() {
    let mut position = at(vec![0], 25);
    position.values = Values { bits: 0, read: moment(25) };
    assert_eq!(seqnos(&missed(&history(8, 4), 4, &position, EdgeFilter::Both)), [3, 4]);
}

#[test]
fn a_time_in_which_nobody_listened_is_told_to_those_who_were_there_before_it() {
    let mut history = history(8, 3);
    history.deaf(40);
    history.hears(3, 70);
    history.push(4, Edge::Falling, moment(80), Source::Kernel);
    let restart = |from_ns| {
        let time = Unwatched { from_ns: Some(from_ns), until_ns: 70 };
        Losses { restart: Some(time), ..Losses::default() }
    };
    let told = missed(&history, 4, &at(vec![3], 30), EdgeFilter::Both);
    assert_eq!((told[0].losses, seqnos(&told)), (restart(40), vec![4]));
    assert_eq!(told[0].position.as_ref().unwrap().timestamp_ns, 70);
    let told = missed(&history, 4, &at(vec![2], 20), EdgeFilter::Both);
    assert_eq!((told[0].losses, told[1].losses), (Losses::default(), restart(40)));
    assert_eq!(missed(&history, 4, &at(vec![3], 70), EdgeFilter::Both)[0].losses, Losses::default());
    assert!(missed(&history, 4, &at(vec![4], 80), EdgeFilter::Both).is_empty());
}

#[test]
fn what_the_chip_swallowed_is_told_where_it_was_and_once() {
    let mut history = history(8, 3);
    history.swallowed(3, 35);
    history.push(4, Edge::Rising, moment(35), Source::Kernel);
    let told = missed(&history, 4, &at(vec![2], 20), EdgeFilter::Both);
    assert_eq!(told.iter().map(|batch| batch.losses.hardware).collect::<Vec<_>>(), [false, true]);
    assert_eq!((told[0].events.len(), told[1].events.len()), (1, 1));
    for filter in [EdgeFilter::Both, EdgeFilter::Falling] {
        assert!(missed(&history, 4, &at(vec![3], 35), filter).iter().all(|batch| !batch.losses.hardware));
    }
}

#[test]
fn a_history_of_nothing_counts_all() {
    let told = missed(&history(0, 5), 5, &at(vec![1], 10), EdgeFilter::Both);
    assert_eq!((told.len(), told[0].losses.watcher, told[0].events.len()), (1, 4, 0));
}

#[test]
fn what_is_remembered_is_bounded_and_no_time_is_forgotten() {
    let mut history = History::new(4, 0, 0);
    for n in 1..1000 {
        history.deaf(100 * n);
        history.hears(n - 1, 100 * n + 50);
        history.swallowed(n - 1, 100 * n + 60);
        history.push(n, edge(n), moment(100 * n + 70), Source::Kernel);
    }
    assert_eq!((history.records.len(), history.unheard.0.len(), history.swallowed.0.len()), (4, 16, 16));
    let told = missed(&history, 999, &at(vec![1], 170), EdgeFilter::Both);
    let first = told[0].losses.restart.unwrap();
    assert!(first.from_ns.unwrap() <= 200, "{first:?}");
}

#[test]
fn events_of_several_lines_are_told_in_the_order_of_their_times() {
    let (one, mut other) = (history(8, 3), History::new(8, 0, 0));
    other.push(1, Edge::Rising, moment(15), Source::Daemon);
    other.push(2, Edge::Falling, moment(25), Source::Daemon);
    let position = at(vec![0, 0], 0);
    let queue = Queue::new(4, EdgeFilter::Both, 0b11, position.clone());
    let lines = [(0, 3, &one), (1, 2, &other)];
    let lines = lines.map(|(position, line_seqno, history)| Watched { position, line_seqno, history });
    replay(&queue, &position, EdgeFilter::Both, &lines);
    let batch = queue.take().unwrap();
    // The oldest of the five did not fit.
    assert_eq!(batch.losses.watcher, 1);
    let times: Vec<u64> = batch.events.iter().map(|event| event.timestamp_ns).collect();
    assert_eq!(times, [15, 20, 25, 30]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Edge,
    KernelLoss(u64),
    Swallowed,
    /// The daemon hands out a message, which arrives or breaks with the connection.
    Message {
        arrives: bool,
    },
    /// The connection breaks.
    Break,
    /// Nobody comes for long enough that the edges are switched off.
    Sweep,
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Edge),
        1 => (1u64..4).prop_map(Step::KernelLoss),
        1 => Just(Step::Swallowed),
        3 => prop::bool::weighted(0.8).prop_map(|arrives| Step::Message { arrives }),
        1 => Just(Step::Break),
        1 => Just(Step::Sweep),
        3 => Just(Step::Resume),
    ]
}

/// A client: where it is and what it was told.
struct Client {
    position: Position,
    /// How many events were told or counted.
    accounted: u64,
    /// The number of the last event that was told.
    last: u64,
    unwatched: Vec<Unwatched>,
    hardware: usize,
}

impl Client {
    fn take(&mut self, batch: Batch) {
        if let Some(position) = batch.position {
            self.position = position;
        }
        self.accounted += batch.losses.counted();
        assert_eq!(batch.first_seqno, self.accounted + 1, "the stream counts on");
        self.unwatched.extend(batch.losses.restart);
        self.hardware += usize::from(batch.losses.hardware);
        for event in &batch.events {
            self.accounted += 1;
            assert!(event.line_seqno > self.last, "told twice: {event:?}");
            self.last = event.line_seqno;
            self.position.pass(1, event);
        }
        assert_eq!(self.position.seqno, self.accounted);
    }
}

proptest! {
    #[test]
    fn however_often_a_watcher_comes_back_each_event_is_told_once_or_counted(
        capacity in 0usize..30,
        room in 1usize..40,
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let (mut history, mut seqno, mut now_ns) = (History::new(capacity, 0, 0), 0, 1);
        let new = |position: &Position| Queue::new(room, EdgeFilter::Both, 1, position.clone());
        let mut client =
            Client { position: at(vec![0], 1), accounted: 0, last: 0, unwatched: Vec::new(), hardware: 0 };
        let mut queue = Some(new(&client.position));
        client.take(queue.as_ref().unwrap().begin());
        let (mut deaf, mut swallowed) = (Vec::new(), 0);
        let mut steps: Vec<Step> = steps;
        steps.extend([Step::Resume, Step::Message { arrives: true }]);
        for step in steps {
            now_ns += 10;
            match step {
                Step::Edge if history.is_heard() => {
                    seqno += 1;
                    history.push(seqno, edge(seqno), moment(now_ns), Source::Kernel);
                    let event = Event {
                        position: 0,
                        edge: edge(seqno),
                        timestamp_ns: now_ns,
                        uncertainty_ns: 0,
                        line_seqno: seqno,
                        source: Source::Kernel,
                    };
                    queue.iter().for_each(|queue| queue.push(event, false));
                }
                Step::KernelLoss(count) if history.is_heard() => {
                    seqno += count;
                    queue.iter().for_each(|queue| queue.lose(0, count, seqno));
                }
                Step::Swallowed if history.is_heard() => {
                    swallowed += 1;
                    history.swallowed(seqno, now_ns);
                    queue.iter().for_each(|queue| queue.swallowed(now_ns));
                }
                Step::Message { arrives: true } => {
                    while let Some(batch) = queue.as_ref().and_then(Queue::take) {
                        client.take(batch);
                    }
                }
                Step::Message { arrives: false } => {
                    queue.as_ref().and_then(Queue::take);
                    queue = None;
                }
                Step::Break => queue = None,
                Step::Sweep if queue.is_none() && history.is_heard() => {
                    history.deaf(now_ns);
                    deaf.push(now_ns);
                }
                Step::Resume if queue.is_none() => {
                    history.hears(seqno, now_ns);
                    let next = new(&client.position);
                    let line = Watched { position: 0, line_seqno: seqno, history: &history };
                    replay(&next, &client.position, EdgeFilter::Both, &[line]);
                    client.take(next.begin());
                    queue = Some(next);
                }
                // Not now: nobody listens, or the client is there.
                Step::Edge | Step::KernelLoss(_) | Step::Swallowed | Step::Sweep | Step::Resume => {}
            }
        }
        prop_assert_eq!(client.accounted, seqno);
        prop_assert_eq!(&client.position.line_seqnos, &[seqno]);
        prop_assert!(client.hardware <= swallowed, "none is told twice");
        prop_assert_eq!(client.hardware > 0, swallowed > 0);
        for from in deaf {
            let told = |time: &Unwatched| time.from_ns.unwrap() <= from && from < time.until_ns;
            prop_assert!(client.unwatched.iter().any(told), "{from} of {:?}", client.unwatched);
        }
    }
}
