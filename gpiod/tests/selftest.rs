//! `gpiod selftest` on the simulated board, with a wire, without it, and with lines that are not to be touched. What it
//! did to the pins is judged by the board's record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "board/bench.rs"]
#[allow(dead_code, reason = "the board's own tests use the rest")]
mod bench;

use bench::{Board, PATIENCE, output};
use gpiod::board::Line;
use gpiod::board::model::Fault;
use gpiod::board::record::{Cause, Change, Entry};
use gpiod::line::{Direction, LineConfig, Value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use std::process::{Command, Output, Stdio};

const WIRE: &str = "[[wire]]\nname = 'loop'\nbetween = ['GPIO22', 'GPIO27']\n";
/// How many steps a report has.
const STEPS: usize = 14;

fn selftest(board: &Board, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpiod"));
    command.args(["selftest", "--loop", "GPIO22,GPIO27", "--backend", "sim", "--board"]).arg(board.path());
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(board: &Board, arguments: &[&str]) -> Output {
    selftest(board, arguments).output().unwrap()
}

fn said(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn verdicts(report: &Json) -> Vec<(&str, &str)> {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().map(|step| (step["step"].as_str().unwrap(), step["verdict"].as_str().unwrap())).collect()
}

/// All that happened on both lines after power-on.
async fn record(board: &Board) -> Vec<Entry> {
    let entries = board.client().await.record(0).await.unwrap().entries;
    entries
        .into_iter()
        .filter(|entry| [22, 27].contains(&entry.line.bcm()) && entry.cause != Cause::PowerOn)
        .collect()
}

fn driven(entry: &Entry) -> bool {
    entry.direction == Direction::Output
}

/// Both lines are free inputs.
async fn let_go(board: &Board) -> bool {
    let state = board.client().await.state().await.unwrap();
    [22, 27]
        .map(|bcm: usize| &state.lines[bcm])
        .iter()
        .all(|line| line.direction == Direction::Input && line.consumer.is_none())
}

#[tokio::test]
async fn a_board_with_a_wire_passes_and_its_lines_never_drive_against_each_other() {
    for kernel in ["raspberry-pi", "upstream", "gpio-sim"] {
        let board = Board::start(WIRE, &["--kernel", kernel]);
        let output = run(&board, &["--json", "--count", "50"]);
        let report = json(&output);
        assert_eq!(output.status.code(), Some(0), "{kernel}: {report:#}");
        assert_eq!(report["passed"], true);
        let expected = |step: &str| match step {
            "unclaimed" => "not applicable",
            "killed" if kernel == "gpio-sim" => "not applicable",
            _ => "passed",
        };
        let verdicts = verdicts(&report);
        assert_eq!(verdicts.len(), STEPS);
        for (step, verdict) in verdicts {
            // Short pulses need a machine that has time for them.
            let too_busy = step == "debounce" && verdict == "not applicable";
            assert!(too_busy || verdict == expected(step), "{kernel}, {step}: {report:#}");
        }
        assert_eq!(report["steps"][4]["measures"]["delivered"], 1000);
        let record = record(&board).await;
        assert!(record.iter().any(driven));
        assert!(!record.iter().any(|entry| entry.contention), "{kernel}");
        assert!(let_go(&board).await);
    }
}

#[test]
fn the_report_is_text_that_fits_a_page_and_says_what_board_it_is() {
    let board = Board::start(WIRE, &[]);
    let output = run(&board, &["--count", "20"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = said(&output.stdout);
    assert!(text.lines().all(|row| row.chars().count() <= 100) && !text.contains('\x1b'), "{text}");
    for fact in [
        concat!("gpiod           ", env!("CARGO_PKG_VERSION")),
        "backend         sim: --backend names it",
        "chip            pinctrl-bcm2835",
        "driver          GPIO22, header pin 15",
        "at exit         a claimed output keeps its level",
        "passed          edges        20 edges, all there",
        "13 passed, 0 FAILED, 1 not applicable",
    ] {
        assert!(text.lines().any(|row| row.starts_with(fact)), "{fact}: {text}");
    }
}

#[tokio::test]
async fn a_missing_wire_is_told_with_its_pins_and_nothing_more_is_driven() {
    let board = Board::start("", &[]);
    let output = run(&board, &[]);
    assert_eq!(output.status.code(), Some(1));
    let missing = "GPIO27 does not follow GPIO22: is the jumper between header pins 15 and 13?";
    assert!(said(&output.stderr).contains(missing), "{output:?}");
    let record = record(&board).await;
    let raised = record.iter().filter(|entry| driven(entry) && entry.change == Change::Level && entry.high);
    assert_eq!(raised.count(), 1);
    assert!(let_go(&board).await);
}

#[tokio::test]
async fn a_line_that_something_else_drives_ends_the_test_before_anything_is_driven() {
    let line = |bcm| Line::new(bcm).unwrap();
    for fault in [Fault::StuckLow(line(22)), Fault::StuckHigh(line(27))] {
        for circuit in [WIRE, ""] {
            let board = Board::start(circuit, &[]);
            board.client().await.fault(fault.clone()).await.unwrap();
            let output = run(&board, &["--json"]);
            let report = json(&output);
            assert_eq!((output.status.code(), &report["steps"][0]["verdict"]), (Some(1), &"failed".into()));
            assert!(said(&output.stderr).contains("with its pull-"), "{output:?}");
            assert!(!record(&board).await.iter().any(driven), "{fault:?}");
        }
    }
    for (frequency, duty) in [(50, 0.5), (20, 0.02), (1000, 0.5)] {
        let pulse = format!(
            "[[pulse]]\nname = 'p'\nline = 'GPIO27'\nfrequency_hz = {frequency}\nduty = {duty}\non = true\n"
        );
        let board = Board::start(&(WIRE.to_owned() + &pulse), &[]);
        let output = run(&board, &[]);
        assert_eq!(output.status.code(), Some(1), "{frequency} Hz: {output:?}");
        assert!(!record(&board).await.iter().any(driven), "{frequency} Hz");
    }
}

#[tokio::test]
async fn a_line_that_somebody_has_is_refused_with_the_holders_name_and_not_touched() {
    let board = Board::start(WIRE, &[]);
    let take = Fault::Take { line: Line::new(27).unwrap(), consumer: "spi0".to_owned() };
    board.client().await.fault(take).await.unwrap();
    let before = record(&board).await;
    let output = run(&board, &[]);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(said(&output.stderr).contains("GPIO27 is held by \"spi0\": choose another line"), "{output:?}");
    assert_eq!(record(&board).await, before);
}

#[tokio::test]
async fn an_output_that_nobody_holds_is_taken_only_when_that_is_asked_for() {
    let board = Board::start(WIRE, &[]);
    drop(board.hold(&[(22, LineConfig { value: Value::Active, ..output() })]));
    let mut client = board.client().await;
    let released = client.wait_for(0, |entry| entry.change == Change::Release).await.unwrap();
    let output = run(&board, &["--count", "1"]);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(said(&output.stderr).contains("If nothing needs it: --take-over"), "{output:?}");
    assert_eq!(client.state().await.unwrap().last_seq, released.seq);
    let output = run(&board, &["--count", "1", "--take-over"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(let_go(&board).await);
}

#[tokio::test]
async fn a_test_that_is_interrupted_lets_the_lines_go() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let board = Board::start(WIRE, &[]);
        let mut command = selftest(&board, &["--count", "100000"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let client = board.client().await;
        // Well within the toggling.
        let many = client.wait_for(0, |entry| entry.seq > 300);
        tokio::time::timeout(PATIENCE, many).await.expect("it toggles").unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(said(&output.stderr).contains("the lines are let go"), "{output:?}");
        assert!(let_go(&board).await);
    }
}

#[test]
fn wrong_use_has_the_exit_codes_of_all_commands() {
    let board = Board::start("", &[]);
    let dir = board.path().to_str().unwrap();
    for (arguments, code, word) in [
        (&["--loop", "GPIO22"][..], 64, "name two lines"),
        (&["--backend", "sim"], 64, "--loop"),
        (&["--loop", "GPIO22,GPIO22"], 64, "two ends"),
        (&["--loop", "GPIO22,GPIO27", "--count", "0"], 64, "--count"),
        (&["--loop", "GPIO22,GPIO27", "--backend", "cdev", "--board", dir], 64, "add --backend sim"),
        (&["--loop", "GPIO22,GPIO99", "--backend", "sim", "--board", dir], 65, "no line \"GPIO99\""),
        (&["--loop", "GPIO22,pinctrl-bcm2835:22", "--backend", "sim", "--board", dir], 65, "one line"),
        (&["--loop", "GPIO22,GPIO27", "--backend", "sim", "--board", "/nonexistent"], 69, "gpiod board"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_gpiod")).arg("selftest").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(said(&output.stderr).contains(word), "{arguments:?}: {output:?}");
    }
}
