//! The real program against a daemon that follows a script.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../tests/scripted.rs"]
mod scripted;

use gpiod_proto::v1::session_request::Command as Sent;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::step::Step;
use gpiod_proto::v1::{Direction, Edge, OpenResult, Program, ProgramResult, StepOutcome, StepResult, Values};
use nix::sys::signal::Signal;
use scripted::{Scripted, Seen, end, refusal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tonic::{Code, Status};

/// Opens, and answers programs with steps that ended so.
fn with_last_step(
    command: &Sent,
    outcome: StepOutcome,
    last_ns: u64,
    bits: u64,
) -> Option<Result<Answer, Status>> {
    let step = |timestamp_ns, outcome| StepResult {
        timestamp_ns,
        outcome: i32::from(outcome),
        ..StepResult::default()
    };
    let done = StepOutcome::Done;
    Some(Ok(if let Sent::Program(_) = command {
        Answer::Program(ProgramResult {
            steps: vec![step(1000, done), step(2000, done), step(3000, done), step(last_ns, outcome)],
            values: Some(Values { bits, timestamp_ns: last_ns }),
            lost_edges: 0,
        })
    } else {
        Answer::Open(OpenResult { values: Some(Values::default()), ..Default::default() })
    }))
}

fn bright(command: &Sent) -> Option<Result<Answer, Status>> {
    with_last_step(command, StepOutcome::Done, 8_126_400, 1)
}

fn dark(command: &Sent) -> Option<Result<Answer, Status>> {
    with_last_step(command, StepOutcome::TimedOut, 2_000_003_000, 0)
}

/// Never ends a program.
fn slow(command: &Sent) -> Option<Result<Answer, Status>> {
    bright(command).filter(|_| !matches!(command, Sent::Program(_)))
}

fn held(_: &Sent) -> Option<Result<Answer, Status>> {
    Some(Err(refusal(Code::FailedPrecondition, "LINE_HELD", "light is held by \"other-sensor\"")))
}

fn sensor(socket: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_light-sensor"))
        .arg("--socket")
        .arg(socket)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A socket in a folder of its own.
fn place() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gpiod.sock");
    (folder, socket)
}

/// The next program that was sent.
fn program(daemon: &Scripted) -> Program {
    loop {
        if let Seen::Command(Sent::Program(program)) = daemon.next() {
            return program;
        }
    }
}

#[test]
fn a_reading_is_the_program_that_empties_lets_go_and_waits_for_the_edge() {
    let (_folder, socket) = place();
    let daemon = Scripted::start(&socket, bright);
    let output = sensor(&socket, &["--once", "--timeout", "1500ms"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "8123\n");
    let Seen::Command(Sent::Open(open)) = daemon.next() else { panic!("no open") };
    assert_eq!((open.lines[0].name.as_str(), open.lines[0].direction()), ("light", Direction::Both));
    let steps: Vec<_> = program(&daemon).steps.into_iter().map(|step| step.step.unwrap()).collect();
    let [Step::Direction(drive), Step::Wait(wait), Step::Direction(listen), Step::Edge(rise)] = &steps[..]
    else {
        panic!("{steps:?}");
    };
    assert_eq!((drive.direction(), drive.mask, drive.bits), (Direction::Output, 1, 0));
    assert_eq!(wait.duration_ns, 100_000_000);
    assert_eq!((listen.direction(), listen.mask), (Direction::Input, 1));
    assert_eq!((rise.edge(), rise.mask, rise.timeout_ns), (Edge::Rising, 1, 1_500_000_000));
    assert!(matches!(daemon.next(), Seen::Closed));
}

#[test]
fn a_reading_that_times_out_says_why_and_once_exits_with_1() {
    let (_folder, socket) = place();
    let _daemon = Scripted::start(&socket, dark);
    let output = sensor(&socket, &["--once", "--json"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let reading: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reading["status"], "timeout");
    assert_eq!(reading["cause"], "dark or disconnected");
}

#[test]
fn a_socket_that_no_waiting_mends_ends_it_with_69_and_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let socket = file.join("gpiod.sock");
    let mut child = sensor(&socket, &[]);
    let told = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    if told.contains("waiting") {
        child.kill().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(69), "{told}");
    let expected = format!("light-sensor: can not connect to gpiod at {}: Not a directory", socket.display());
    assert!(told.starts_with(&expected), "{told}");
}

#[test]
fn a_held_line_ends_it_with_75_and_the_holders_name() {
    let (_folder, socket) = place();
    let _daemon = Scripted::start(&socket, held);
    let output = sensor(&socket, &[]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "light-sensor: light is held by \"other-sensor\"\n"
    );
}

#[test]
fn readings_are_appended_after_half_a_line_and_printed() {
    let (folder, socket) = place();
    let _daemon = Scripted::start(&socket, bright);
    let journal = folder.path().join("light.jsonl");
    std::fs::write(&journal, "{\"ti").unwrap();
    let append = journal.to_str().unwrap();
    for _ in 0..2 {
        let output = sensor(&socket, &["--once", "--append", append]).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let lines = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "{\"ti"));
    for line in &lines[1..] {
        let reading: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(reading["charge_us"], 8123.4);
    }
}

#[test]
fn it_ends_within_a_second_in_the_middle_of_a_reading() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (_folder, socket) = place();
        let daemon = Scripted::start(&socket, slow);
        let child = sensor(&socket, &[]);
        program(&daemon);
        let (output, took) = end(child, signal);
        assert_eq!(output.status.code(), Some(0), "{signal}: {output:?}");
        assert!(took < Duration::from_secs(1), "{signal}: {took:?}");
    }
}

#[test]
fn it_goes_on_when_the_daemon_is_back_and_says_both_once() {
    let (_folder, socket) = place();
    let daemon = Scripted::start(&socket, bright);
    let mut child = sensor(&socket, &["--interval", "100ms"]);
    let mut readings = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(readings.next().unwrap().unwrap(), "8123");
    drop(daemon);
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    assert!(log.next().unwrap().contains("gpiod is away"));
    let daemon = Scripted::start(&socket, dark);
    assert!(log.next().unwrap().contains("gpiod is back"));
    readings.find(|line| line.as_ref().unwrap().contains("dark or disconnected")).unwrap().unwrap();
    let (output, _) = end(child, Signal::SIGTERM);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(log.next(), None);
    drop(daemon);
}

#[test]
fn the_last_reading_is_served_over_http() {
    let (_folder, socket) = place();
    let _daemon = Scripted::start(&socket, bright);
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = sensor(&socket, &["--listen", &address.to_string(), "--json", "--interval", "1h"]);
    let mut printed = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut printed).unwrap();
    // The reading is printed before it is served.
    let reading = loop {
        let answer = get(address, "/reading");
        if !answer.starts_with("HTTP/1.1 503 ") {
            break answer;
        }
    };
    assert!(reading.starts_with("HTTP/1.1 200 OK\r\n"), "{reading}");
    assert_eq!(reading.split_once("\r\n\r\n").unwrap().1, printed);
    assert!(get(address, "/metrics").contains("\nlight_sensor_charge_seconds 0.008123400\n"));
    assert!(get(address, "/nothing").starts_with("HTTP/1.1 404 "));
    assert_eq!(end(child, Signal::SIGTERM).0.status.code(), Some(0));
}

fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_ends_quietly_when_nobody_reads_its_output_any_more_and_nothing_else_has_its_readings() {
    for (args, code) in [(&[][..], 0), (&["--append", "light.jsonl"][..], 74)] {
        let (folder, socket) = place();
        let _daemon = Scripted::start(&socket, bright);
        let mut child = Command::new(env!("CARGO_BIN_EXE_light-sensor"))
            .current_dir(folder.path())
            .args(["--interval", "100ms", "--socket"])
            .arg(&socket)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert_eq!(first, "8123\n");
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.is_empty()), (Some(code), code == 0), "{output:?}");
    }
}

#[test]
fn one_reading_that_is_not_in_the_file_is_a_failure() {
    let (folder, socket) = place();
    let _daemon = Scripted::start(&socket, bright);
    let nowhere = folder.path().join("nowhere/light.jsonl");
    let output =
        sensor(&socket, &["--once", "--append", nowhere.to_str().unwrap()]).wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{message}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "8123\n", "the reading is printed all the same");
    assert!(message.contains("can not append to ") && message.contains("No such file"), "{message}");
}
