//! The two apps against the real daemon and board, all as processes of their own. What the lights did is read off the
//! board's record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{PATIENCE, Process, Rig, became};
use gpiod::board::record::{Change, Entry};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStderr, ChildStdout, Command};

const LIGHTS: [(&str, &str); 3] = [("GPIO9", "red"), ("GPIO10", "yellow"), ("GPIO11", "green")];

/// An app's binary. It lies beside ours: `cargo test --workspace` builds it.
fn app(name: &str) -> Command {
    let path: PathBuf = Path::new(env!("CARGO_BIN_EXE_gpiod")).with_file_name(name);
    assert!(path.exists(), "{} is missing: run cargo build --workspace", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn traffic_light(rig: &Rig, speed: &str) -> Command {
    let mut command = app("traffic-light");
    command.env("GPIOD_SOCKET", rig.socket("traffic-light")).args(["--speed", speed]).stderr(Stdio::piped());
    command
}

async fn line<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut Lines<R>) -> String {
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the app says something");
    line.unwrap().expect("the app goes on")
}

/// Reads the app's log up to a line.
async fn until(log: &mut Lines<BufReader<ChildStderr>>, wanted: &str) {
    while line(log).await != wanted {}
}

/// The lights that are on after each change, and when that was; moments at which several change are one.
fn phases(record: &[Entry]) -> Vec<(u64, Vec<&'static str>)> {
    let mut on: Vec<&'static str> = Vec::new();
    let mut phases: Vec<(u64, Vec<&'static str>)> = Vec::new();
    for entry in record.iter().filter(|entry| entry.change == Change::Level) {
        let Some((_, light)) = LIGHTS.iter().find(|(line, _)| entry.line.to_string() == *line) else {
            continue;
        };
        if entry.high {
            on.push(light)
        } else {
            on.retain(|lit| lit != light)
        }
        on.sort_unstable();
        match phases.last_mut() {
            Some((time, lights)) if *time == entry.time_ns => lights.clone_from(&on),
            _ => phases.push((entry.time_ns, on.clone())),
        }
    }
    phases
}

#[tokio::test]
async fn the_traffic_light_shows_its_phases_in_order_and_ends_dark() {
    let rig = Rig::start().await;
    let mut child = traffic_light(&rig, "20").spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..2 {
        until(&mut log, "traffic-light: yellow").await;
    }
    until(&mut log, "traffic-light: red").await;
    let status = Process { child }.signal(Signal::SIGTERM).await;
    assert_eq!(status.code(), Some(0));
    let record = rig.board().await.record(0).await.unwrap().entries;
    let phases = phases(&record);
    let cycle = [vec!["red"], vec!["red", "yellow"], vec!["green"], vec!["yellow"]];
    let (last, shown) = phases.split_last().unwrap();
    assert!(last.1.is_empty(), "dark at the end");
    assert_eq!(shown.len(), 9);
    for (i, (_, lights)) in shown.iter().enumerate() {
        assert_eq!(*lights, cycle[i % 4]);
    }
    // Two whole cycles on the app's own clock, twenty times as fast as the table's 11 s. How late a phase is shown is
    // the machine's affair; that lateness does not add up is the app's.
    let two_cycles = shown[8].0 - shown[0].0;
    assert!(two_cycles.abs_diff(1_100_000_000) < 500_000_000, "{two_cycles} ns");
}

#[tokio::test]
async fn a_killed_traffic_light_is_dark_and_its_successor_starts_at_once() {
    let rig = Rig::start().await;
    let first = traffic_light(&rig, "10").stderr(Stdio::null()).spawn().unwrap();
    let lit = rig.saw(0, |e| became(e, "GPIO11", true)).await;

    let second = traffic_light(&rig, "10").output().await.unwrap();
    assert_eq!(second.status.code(), Some(75));
    let text = String::from_utf8(second.stderr).unwrap();
    assert!(text.contains("is held by traffic-light (uid "), "{text}");

    Process { child: first }.signal(Signal::SIGKILL).await;
    rig.saw(lit.seq, |e| became(e, "GPIO11", false)).await;
    assert!(
        rig.client("traffic-light")
            .await
            .lines()
            .await
            .unwrap()
            .lines
            .iter()
            .all(|line| line.holder.is_none())
    );
    let _third = traffic_light(&rig, "10").stderr(Stdio::null()).spawn().unwrap();
    let seen = rig.board().await.record(0).await.unwrap().last_seq;
    rig.saw(seen, |e| became(e, "GPIO9", true)).await;
}

#[tokio::test]
async fn lights_and_clock_go_on_over_a_restart_of_the_daemon() {
    let mut rig = Rig::start().await;
    let mut child = traffic_light(&rig, "5").spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    until(&mut log, "traffic-light: green").await;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.start_daemon().await;
    until(&mut log, "traffic-light: yellow").await;
    until(&mut log, "traffic-light: green").await;
    Process { child }.signal(Signal::SIGINT).await;
    let record = rig.board().await.record(0).await.unwrap().entries;
    let shown: Vec<_> = phases(&record).into_iter().map(|(_, lights)| lights).collect();
    let cycle = [vec!["red"], vec!["red", "yellow"], vec!["green"], vec!["yellow"]];
    let expected: Vec<_> = cycle.iter().cycle().take(7).cloned().chain([vec![]]).collect();
    assert_eq!(shown, expected, "nothing wrong and nothing dark in between");
}

async fn reading(lines: &mut Lines<BufReader<ChildStdout>>) -> f64 {
    line(lines).await.parse().unwrap()
}

#[tokio::test]
async fn the_light_sensors_readings_follow_the_light() {
    let rig = Rig::start().await;
    let mut command = app("light-sensor");
    command.env("GPIOD_SOCKET", rig.socket("light-sensor")).args([
        "--interval",
        "100ms",
        "--timeout",
        "100ms",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut board = rig.board().await;
    for lux in [10.0, 100.0, 3.0] {
        board.light("ldr", Some(lux)).await.unwrap();
        // The reading under way may have begun in the light of before.
        reading(&mut lines).await;
        let measured = reading(&mut lines).await;
        let expected = 10_000.0 * (lux / 10.0f64).powf(-0.7) * (3.3f64 / (3.3 - 1.8)).ln();
        assert!(
            (measured - expected).abs() < f64::max(expected * 0.02, 100.0),
            "{measured} us, not {expected} us"
        );
    }
    board.light("ldr", Some(0.001)).await.unwrap();
    while line(&mut lines).await.parse::<f64>().is_ok() {}
    let status = Process { child }.signal(Signal::SIGTERM).await;
    assert_eq!(status.code(), Some(0));
}
