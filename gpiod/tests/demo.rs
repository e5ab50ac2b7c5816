//! The demonstration as a newcomer runs it: long enough for a cycle of the lights, and nothing is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// The longest that a demo may take before a test gives up on it. No test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(90);

/// The demo, with a directory of its own for all that it makes. It and the apps lie beside our binary.
fn demo(dir: &Path) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_gpiod")).parent().unwrap();
    for name in ["examples/demo", "traffic-light", "light-sensor"] {
        let path = programs.join(name);
        assert!(
            path.exists(),
            "{} is missing: run cargo build --workspace --bins --examples",
            path.display()
        );
    }
    let mut command = Command::new(programs.join("examples/demo"));
    command.env("TMPDIR", dir).env_remove("DEMO_SECONDS").stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// What is left of a demo: files in its directory, and processes that know it.
fn left(dir: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let files = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let wanted = dir.to_str().unwrap();
    let processes = Path::new("/proc").read_dir().unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        let about = ["cmdline", "environ"].map(|name| std::fs::read(path.join(name)).unwrap_or_default());
        let about = String::from_utf8_lossy(&about.concat()).into_owned();
        about.contains(wanted).then_some(about)
    });
    (files, processes.collect())
}

#[tokio::test]
async fn a_cycle_is_shown_judged_and_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = demo(dir.path());
    let output = timeout(PATIENCE, demo.env("DEMO_SECONDS", "12").output()).await.unwrap().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    // It judges the times, too, which a machine that is busy with other tests may not keep: that alone may be wrong.
    let late = |fault: &str| fault.contains(" lasted ") || fault.contains("where physics says");
    let kept = told.lines().all(|line| line.trim_start_matches("demo: ").split("; ").all(late));
    assert!(output.status.success() || (output.status.code() == Some(1) && kept), "{out}{told}");
    let phases: Vec<&str> = out
        .lines()
        .filter_map(|line| line.split_once("traffic light: ")?.1.split_whitespace().next())
        .collect();
    let cycle = ["red", "red+yellow", "green", "yellow", "red"];
    assert!(phases.len() >= 3 && phases.iter().zip(cycle).all(|(seen, phase)| *seen == phase), "{out}");
    assert!(out.lines().filter(|line| line.contains("physics says")).count() >= 3, "{out}");
    assert_eq!(left(dir.path()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn ctrl_c_ends_it_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = demo(dir.path());
    let mut demo = demo.spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().unwrap().ends_with("traffic light: red"));
    kill(Pid::from_raw(demo.id().unwrap().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(timeout(PATIENCE, demo.wait()).await.unwrap().unwrap().code(), Some(0));
    assert_eq!(left(dir.path()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_process_that_dies_is_named_and_the_rest_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = demo(dir.path());
    let mut demo = demo.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    // In its second phase it has told the first for sure.
    while !lines.next_line().await.unwrap().unwrap().contains("traffic light: red+yellow") {}
    let own = demo.id().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap();
    let light = children
        .split_whitespace()
        .find(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim() == "traffic-light")
        .unwrap();
    kill(Pid::from_raw(light.parse().unwrap()), Signal::SIGKILL).unwrap();
    let output = timeout(PATIENCE, demo.wait_with_output()).await.unwrap().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("traffic-light ended unexpectedly (signal: 9"), "{told}");
    assert!(told.contains("traffic-light: red"), "{told}");
    assert_eq!(left(dir.path()), (Vec::new(), Vec::new()));
}
