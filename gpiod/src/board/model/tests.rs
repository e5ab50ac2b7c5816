use super::*;
use crate::board::record::{Change, Entry};
use crate::line::{Edge, EdgeEvent, LineConfig, LineId, Value};
use std::path::Path;

mod claims;
mod gpio_sim;
mod random;

const MS: u64 = 1_000_000;

fn board_with(circuit: &str) -> Board {
    board_as(Kernel::default(), circuit)
}

fn board_as(kernel: Kernel, circuit: &str) -> Board {
    Board::power_on(0, Circuit::parse(Path::new("test.toml"), circuit).unwrap(), kernel)
}

fn line(bcm: u32) -> Line {
    Line::new(bcm).unwrap()
}

fn input() -> LineConfig {
    LineConfig {
        direction: Direction::Input,
        value: Value::Inactive,
        bias: None,
        drive: Drive::PushPull,
        active_low: false,
        edges: true,
        debounce_ns: 0,
    }
}

fn output(value: Value) -> LineConfig {
    LineConfig { direction: Direction::Output, value, edges: false, ..input() }
}

fn claim(board: &mut Board, bcm: u32, config: LineConfig) -> ClaimId {
    board.claim("test", &[(LineId { chip: 0, offset: bcm }, config)]).unwrap()
}

/// The level changes of a line after this entry of the record.
fn levels(board: &Board, bcm: u32, since: u64) -> Vec<(u64, bool)> {
    let entries = board.record(since, usize::MAX).entries;
    let of_line = |entry: &Entry| entry.line == line(bcm) && entry.change == Change::Level;
    entries.into_iter().filter(of_line).map(|entry| (entry.time_ns, entry.high)).collect()
}

fn high(board: &Board, bcm: u32) -> bool {
    board.state().lines[line(bcm).index()].high
}

const WIRE: &str = "[[wire]]\nname = 'w'\nbetween = ['GPIO20', 'GPIO21']\n";

#[test]
fn at_power_on_lines_are_inputs_at_their_pulls() {
    let board = board_with("");
    for (bcm, state) in board.state().lines.iter().enumerate() {
        assert_eq!((state.direction, state.high), (Direction::Input, bcm <= 8), "GPIO{bcm}");
        assert!(!state.contention && !state.floating && state.consumer.is_none());
    }
    assert_eq!(board.last_seq(), 9, "nine lines went up");
}

#[test]
fn a_wire_carries_an_output_to_an_input() {
    let mut board = board_with(WIRE);
    let (out, watch) = (claim(&mut board, 20, output(Value::Inactive)), claim(&mut board, 21, input()));
    board.advance(5);
    board.write(out, 1, 1).unwrap();
    assert_eq!(board.read(watch, 1).unwrap().bits, 1);
    let edge = EdgeEvent { position: 0, edge: Edge::Rising, timestamp_ns: 5, seqno: 1, line_seqno: 1 };
    assert_eq!(board.take_events(watch, 9).unwrap(), [edge]);
    board.fault(&Fault::Disconnect("w".to_owned())).unwrap();
    assert_eq!(board.read(watch, 1).unwrap().bits, 0, "its own pull-down has it");
}

#[test]
fn outputs_that_disagree_are_in_contention_and_low_wins() {
    let mut board = board_with(WIRE);
    claim(&mut board, 20, output(Value::Active));
    let other = claim(&mut board, 21, output(Value::Inactive));
    let state = board.state();
    assert!(state.lines[20].contention && state.lines[21].contention && !state.lines[20].high);
    let noted = |board: &Board, contention| {
        let entries = board.record(0, usize::MAX).entries;
        entries.iter().filter(|e| e.change == Change::Contention && e.contention == contention).count()
    };
    assert_eq!((noted(&board, true), noted(&board, false)), (2, 0));
    board.write(other, 1, 1).unwrap();
    assert_eq!((noted(&board, true), noted(&board, false)), (2, 2));
    assert!(high(&board, 20));
}

#[test]
fn open_drains_share_a_wire_without_contention() {
    let mut board = board_with(WIRE);
    let open_drain =
        LineConfig { drive: Drive::OpenDrain, bias: Some(Bias::PullUp), ..output(Value::Active) };
    let (one, other) = (claim(&mut board, 20, open_drain), claim(&mut board, 21, open_drain));
    assert!(high(&board, 20));
    board.write(one, 1, 0).unwrap();
    assert!(!high(&board, 21) && !board.state().lines[21].contention);
    board.write(other, 1, 0).unwrap();
    board.write(one, 1, 1).unwrap();
    assert!(!high(&board, 20), "the other still pulls");
}

#[test]
fn a_line_that_nothing_holds_keeps_its_level_and_says_that_it_floats() {
    let mut board = board_with("");
    let id = claim(&mut board, 20, LineConfig { bias: Some(Bias::Disabled), ..output(Value::Active) });
    board.configure(id, &[(0, LineConfig { bias: Some(Bias::Disabled), ..input() })]).unwrap();
    assert!(board.state().lines[20].floating && high(&board, 20));
}

#[test]
fn a_button_bounces_as_often_as_its_circuit_says_and_always_alike() {
    let mut board = board_with(
        "[[button]]\nname = 'b'\nline = 'GPIO2'\nto = 'ground'\nbounce = { edges = 4, within_ms = 2 }\n",
    );
    let since = board.last_seq();
    board.advance(10 * MS);
    board.press("b", Some(100 * MS)).unwrap();
    board.advance(1_000 * MS);
    let half = MS / 2;
    let times = |from: u64| [0, 1, 2, 3, 4].map(|n| from + n * half);
    let seen = levels(&board, 2, since);
    assert_eq!(
        seen.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [times(10 * MS), times(110 * MS)].concat()
    );
    assert_eq!(
        seen.iter().map(|(_, high)| *high).collect::<Vec<_>>(),
        [false, true, false, true, false, true, false, true, false, true]
    );
}

#[test]
fn a_pulse_source_keeps_its_times_however_late_it_is_looked_at() {
    let mut board = board_with("[[pulse]]\nname = 'p'\nline = 'GPIO20'\nperiod_us = 100\nduty = 0.3\n");
    board.advance(7);
    board.pulse("p", true).unwrap();
    board.advance(7 + 250_000);
    let expected =
        [(7, true), (30_007, false), (100_007, true), (130_007, false), (200_007, true), (230_007, false)];
    assert_eq!(levels(&board, 20, 0), expected);
    board.pulse("p", false).unwrap();
    board.advance(10 * MS);
    assert_eq!(levels(&board, 20, 0).len(), 6);
}

#[test]
fn a_lamp_is_lit_by_its_active_level() {
    let mut board = board_with(
        "[[led]]\nname = 'a'\nline = 'GPIO20'\ncolour = 'red'\n[[led]]\nname = 'b'\nline = 'GPIO20'\ncolour = 'blue'\nactive = 'low'\n",
    );
    let lit = |board: &Board| {
        let lit = |component: &ComponentState| matches!(component.part, Part::Led { lit: true, .. });
        board.state().components.iter().map(lit).collect::<Vec<_>>()
    };
    assert_eq!(lit(&board), [false, true]);
    claim(&mut board, 20, output(Value::Active));
    assert_eq!(lit(&board), [true, false]);
    board.fault(&Fault::Disconnect("a".to_owned())).unwrap();
    assert_eq!(lit(&board), [false, false]);
}

#[test]
fn faults_do_what_they_say_until_they_are_cleared() {
    let mut board = board_with("");
    let id = claim(&mut board, 20, output(Value::Active));
    board.fault(&Fault::StuckLow(line(20))).unwrap();
    assert!(!high(&board, 20) && board.state().lines[20].contention);
    board.clear(Some("GPIO20")).unwrap();
    assert!(high(&board, 20));
    assert_eq!(board.clear(Some("GPIO20")), Err(ControlError::Fault("GPIO20".to_owned())));
    let take = |bcm| Fault::Take { line: line(bcm), consumer: "spi0".to_owned() };
    assert_eq!(
        board.fault(&take(20)),
        Err(ControlError::Busy { line: line(20), consumer: "test".to_owned() })
    );
    board.fault(&take(9)).unwrap();
    let refused = board.claim("test", &[(LineId { chip: 0, offset: 9 }, input())]);
    assert_eq!(refused, Err(Refusal::Busy { line: "GPIO9".to_owned(), consumer: "spi0".to_owned() }));
    board.clear(None).unwrap();
    claim(&mut board, 9, input());
    board.release(id);
}

#[test]
fn a_swallowed_edge_is_in_the_record_and_not_told_to_the_holder() {
    let mut board = board_with("[[button]]\nname = 'b'\nline = 'GPIO20'\nto = 'supply'\n");
    let id = claim(&mut board, 20, LineConfig { edges: true, ..input() });
    board.fault(&Fault::Swallow { line: line(20), edges: 1 }).unwrap();
    let before = board.last_seq();
    board.press("b", None).unwrap();
    board.let_go("b").unwrap();
    board.press("b", None).unwrap();
    let edges: Vec<_> = board.take_events(id, 8).unwrap().iter().map(|event| event.edge).collect();
    assert_eq!(edges, [Edge::Falling, Edge::Rising]);
    assert_eq!(board.record(before, 8).entries.iter().filter(|e| e.change == Change::Level).count(), 3);
    board.fault(&Fault::Swallow { line: line(20), edges: 1 }).unwrap();
    board.clear(Some("GPIO20")).unwrap();
    board.let_go("b").unwrap();
    assert_eq!(board.take_events(id, 8).unwrap().len(), 1);
}

const SENSOR: &str = "[[light_sensor]]\nname = 's'\nline = 'GPIO4'\ncapacitance_uf = 1\nohms_at_10_lux = 1e4\ngamma = 0.7\nlight.lux = 1\n";

#[test]
fn a_light_sensor_is_read_by_driving_it_low_and_letting_go() {
    let mut board = board_with(SENSOR);
    let id = claim(&mut board, 4, LineConfig { bias: Some(Bias::Disabled), ..output(Value::Inactive) });
    board.advance(100 * MS);
    board.configure(id, &[(0, LineConfig { bias: Some(Bias::Disabled), ..input() })]).unwrap();
    board.advance(2_000 * MS);
    let edges = board.take_events(id, 9).unwrap();
    let ohms = 1e4 * 10_f64.powf(0.7);
    let left = 3.3 * 50.0 / (ohms + 50.0);
    let expected = ohms * 1e-6 * ((3.3 - left) / 1.5_f64).ln() * 1e9;
    assert_eq!(edges.len(), 1);
    assert!(((edges[0].timestamp_ns - 100 * MS) as f64 - expected).abs() < 10.0);
}

#[test]
fn a_loose_light_sensor_never_charges_its_line_and_comes_back_full() {
    let mut board = board_with(SENSOR);
    let id = claim(&mut board, 4, LineConfig { bias: Some(Bias::Disabled), ..output(Value::Inactive) });
    board.advance(100 * MS);
    board.fault(&Fault::Disconnect("s".to_owned())).unwrap();
    board.configure(id, &[(0, LineConfig { bias: Some(Bias::Disabled), ..input() })]).unwrap();
    board.advance(5_000 * MS);
    assert!(!high(&board, 4));
    board.clear(Some("s")).unwrap();
    assert!(high(&board, 4));
}

#[test]
fn low_wins_over_a_light_sensor_too() {
    let mut board = board_with(
        &(SENSOR.replace("light.lux = 1", "light.lux = 1\nthreshold_volts = 1.0")
            + "[[wire]]\nname = 'w'\nbetween = ['GPIO4', 'GPIO5']\n"),
    );
    claim(&mut board, 4, output(Value::Active));
    board.advance(100 * MS);
    assert!(high(&board, 5));
    claim(&mut board, 5, output(Value::Inactive));
    board.advance(200 * MS);
    assert!(!high(&board, 4) && board.state().lines[4].contention);
}

#[test]
fn floating_lines_that_are_joined_agree_on_low() {
    let mut board = board_with(WIRE);
    board.fault(&Fault::Disconnect("w".to_owned())).unwrap();
    let floating = |config| LineConfig { bias: Some(Bias::Disabled), ..config };
    for (bcm, value) in [(20, Value::Active), (21, Value::Inactive)] {
        let id = claim(&mut board, bcm, floating(output(value)));
        board.configure(id, &[(0, floating(input()))]).unwrap();
    }
    assert!(high(&board, 20) && !high(&board, 21));
    board.clear(None).unwrap();
    assert!(!high(&board, 20) && !high(&board, 21) && board.state().lines[20].floating);
}
