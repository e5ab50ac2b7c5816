//! The manners of gpio-sim, told one by one.

use super::*;

mod driver;

fn board() -> Board {
    board_as(Kernel::GpioSim, "")
}

fn pulled(bias: Bias, config: LineConfig) -> LineConfig {
    LineConfig { bias: Some(bias), ..config }
}

fn stuck(board: &mut Board, high: bool) {
    let fault = if high { Fault::StuckHigh(line(20)) } else { Fault::StuckLow(line(20)) };
    board.fault(&fault).unwrap();
}

#[test]
fn at_power_on_all_lines_are_low_inputs_with_their_pulls_down() {
    for state in board().state().lines {
        assert_eq!((state.direction, state.high, state.bias), (Direction::Input, false, Bias::PullDown));
        assert!(!state.floating);
    }
    assert_eq!(board().last_seq(), 0);
}

#[test]
fn a_freed_line_falls_to_its_pull() {
    for (bias, high) in [(Some(Bias::PullUp), true), (Some(Bias::PullDown), false), (None, false)] {
        for value in [Value::Active, Value::Inactive] {
            let mut board = board();
            let id = claim(&mut board, 20, LineConfig { bias, ..output(value) });
            assert_eq!(board.state().lines[20].high, value.is_active());
            board.release(id);
            let state = &board.state().lines[20];
            assert_eq!((state.high, state.direction), (high, Direction::Output));
        }
    }
}

#[test]
fn an_output_that_turns_to_input_keeps_its_level_until_something_moves_it() {
    let mut board = board();
    let id = claim(&mut board, 20, output(Value::Active));
    board.configure(id, &[(0, input())]).unwrap();
    assert!(high(&board, 20) && board.state().lines[20].floating);
    stuck(&mut board, false);
    assert!(!high(&board, 20));
    assert_eq!(board.take_events(id, 9).unwrap()[0].edge, Edge::Falling);
}

#[test]
fn no_pull_is_no_change() {
    let mut board = board();
    let id = claim(&mut board, 20, pulled(Bias::PullUp, input()));
    board.configure(id, &[(0, pulled(Bias::Disabled, output(Value::Inactive)))]).unwrap();
    board.configure(id, &[(0, pulled(Bias::Disabled, input()))]).unwrap();
    assert!(!high(&board, 20));
    board.release(id);
    assert!(high(&board, 20), "it is still pulled up");
    assert_eq!(board.state().lines[20].bias, Bias::PullUp);
}

#[test]
fn a_pull_moves_a_line_when_it_is_applied_and_then_no_more() {
    let mut board = board();
    let id = claim(&mut board, 20, output(Value::Inactive));
    board.configure(id, &[(0, pulled(Bias::PullUp, input()))]).unwrap();
    assert!(high(&board, 20));
    stuck(&mut board, false);
    assert!(!high(&board, 20));
    board.configure(id, &[(0, pulled(Bias::PullUp, input()))]).unwrap();
    assert!(high(&board, 20), "whoever came last is right");
    let edges: Vec<_> = board.take_events(id, 9).unwrap().iter().map(|event| event.edge).collect();
    assert_eq!(edges, [Edge::Falling, Edge::Rising]);
}

#[test]
fn a_change_tells_the_edge_that_it_makes_also_when_it_switches_edges_off() {
    let mut board = board();
    let id = claim(&mut board, 20, input());
    let deaf = LineConfig { edges: false, ..pulled(Bias::PullUp, input()) };
    board.configure(id, &[(0, deaf)]).unwrap();
    stuck(&mut board, false);
    let edges: Vec<_> = board.take_events(id, 9).unwrap().iter().map(|event| event.edge).collect();
    assert_eq!(edges, [Edge::Rising]);
    board.configure(id, &[(0, input())]).unwrap();
    board.configure(id, &[(0, pulled(Bias::PullUp, output(Value::Active)))]).unwrap();
    assert_eq!(board.take_events(id, 9).unwrap(), [], "it is an output by then");
}

#[test]
fn a_change_of_one_line_applies_the_pulls_of_all_lines_of_its_claim() {
    let mut board = board();
    let lines = [(20, pulled(Bias::PullUp, input())), (21, output(Value::Inactive))];
    let id = board.claim("test", &lines.map(|(bcm, c)| (LineId { chip: 0, offset: bcm }, c))).unwrap();
    stuck(&mut board, false);
    assert!(!high(&board, 20));
    board.configure(id, &[(1, output(Value::Active))]).unwrap();
    assert!(high(&board, 20));
    let edges: Vec<_> = board.take_events(id, 9).unwrap().iter().map(|event| event.edge).collect();
    assert_eq!(edges, [Edge::Falling, Edge::Rising]);
}

#[test]
fn an_open_drain_that_lets_go_keeps_its_level_whatever_pulls() {
    let mut board = board();
    let open = LineConfig { drive: Drive::OpenDrain, ..pulled(Bias::PullUp, output(Value::Inactive)) };
    let id = claim(&mut board, 20, open);
    board.write(id, 1, 1).unwrap();
    stuck(&mut board, false);
    stuck(&mut board, true);
    assert!(!high(&board, 20) && board.state().lines[20].floating);
    let open = LineConfig { value: Value::Active, ..open };
    board.configure(id, &[(0, open)]).unwrap();
    assert!(high(&board, 20), "but a configuration applies its pull");
}

#[test]
fn nothing_outside_moves_a_claimed_output_and_the_last_pull_awaits_its_end() {
    let mut board = board();
    let since = board.last_seq();
    let id = claim(&mut board, 20, output(Value::Inactive));
    stuck(&mut board, true);
    assert!(levels(&board, 20, since).is_empty() && board.state().lines[20].contention);
    board.configure(id, &[(0, input())]).unwrap();
    assert!(!high(&board, 20), "what it missed it missed");
    board.release(id);
    assert!(high(&board, 20));
}

#[test]
fn a_button_moves_an_input_and_lets_it_go_to_its_pull() {
    let mut board = board_as(Kernel::GpioSim, "[[button]]\nname = 'b'\nline = 'GPIO20'\nto = 'ground'\n");
    let id = claim(&mut board, 20, pulled(Bias::PullUp, input()));
    board.press("b", None).unwrap();
    assert!(!high(&board, 20));
    board.let_go("b").unwrap();
    assert!(high(&board, 20));
    assert_eq!(board.take_events(id, 9).unwrap().len(), 2);
}

#[test]
fn a_wire_carries_what_is_driven_and_ends_at_claimed_outputs() {
    let mut board = board_as(Kernel::GpioSim, WIRE);
    let (out, watch) = (claim(&mut board, 20, output(Value::Active)), claim(&mut board, 21, input()));
    assert!(high(&board, 21));
    board.write(out, 1, 0).unwrap();
    assert!(!high(&board, 21));
    board.write(out, 1, 1).unwrap();
    assert_eq!(board.take_events(watch, 9).unwrap().len(), 2);
    board.configure(watch, &[(0, output(Value::Inactive))]).unwrap();
    let lines = board.state().lines;
    assert!(lines[20].high && !lines[21].high && lines[20].contention);
    board.release(watch);
    assert!(high(&board, 21), "the other end drives it yet");
    board.release(out);
    assert!(!high(&board, 20) && !high(&board, 21));
}

#[test]
fn a_light_sensor_is_read_without_its_pulls() {
    let mut board = board_as(Kernel::GpioSim, SENSOR);
    let id = claim(&mut board, 4, pulled(Bias::PullUp, output(Value::Inactive)));
    board.advance(100 * MS);
    board.configure(id, &[(0, input())]).unwrap();
    assert!(!high(&board, 4));
    board.advance(2_000 * MS);
    let edges = board.take_events(id, 9).unwrap();
    let ohms = 1e4 * 10_f64.powf(0.7);
    let expected = ohms * 1e-6 * ((3.3 - 3.3 * 50.0 / (ohms + 50.0)) / 1.5_f64).ln() * 1e9;
    assert_eq!(edges.len(), 1);
    assert!(((edges[0].timestamp_ns - 100 * MS) as f64 - expected).abs() < 10.0);
}

#[test]
fn a_line_that_is_found_driven_stays_as_it_is_when_it_is_claimed_so() {
    let mut board = board();
    let id = claim(&mut board, 20, output(Value::Active));
    board.release(id);
    stuck(&mut board, true);
    let since = board.last_seq();
    let low = LineConfig { active_low: true, ..output(Value::Active) };
    let lines = [20, 21].map(|bcm| (LineId { chip: 0, offset: bcm }, low));
    let (id, kept) = board.claim_as_found("test", &lines, 0b11).unwrap();
    assert_eq!((kept, board.read(id, 0b11).unwrap().bits), (0b01, 0b10));
    assert!(levels(&board, 20, since).is_empty(), "the other was no output, and is what it was to be");
}

#[test]
fn an_open_drain_that_was_let_go_is_not_found_driven() {
    let mut board = board();
    let open = LineConfig { drive: Drive::OpenDrain, ..output(Value::Active) };
    let id = claim(&mut board, 20, open);
    board.release(id);
    let lines = [(LineId { chip: 0, offset: 20 }, output(Value::Active))];
    assert_eq!(board.claim_as_found("test", &lines, 1).unwrap().1, 0);
    assert!(high(&board, 20));
}
