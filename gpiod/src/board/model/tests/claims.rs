use super::*;
use crate::line::{AtExit, OnExit};

fn id(bcm: u32) -> LineId {
    LineId { chip: 0, offset: bcm }
}

#[test]
fn a_claim_gets_all_of_its_lines_or_none() {
    let mut board = board_with("");
    claim(&mut board, 21, input());
    let before = board.last_seq();
    let both = [(id(20), output(Value::Active)), (id(21), input())];
    let refused = Err(Refusal::Busy { line: "GPIO21".to_owned(), consumer: "test".to_owned() });
    assert_eq!(board.claim("late", &both), refused);
    assert_eq!(board.last_seq(), before, "nothing has moved");
    assert_eq!(board.state().lines[20].consumer, None);
}

#[test]
fn a_claim_that_makes_no_sense_is_refused() {
    let mut board = board_with("");
    let invalid = |result: Result<ClaimId, Refusal>| matches!(result, Err(Refusal::Invalid(_)));
    assert!(invalid(board.claim("c", &[])));
    assert!(invalid(board.claim("c", &[(id(28), input())])));
    assert!(invalid(board.claim("c", &[(LineId { chip: 1, offset: 2 }, input())])));
    assert!(invalid(board.claim(&"c".repeat(32), &[(id(2), input())])));
    assert!(invalid(board.claim("c", &[(id(2), LineConfig { edges: true, ..output(Value::Active) })])));
    let twice = board.claim("c", &[(id(2), input()), (id(2), input())]);
    assert_eq!(twice, Err(Refusal::Busy { line: "GPIO2".to_owned(), consumer: "c".to_owned() }));
}

#[test]
fn an_output_drives_its_first_value_from_its_first_moment() {
    let mut board = board_with("");
    let since = board.last_seq();
    board.advance(3);
    // GPIO20 is pulled down: an output that began low and was then set high would show in the record.
    claim(&mut board, 20, LineConfig { active_low: true, ..output(Value::Inactive) });
    let changes: Vec<_> = board.record(since, 9).entries.iter().map(|e| (e.time_ns, e.change)).collect();
    assert_eq!(changes, [(3, Change::Claim), (3, Change::Direction), (3, Change::Level)]);
    claim(&mut board, 21, output(Value::Inactive));
    assert_eq!(levels(&board, 21, 0), [], "low it was and low it stays");
}

#[test]
fn a_reconfigured_output_that_keeps_its_value_does_not_blink() {
    let mut board = board_with("");
    let claim = claim(&mut board, 20, output(Value::Active));
    let since = board.last_seq();
    let pulled = LineConfig { bias: Some(Bias::PullUp), ..output(Value::Active) };
    board.configure(claim, &[(0, pulled)]).unwrap();
    assert_eq!(board.last_seq(), since);
}

#[test]
fn the_end_of_a_claim_does_to_an_output_what_the_kernel_does() {
    for (kernel, high, direction, told) in [
        (Kernel::RaspberryPi, true, Direction::Output, Some(OnExit::Keep)),
        (Kernel::Upstream, false, Direction::Input, Some(OnExit::Input)),
        (Kernel::GpioSim, false, Direction::Output, None),
    ] {
        let mut board = board_as(kernel, "");
        let claim = claim(&mut board, 20, output(Value::Active));
        let drives_high = (kernel != Kernel::GpioSim).then_some(true);
        assert_eq!(board.line_infos()[20].drives_high, drives_high);
        board.release(claim);
        let line = &board.state().lines[20];
        assert_eq!((line.high, line.direction, &line.consumer), (high, direction, &None));
        assert_eq!(board.line_infos()[20].at_exit, AtExit { claimed: told, unclaimed: false });
    }
}

#[test]
fn inputs_are_not_written_and_masks_must_fit() {
    let mut board = board_with("");
    let claim = board.claim("c", &[(id(20), output(Value::Inactive)), (id(21), input())]).unwrap();
    assert_eq!(board.write(claim, 0b11, 0b11), Err(Refusal::NotOutput(line(21))));
    assert!(!high(&board, 20), "all or none");
    assert_eq!(board.read(claim, u64::MAX), board.read(claim, 0b11));
    for mask in [0, 0b100] {
        assert!(matches!(board.read(claim, mask), Err(Refusal::Invalid(_))));
        assert!(matches!(board.write(claim, mask, 0), Err(Refusal::Invalid(_))));
    }
    assert!(matches!(
        board.configure(claim, &[(0, output(Value::Active)), (2, input())]),
        Err(Refusal::Invalid(_))
    ));
    assert!(!high(&board, 20), "all or none");
}

#[test]
fn active_low_turns_values_and_edges_round() {
    let mut board = board_with(WIRE);
    let out = claim(&mut board, 20, LineConfig { active_low: true, ..output(Value::Inactive) });
    let watch = claim(&mut board, 21, LineConfig { active_low: true, ..input() });
    assert!(high(&board, 20));
    assert_eq!((board.read(out, 1).unwrap().bits, board.read(watch, 1).unwrap().bits), (0, 0));
    board.write(out, 1, 1).unwrap();
    assert_eq!(board.take_events(watch, 9).unwrap()[0].edge, Edge::Rising);
    assert!(!high(&board, 21));
}

#[test]
fn a_full_buffer_drops_its_oldest_edges_and_the_gap_is_exact() {
    let mut board = board_with(WIRE);
    let out = claim(&mut board, 20, output(Value::Inactive));
    let watch = board.claim("w", &[(id(21), input()), (id(22), input())]).unwrap();
    for n in 1..=1100 {
        board.write(out, 1, n % 2).unwrap();
    }
    let seqnos: Vec<_> = board.take_events(watch, usize::MAX).unwrap().iter().map(|e| e.line_seqno).collect();
    assert_eq!(seqnos, (77..=1100).collect::<Vec<_>>(), "however many lines it has");
}

#[test]
fn edges_on_their_way_keep_their_place_in_the_buffer() {
    let mut board = board_with(WIRE);
    let (out, watch) = (claim(&mut board, 20, output(Value::Inactive)), claim(&mut board, 21, input()));
    let toggle =
        |board: &mut Board, times| (1..=times).for_each(|n| board.write(out, 1, n % 2).map(drop).unwrap());
    let seqnos = |events: Vec<EdgeEvent>| events.iter().map(|e| e.line_seqno).collect::<Vec<_>>();
    toggle(&mut board, 4);
    assert_eq!(seqnos(board.take_events(watch, 4).unwrap()), [1, 2, 3, 4]);
    toggle(&mut board, 1028);
    board.events_taken(watch);
    assert_eq!(seqnos(board.take_events(watch, 2000).unwrap()), (13..=1032).collect::<Vec<_>>());
}

const BUTTON: &str =
    "[[button]]\nname = 'b'\nline = 'GPIO2'\nto = 'ground'\nbounce = { edges = 4, within_ms = 2 }\n";

#[test]
fn debounce_reports_a_level_that_lasted_at_the_end_of_its_period() {
    let mut board = board_with(BUTTON);
    let debounced = LineConfig { active_low: true, debounce_ns: 5 * MS, ..input() };
    let watch = claim(&mut board, 2, debounced);
    board.press("b", Some(20 * MS)).unwrap();
    board.advance(6 * MS);
    assert_eq!(
        board.read(watch, 1).unwrap().bits,
        0,
        "the level has not lasted yet, and a read says the old one"
    );
    board.advance(100 * MS);
    let edges = board.take_events(watch, 9).unwrap();
    // Bouncing ends 2 ms after each turn, and 5 ms later the level counts.
    let edge = |edge, at, line_seqno| EdgeEvent {
        position: 0,
        edge,
        timestamp_ns: at,
        seqno: line_seqno,
        line_seqno,
    };
    assert_eq!(edges, [edge(Edge::Rising, 7 * MS, 1), edge(Edge::Falling, 27 * MS, 2)]);
}

#[test]
fn a_glitch_shorter_than_the_debounce_is_not_reported() {
    let mut board = board_with(BUTTON);
    let watch = claim(&mut board, 2, LineConfig { debounce_ns: 5 * MS, ..input() });
    board.press("b", Some(2 * MS)).unwrap();
    board.advance(100 * MS);
    assert_eq!(board.take_events(watch, 9).unwrap(), []);
}

#[test]
fn the_change_that_a_reconfiguration_makes_is_an_edge_only_for_a_line_that_watched_before() {
    let up = LineConfig { bias: Some(Bias::PullUp), ..input() };
    for (before, edges) in
        [(input(), 1), (LineConfig { edges: false, ..input() }, 0), (output(Value::Inactive), 0)]
    {
        let mut board = board_with("");
        let watch = claim(&mut board, 20, before);
        board.configure(watch, &[(0, up)]).unwrap();
        assert!(high(&board, 20));
        assert_eq!(board.take_events(watch, 9).unwrap().len(), edges);
    }
}
