use super::*;
use crate::board::Line;
use crate::board::circuit::{Colour, Rail};
use crate::board::model::{ComponentState, LineState, Part};
use crate::board::record::{Cause, Change, Entry};
use crate::line::{AtExit, Bias, Direction, Drive, Edge, OnExit, Value};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// What serde writes is what is read, though each knows the names by itself.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(messages: impl IntoIterator<Item = T>) {
    for message in messages {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).map_err(|error| format!("{text}: {error}")), Ok(message));
    }
}

fn line(bcm: u32) -> Line {
    Line::new(bcm).unwrap()
}

fn config(direction: Direction, bias: Option<Bias>, drive: Drive) -> LineConfig {
    let (value, active_low, edges) = (Value::Active, true, direction == Direction::Input);
    LineConfig { direction, value, bias, drive, active_low, edges, debounce_ns: u64::MAX }
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::StuckHigh(line(1)),
        Fault::StuckLow(line(27)),
        Fault::Disconnect("a \"b\"\n\u{e4}".to_owned()),
        Fault::Swallow { line: line(0), edges: u32::MAX },
        Fault::Take { line: line(2), consumer: "spi0".to_owned() },
    ]
}

#[test]
fn every_request_is_read_as_it_was_written() {
    let id = LineId { chip: 0, offset: 17 };
    let configs = [
        config(Direction::Input, None, Drive::PushPull),
        config(Direction::Output, Some(Bias::PullUp), Drive::OpenDrain),
        config(Direction::Output, Some(Bias::PullDown), Drive::OpenSource),
        config(Direction::Input, Some(Bias::Disabled), Drive::PushPull),
    ];
    let lines = configs.map(|config| (id, config)).to_vec();
    same([
        LineRequest::Lines {},
        LineRequest::Claim { consumer: "gpiod".to_owned(), lines, as_found: 5 },
        LineRequest::Read { mask: u64::MAX },
        LineRequest::Write { mask: 1, bits: 0 },
        LineRequest::Configure { lines: vec![(63, configs[0])] },
        LineRequest::Edges { claim: 7 },
        LineRequest::More {},
    ]);
    let name = || "b".to_owned();
    same([
        ControlRequest::State {},
        ControlRequest::Record { since: 0 },
        ControlRequest::Follow { since: 1 },
        ControlRequest::Press { name: name(), for_ns: None },
        ControlRequest::Press { name: name(), for_ns: Some(1) },
        ControlRequest::Release { name: name() },
        ControlRequest::Light { name: name(), lux: Some(0.5) },
        ControlRequest::Light { name: name(), lux: None },
        ControlRequest::Pulse { name: name(), on: true },
        ControlRequest::Clear { target: Some(name()) },
        ControlRequest::Clear { target: None },
    ]);
    same(faults().into_iter().map(|fault| ControlRequest::Fault { fault }));
}

#[test]
fn every_reply_on_lines_is_read_as_it_was_written() {
    let moment = Moment { timestamp_ns: 1, uncertainty_ns: 2 };
    let info = LineInfo {
        id: LineId { chip: 255, offset: u32::MAX },
        chip: "pinctrl-bcm2835".to_owned(),
        name: String::new(),
        header_pin: Some(40),
        direction: Direction::Output,
        high: Some(true),
        drives_high: None,
        consumer: Some("x".to_owned()),
        function: None,
        at_exit: AtExit { claimed: Some(OnExit::Keep), unclaimed: true },
        waits: false,
    };
    let other = LineInfo {
        header_pin: None,
        high: None,
        drives_high: Some(false),
        consumer: None,
        function: Some("SPI0_MISO (alt0)".to_owned()),
        at_exit: AtExit { claimed: Some(OnExit::Input), unclaimed: false },
        waits: true,
        ..info.clone()
    };
    let unknown = LineInfo { at_exit: AtExit { claimed: None, unclaimed: false }, ..info.clone() };
    let edge = |edge| EdgeEvent { position: 3, edge, timestamp_ns: 4, seqno: 5, line_seqno: 6 };
    let (busy, consumer) = ("GPIO4".to_owned(), "y".to_owned());
    same([
        LineReply::Board { model: "m".to_owned(), lines: vec![info, other, unknown] },
        LineReply::Claimed { claim: 1, kept: 2 },
        LineReply::Values(Values { bits: 3, read: moment }),
        LineReply::Done(moment),
        LineReply::Attached,
        LineReply::Edges(vec![edge(Edge::Rising), edge(Edge::Falling)]),
        LineReply::Refused(Refusal::Busy { line: busy, consumer }),
        LineReply::Refused(Refusal::Invalid("no".to_owned())),
        LineReply::Refused(Refusal::NotOutput(line(4))),
        LineReply::Malformed("this is no request".to_owned()),
    ]);
}

#[test]
fn every_reply_on_control_is_read_as_it_was_written() {
    let on_line = LineState {
        line: line(9),
        header_pin: Some(21),
        high: true,
        direction: Direction::Input,
        drive: Drive::PushPull,
        bias: Bias::PullUp,
        consumer: None,
        contention: false,
        floating: true,
        stuck_high: Some(false),
    };
    let (one, other) = (line(1), line(2));
    let parts = [
        Part::Wire { between: [one, other] },
        Part::Button { line: one, to: Rail::Ground, pressed: true, closed: false },
        Part::Button { line: one, to: Rail::Supply, pressed: false, closed: true },
        Part::Led { line: one, colour: Colour::Yellow, lit: true },
        Part::Pulse { line: one, period_ns: 2, high_ns: 1, on: true },
        Part::LightSensor {
            line: one,
            lux: 10.0,
            by_hand: false,
            ohms: 1e4,
            volts: 0.0,
            expected_charge_us: 0.25,
        },
    ];
    let component = |part| ComponentState { name: "c".to_owned(), connected: true, part };
    let state = State {
        board: "b".to_owned(),
        time_ns: 1,
        last_seq: 2,
        lines: vec![on_line],
        components: parts.map(component).to_vec(),
    };
    let (name, kind) = (|| "n".to_owned(), "button".to_owned());
    let causes = [
        Cause::PowerOn,
        Cause::Consumer(name()),
        Cause::Released(name()),
        Cause::Button(name()),
        Cause::Pulse(name()),
        Cause::LightSensor(name()),
        Cause::Fault(name()),
    ];
    let changes = [Change::Level, Change::Direction, Change::Contention, Change::Claim, Change::Release]
        .into_iter()
        .cycle();
    let entries = causes.into_iter().zip(changes).map(|(cause, change)| Entry {
        seq: 1,
        time_ns: 2,
        line: one,
        change,
        high: true,
        direction: Direction::Output,
        contention: false,
        cause,
    });
    same([
        ControlReply::State(state),
        ControlReply::Record(Page { dropped: 1, entries: entries.collect(), last_seq: 3 }),
        ControlReply::Done { last_seq: 4 },
        ControlReply::Refused(ControlError::Component { kind, name: name() }),
        ControlReply::Refused(ControlError::Light("0".to_owned())),
        ControlReply::Refused(ControlError::Busy { line: one, consumer: name() }),
        ControlReply::Refused(ControlError::Consumer),
        ControlReply::Refused(ControlError::Fault(name())),
        ControlReply::Malformed("no".to_owned()),
    ]);
}

#[test]
fn what_is_no_request_is_told_with_its_place() {
    for (text, told) in [
        ("[]", "invalid type: an array, expected an object"),
        ("{}", "missing field `op`"),
        (r#"{"op":7}"#, "op: invalid type: a number, expected a string"),
        (
            r#"{"op":"reed","mask":1}"#,
            "unknown variant `reed`, expected one of `lines`, `claim`, `read`, `write`, `configure`, `edges`, `more`",
        ),
        (r#"{"op":"read"}"#, "missing field `mask`"),
        (r#"{"op":"read","mask":-1}"#, "mask: invalid value: -1, expected a whole number from 0 on"),
        (r#"{"op":"read","mask":1,"more":2}"#, "unknown field `more`"),
        (
            r#"{"op":"claim","consumer":"a","as_found":0,"lines":[[{"chip":256,"offset":1},{}]]}"#,
            "lines: chip: invalid value: 256, which is too large",
        ),
        (
            r#"{"op":"claim","consumer":"a","as_found":0,"lines":[[]]}"#,
            "lines: invalid length 0, expected an array of length 2",
        ),
    ] {
        assert_eq!(serde_json::from_str::<LineRequest>(text).unwrap_err().to_string(), told, "{text}");
    }
    let direction = r#"{"op":"configure","lines":[[0,{"direction":"up"}]]}"#;
    assert_eq!(
        serde_json::from_str::<LineRequest>(direction).unwrap_err().to_string(),
        "lines: direction: unknown variant `up`, expected `input` or `output`"
    );
    assert!(
        serde_json::from_str::<ControlRequest>(r#"{"op":"fault","fault":{"stuck-high":"GPIO28"}}"#)
            .unwrap_err()
            .to_string()
            .starts_with("fault: there is no line \"GPIO28\"")
    );
}
