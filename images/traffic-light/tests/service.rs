//! The real program against a daemon that follows a script.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../tests/scripted.rs"]
mod scripted;

use gpiod_proto::v1::session_request::Command as Sent;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{Direction, DoneResult, OpenCommand, OpenResult, Value, Values};
use nix::sys::signal::Signal;
use scripted::{Scripted, Seen, end, refusal};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tonic::{Code, Status};

const RED: u64 = 0b001;
const RED_YELLOW: u64 = 0b011;
const GREEN: u64 = 0b100;
const YELLOW: u64 = 0b010;

/// Holds everything and does everything.
fn willing(command: &Sent) -> Option<Result<Answer, Status>> {
    Some(Ok(if let Sent::Open(_) = command {
        Answer::Open(OpenResult { values: Some(Values::default()), ..Default::default() })
    } else {
        Answer::Done(DoneResult { timestamp_ns: 1 })
    }))
}

/// Says that somebody else is at work.
fn held(_: &Sent) -> Option<Result<Answer, Status>> {
    Some(Err(refusal(Code::FailedPrecondition, "LINE_HELD", "red is held by \"other-light\"")))
}

fn light(socket: &Path, speed: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_traffic-light"))
        .args(["--speed", speed, "--socket"])
        .arg(socket)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn opened(daemon: &Scripted) -> OpenCommand {
    let seen = daemon.next();
    let Seen::Command(Sent::Open(open)) = seen else { panic!("not an open: {seen:?}") };
    *open
}

/// The lights of the next write, which is one of all three lines.
fn written(daemon: &Scripted) -> u64 {
    let seen = daemon.next();
    let Seen::Command(Sent::Write(write)) = seen else { panic!("not a write: {seen:?}") };
    assert_eq!(write.mask, 0b111, "a phase is one write of all lines");
    write.bits
}

#[test]
fn it_holds_three_outputs_all_off_and_begins_with_red() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gpiod.sock");
    let daemon = Scripted::start(&socket, willing);
    let child = light(&socket, "1");
    let open = opened(&daemon);
    let lines: Vec<_> =
        open.lines.iter().map(|line| (line.name.as_str(), line.direction(), line.initial())).collect();
    let off = Value::Inactive;
    let output = Direction::Output;
    assert_eq!(lines, [("red", output, off), ("yellow", output, off), ("green", output, off)]);
    assert_eq!(open.client_name, "traffic-light");
    assert_eq!(written(&daemon), RED);
    end(child, Signal::SIGKILL);
}

#[test]
fn the_phases_come_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gpiod.sock");
    let daemon = Scripted::start(&socket, willing);
    let child = light(&socket, "20");
    opened(&daemon);
    // On a machine that stands still for a moment a short phase may be missing; not in every cycle, though.
    let mut last = [0; 5];
    while last != [RED, RED_YELLOW, GREEN, YELLOW, RED] {
        last.rotate_left(1);
        last[4] = written(&daemon);
        assert!([RED, RED_YELLOW, GREEN, YELLOW].contains(&last[4]), "{last:?}");
    }
    end(child, Signal::SIGKILL);
}

#[test]
fn both_signals_turn_all_off_and_end_cleanly() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("gpiod.sock");
        let daemon = Scripted::start(&socket, willing);
        let child = light(&socket, "1");
        opened(&daemon);
        assert_eq!(written(&daemon), RED);
        let (output, took) = end(child, signal);
        assert_eq!(output.status.code(), Some(0), "{signal}: {output:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(written(&daemon), 0, "{signal}");
        assert!(matches!(daemon.next(), Seen::Closed), "{signal}: the session is closed, not broken off");
    }
}

#[test]
fn a_socket_that_no_waiting_mends_ends_it_with_69_and_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let socket = file.join("gpiod.sock");
    let mut child = light(&socket, "1");
    let told = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    if told.contains("waiting") {
        child.kill().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(69), "{told}");
    let expected =
        format!("traffic-light: can not connect to gpiod at {}: Not a directory", socket.display());
    assert!(told.starts_with(&expected), "{told}");
}

#[test]
fn held_lines_end_it_with_75_and_the_holders_name() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gpiod.sock");
    let _daemon = Scripted::start(&socket, held);
    let output = light(&socket, "1").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, "traffic-light: red is held by \"other-light\"\n");
}

#[test]
fn it_waits_for_a_daemon_that_comes_later_and_for_one_that_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("gpiod.sock");
    let mut child = light(&socket, "1");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    let told = log.next().unwrap();
    assert!(told.contains("waiting for gpiod"), "{told}");

    let daemon = Scripted::start(&socket, willing);
    opened(&daemon);
    assert_eq!(written(&daemon), RED);
    drop(daemon);
    let told = log.find(|line| line.contains("gpiod is away")).unwrap();
    let daemon = Scripted::start(&socket, willing);
    let open = opened(&daemon);
    let begin = open.lines.iter().map(|line| line.initial()).collect::<Vec<_>>();
    assert_eq!(begin, [Value::Unspecified; 3], "what burns stays on: {told}");
    let lights = written(&daemon);
    assert!([RED, RED_YELLOW, GREEN, YELLOW].contains(&lights), "{lights}");
    let told = log.find(|line| line.contains("is back")).unwrap();
    assert!(told.contains(" ms"), "{told}");
    assert_eq!(end(child, Signal::SIGTERM).0.status.code(), Some(0));
}

#[test]
fn without_a_daemon_it_still_ends_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = light(&folder.path().join("gpiod.sock"), "1");
    let log = BufReader::new(child.stderr.take().unwrap());
    assert!(log.lines().next().unwrap().unwrap().contains("waiting"));
    let (output, took) = end(child, Signal::SIGTERM);
    assert_eq!(output.status.code(), Some(0));
    assert!(took < Duration::from_secs(1), "{took:?}");
}
