//! Edges: which there are, in which order, and which are lost.

use crate::Verdict::{self, NotProvable, Passed};
use crate::bench::{Bench, Hold, active, input, output, watched};
use gpiod::clock::now_ns;
use gpiod::line::{EVENT_BUFFER, Edge, EdgeEvent, LineConfig};

const NO_EDGES: &str = "this bench gives no edges: nothing outside can move a line";

/// Holds one watched line that is low, or says that nothing could move it.
fn watch(bench: &dyn Bench, bcm: u32, config: LineConfig) -> Option<Hold> {
    bench.set(bcm, false)?;
    Some(bench.hold(&[(bcm, config)]))
}

fn edge(event: &EdgeEvent) -> Edge {
    event.edge
}

pub(crate) fn order(bench: &dyn Bench) -> Verdict {
    let Some(mut hold) = watch(bench, 23, watched()) else { return NotProvable(NO_EDGES) };
    let mut moments = Vec::new();
    let mut seen = Vec::new();
    for n in 1..=10u32 {
        let begin = now_ns();
        bench.set(23, n % 2 == 1);
        seen.extend(hold.edges(1));
        moments.push((begin, now_ns()));
    }
    for ((event, n), (begin, end)) in seen.iter().zip(1u32..).zip(moments) {
        assert_eq!((event.line_seqno, event.position), (n, 0));
        assert_eq!(event.edge, if n % 2 == 1 { Edge::Rising } else { Edge::Falling });
        assert!(begin <= event.timestamp_ns && event.timestamp_ns <= end, "{event:?} not in {begin}..{end}");
    }
    assert_eq!(seen.len(), 10);
    assert!(hold.edges_so_far().is_empty());
    drop(hold);
    // Of several lines each has its own count, and all have one.
    bench.set(23, false);
    bench.set(24, false);
    let mut hold = bench.hold(&[(23, watched()), (24, watched())]);
    for bcm in [23, 24, 24, 23] {
        let high = !bench.is_high(bcm);
        bench.set(bcm, high);
    }
    let counts: Vec<_> =
        hold.edges(4).iter().map(|event| (event.position, event.seqno, event.line_seqno)).collect();
    assert_eq!(counts, [(0, 1, 1), (1, 2, 1), (1, 3, 2), (0, 4, 2)]);
    Passed
}

pub(crate) fn active_low(bench: &dyn Bench) -> Verdict {
    let config = LineConfig { active_low: true, ..watched() };
    let Some(mut hold) = watch(bench, 23, config) else { return NotProvable(NO_EDGES) };
    bench.set(23, true);
    bench.set(23, false);
    assert_eq!(hold.edges(2).iter().map(edge).collect::<Vec<_>>(), [Edge::Falling, Edge::Rising]);
    Passed
}

pub(crate) fn none_of_outputs(bench: &dyn Bench) -> Verdict {
    let mut hold = bench.hold(&[(24, output()), (23, watched())]);
    for n in 0..10 {
        hold.write(0, n % 2 == 0).unwrap();
    }
    assert!(hold.edges_so_far().is_empty());
    let asked = LineConfig { edges: true, ..output() };
    let lines = [crate::bench::wanted(bench.backend(), 25, asked)];
    assert!(bench.hold_as("gpiod:contract", &lines).err().is_some(), "to ask for them is a mistake");
    Passed
}

pub(crate) fn after_turn(bench: &dyn Bench) -> Verdict {
    if bench.set(24, false).is_none() {
        return NotProvable(NO_EDGES);
    }
    let mut hold = bench.hold(&[(24, output())]);
    bench.set(24, true);
    bench.begin();
    bench.set(24, false);
    hold.configure(0, watched());
    bench.set(24, true);
    let edges = hold.edges(1);
    assert_eq!(edges.iter().map(edge).collect::<Vec<_>>(), [Edge::Rising]);
    hold.configure(0, active());
    assert!(hold.edges_so_far().is_empty());
    Passed
}

pub(crate) fn off_and_on(bench: &dyn Bench) -> Verdict {
    let Some(mut hold) = watch(bench, 23, watched()) else { return NotProvable(NO_EDGES) };
    bench.set(23, true);
    assert_eq!(hold.edges(1)[0].line_seqno, 1);
    hold.configure(0, input());
    bench.set(23, false);
    bench.set(23, true);
    hold.configure(0, watched());
    bench.set(23, false);
    let edges = hold.edges(1);
    assert_eq!(
        edges.iter().map(|event| (event.edge, event.line_seqno)).collect::<Vec<_>>(),
        [(Edge::Falling, 2)]
    );
    Passed
}

/// What came of edges that were made one after the other, from a rising one on.
#[derive(Default)]
struct Account {
    numbers: Vec<u32>,
    lost: u32,
    /// Edges that became one with the next: gpio-sim's interrupt does that when its machine is made to wait. What is told
    /// then is the second, so the level is not what the count says any more.
    swallowed: u32,
}

impl Account {
    fn last(&self) -> u32 {
        self.numbers.last().copied().unwrap_or_default()
    }

    /// Takes edges until so many are accounted for.
    fn take(&mut self, hold: &mut Hold, made: u32) {
        while self.last() + self.swallowed < made {
            let edges = hold.more_edges();
            assert!(
                !edges.is_empty(),
                "{} of {made} edges are told, missing or swallowed",
                self.last() + self.swallowed
            );
            for event in edges {
                assert!(event.line_seqno > self.last(), "in order, and each once");
                self.lost += event.line_seqno - self.last() - 1;
                let odd = (event.line_seqno + self.swallowed) % 2 == 1;
                self.swallowed += u32::from((event.edge == Edge::Rising) != odd);
                self.numbers.push(event.line_seqno);
            }
        }
        assert!(self.swallowed <= made / 20, "{} of {made} edges swallowed", self.swallowed);
    }
}

pub(crate) fn overflow(bench: &dyn Bench) -> Verdict {
    let Some(mut hold) = watch(bench, 23, watched()) else { return NotProvable(NO_EDGES) };
    let (room, made) = (u32::from(EVENT_BUFFER), u32::from(EVENT_BUFFER) + 200);
    for n in 1..=made {
        bench.set(23, n % 2 == 1);
    }
    let mut account = Account::default();
    account.take(&mut hold, made);
    let last = account.last();
    // The simulated board has some on their way already when its buffer is full; the others drop their very oldest.
    let early = account.numbers.iter().zip(1u32..).take_while(|(number, n)| *number == n).count();
    let newest = (last - room + 1 + u32::try_from(early).unwrap())..=last;
    assert_eq!(account.numbers, (1..).take(early).chain(newest).collect::<Vec<_>>());
    bench.set(23, made % 2 == 0);
    assert_eq!(hold.edges(1)[0].line_seqno, last + 1, "it goes on as if nothing had been");
    Passed
}

pub(crate) fn bursts(bench: &dyn Bench) -> Verdict {
    let Some(mut hold) = watch(bench, 23, watched()) else { return NotProvable(NO_EDGES) };
    let room = u32::from(EVENT_BUFFER);
    let (mut made, mut account) = (0, Account::default());
    for burst in [1, 16, 17, 100, 500, room - 1, room, room + 1, 2 * room, 3 * room, 1000, 700, 20] {
        let before = account.lost;
        for _ in 0..burst {
            made += 1;
            bench.set(23, made % 2 == 1);
        }
        account.take(&mut hold, made);
        let lost = account.lost - before;
        assert!(lost <= burst.saturating_sub(room), "{lost} lost of {burst}: there was room for {room}");
    }
    assert!(made >= 10_000 && account.lost > 2 * room, "{made} {}", account.lost);
    Passed
}

pub(crate) fn debounce(bench: &dyn Bench) -> Verdict {
    const PERIOD_NS: u64 = 200_000_000;
    let config = LineConfig { debounce_ns: PERIOD_NS, ..watched() };
    // A busy machine may make us late, and then what did last is told rightly: only a try that was in time proves more.
    for _ in 0..10 {
        let Some(mut hold) = watch(bench, 25, config) else { return NotProvable(NO_EDGES) };
        let begin = now_ns();
        for _ in 0..5 {
            bench.set(25, true);
            bench.set(25, false);
        }
        let last = now_ns();
        bench.set(25, true);
        let bits = hold.bits();
        if now_ns() - begin >= PERIOD_NS {
            continue;
        }
        assert_eq!(bits, 0, "what did not last is not read");
        let edges = hold.edges(1);
        let told: Vec<_> = edges.iter().map(|event| (event.edge, event.line_seqno)).collect();
        assert_eq!(told, [(Edge::Rising, 1)], "nor told");
        let after = edges[0].timestamp_ns - last;
        assert!(after >= PERIOD_NS, "{after} ns");
        assert_eq!(hold.bits(), 1);
        return Passed;
    }
    panic!("this machine was never in time")
}
