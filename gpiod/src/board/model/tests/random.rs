//! Whatever is done to a board, in whatever order: these hold.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const CIRCUIT: &str = "
[[wire]]
name = 'wire'
between = ['GPIO1', 'GPIO2']
[[button]]
name = 'button'
line = 'GPIO3'
to = 'ground'
bounce = { edges = 6, within_ms = 3 }
[[pulse]]
name = 'pulse'
line = 'GPIO0'
period_us = 5000
on = true
[[light_sensor]]
name = 'sensor'
line = 'GPIO4'
capacitance_uf = 1
ohms_at_10_lux = 1e4
gamma = 0.7
light.lux = 100
";

#[derive(Clone, Debug)]
enum Act {
    Claim(Vec<(u32, LineConfig)>),
    Release(usize),
    Write(usize, u64, u64),
    Configure(usize, u8, LineConfig),
    Take(usize, usize),
    Press(u64),
    Fault(Fault),
    Clear,
    Wait(u64),
}

pub(super) fn config() -> impl Strategy<Value = LineConfig> {
    let drive = prop_oneof![Just(Drive::PushPull), Just(Drive::OpenDrain), Just(Drive::OpenSource)];
    let bias = prop::option::of(prop_oneof![Just(Bias::Disabled), Just(Bias::PullUp), Just(Bias::PullDown)]);
    (any::<bool>(), any::<bool>(), bias, drive, any::<bool>(), any::<bool>()).prop_map(
        |(out, active, bias, drive, active_low, edges)| LineConfig {
            direction: if out { Direction::Output } else { Direction::Input },
            value: Value::from_bit(active),
            bias,
            drive,
            active_low,
            edges: edges && !out,
            debounce_ns: 0,
        },
    )
}

fn kernel() -> impl Strategy<Value = Kernel> {
    prop::sample::select(&Kernel::ALL)
}

fn act() -> impl Strategy<Value = Act> {
    let some_line = || (0..6u32).prop_map(line);
    let name = prop_oneof![Just("wire"), Just("button"), Just("pulse"), Just("sensor")];
    let fault = prop_oneof![
        some_line().prop_map(Fault::StuckHigh),
        some_line().prop_map(Fault::StuckLow),
        name.prop_map(|name| Fault::Disconnect(name.to_owned())),
        some_line().prop_map(|line| Fault::Take { line, consumer: "spi0".to_owned() }),
    ];
    prop_oneof![
        4 => prop::collection::vec((0..6u32, config()), 1..4).prop_map(Act::Claim),
        1 => (0..8usize).prop_map(Act::Release),
        4 => (0..8usize, 1..8u64, any::<u64>()).prop_map(|(n, mask, bits)| Act::Write(n, mask, bits)),
        2 => (0..8usize, 0..3u8, config()).prop_map(|(n, position, config)| Act::Configure(n, position, config)),
        2 => (0..8usize, 1..70usize).prop_map(|(n, limit)| Act::Take(n, limit)),
        1 => (1..20u64).prop_map(|ms| Act::Press(ms * MS)),
        1 => fault.prop_map(Act::Fault),
        1 => Just(Act::Clear),
        4 => (1..300u64).prop_map(|ms| Act::Wait(ms * MS)),
    ]
}

/// What is known of a claim from outside.
#[derive(Debug)]
struct Held {
    id: ClaimId,
    lines: Vec<u32>,
    /// The last sequence number seen, by position.
    seen: BTreeMap<u8, u32>,
}

fn run(board: &mut Board, acts: Vec<Act>) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for act in acts {
        match act {
            Act::Claim(lines) => {
                let request: Vec<_> =
                    lines.iter().map(|(bcm, config)| (LineId { chip: 0, offset: *bcm }, *config)).collect();
                if let Ok(id) = board.claim("random", &request) {
                    let lines: Vec<u32> = lines.iter().map(|(bcm, _)| *bcm).collect();
                    assert!(held.iter().all(|other| lines.iter().all(|bcm| !other.lines.contains(bcm))));
                    held.push(Held { id, lines, seen: BTreeMap::new() });
                }
            }
            Act::Release(n) if n < held.len() => board.release(held.swap_remove(n).id),
            Act::Write(n, mask, bits) if n < held.len() => drop(board.write(held[n].id, mask, bits)),
            Act::Configure(n, position, config) if n < held.len() => {
                drop(board.configure(held[n].id, &[(position, config)]));
            }
            Act::Take(n, limit) if n < held.len() => take(board, &mut held[n], limit),
            Act::Release(_) | Act::Write(..) | Act::Configure(..) | Act::Take(..) => {}
            Act::Press(ns) => board.press("button", Some(ns)).unwrap(),
            Act::Fault(fault) => drop(board.fault(&fault)),
            Act::Clear => board.clear(None).unwrap(),
            Act::Wait(ns) => board.advance(board.now_ns() + ns),
        }
    }
    held
}

/// Takes edges; numbers of a line only ever grow, and those of one batch lie within what the buffer can hold.
fn take(board: &mut Board, held: &mut Held, limit: usize) {
    for event in board.take_events(held.id, limit).unwrap() {
        let last = held.seen.entry(event.position).or_default();
        assert!(event.line_seqno > *last, "{event:?} after {last}");
        *last = event.line_seqno;
    }
    board.events_taken(held.id);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_record_of_every_line_alternates_and_ends_at_its_level(
        kernel in kernel(),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut board = board_as(kernel, CIRCUIT);
        run(&mut board, acts);
        let state = board.state();
        for bcm in 0..28 {
            let mut last = (0, false);
            for (at, high) in levels(&board, bcm, 0) {
                prop_assert!(high != last.1 && at >= last.0, "GPIO{}", bcm);
                last = (at, high);
            }
            prop_assert_eq!(last.1, state.lines[line(bcm).index()].high);
        }
    }

    #[test]
    fn a_line_has_one_holder_and_it_is_the_claim_that_got_it(
        kernel in kernel(),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut board = board_as(kernel, CIRCUIT);
        let held = run(&mut board, acts);
        for state in board.state().lines {
            let claims = held.iter().filter(|claim| claim.lines.contains(&state.line.bcm())).count();
            let expected = match state.consumer.as_deref() {
                Some("random") => 1,
                _ => 0,
            };
            prop_assert_eq!(claims, expected, "{}", state.line);
        }
    }

    #[test]
    fn wired_lines_agree_and_a_driven_low_is_low(acts in prop::collection::vec(act(), 1..60)) {
        let mut board = board_with(CIRCUIT);
        run(&mut board, acts);
        board.clear(None).unwrap();
        let state = board.state();
        prop_assert_eq!(state.lines[1].high, state.lines[2].high);
    }

    #[test]
    fn every_edge_of_a_watched_line_is_delivered_or_missing_from_the_numbers(
        kernel in kernel(),
        takes in prop::collection::vec((1..30u64, 1..20usize), 1..20),
    ) {
        let mut board = board_as(kernel, CIRCUIT);
        let since = board.last_seq();
        let id = claim(&mut board, 0, input());
        let mut delivered = 0;
        let mut last = 0;
        for (ms, limit) in takes {
            board.advance(board.now_ns() + ms * 10 * MS);
            for event in board.take_events(id, limit).unwrap() {
                let edges = levels(&board, 0, since);
                let (at, high) = edges[usize::try_from(event.line_seqno).unwrap() - 1];
                prop_assert_eq!((event.timestamp_ns, event.edge == Edge::Rising), (at, high));
                delivered += 1;
                last = event.line_seqno;
            }
            board.events_taken(id);
        }
        let rest = board.take_events(id, usize::MAX).unwrap();
        delivered += rest.len();
        last = rest.last().map_or(last, |event| event.line_seqno);
        prop_assert_eq!(usize::try_from(last).unwrap(), levels(&board, 0, since).len());
        prop_assert!(delivered <= usize::try_from(last).unwrap());
    }
}
