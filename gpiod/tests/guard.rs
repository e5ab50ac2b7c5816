//! The daemon goes, and the guardian makes inputs of the outputs that are not to stay on. Judged by the board's record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{PATIENCE, Process, Rig, gpiod};
use gpiod::board::model::Fault;
use gpiod::board::record::{Cause, Change, Entry};
use gpiod::line::{Bias, Direction};
use gpiod_sdk::{Session, Value};
use nix::sys::signal::{Signal, kill};
use serde_json::Value as Json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A coil and a fan that are not to stay on, and a lamp that is.
const HEATER: &str = r#"
[[group]]
name = "heater"
lines.coil = { line = "GPIO9", direction = "output", bias = "pull-down", on_daemon_exit = "input" }
lines.fan = { line = "GPIO10", direction = "both", on_daemon_exit = "input" }
lines.lamp = { line = "GPIO20", direction = "output", on_daemon_exit = "keep" }
"#;

/// Longer than any test: what is done before it is over is not done for its being over.
const NEVER: &str = "10m";

async fn guard(rig: &Rig, wait: &str) -> Process {
    let mut command = gpiod();
    command.arg("guard").arg("--config").arg(rig.path("gpiod.toml")).arg("--wait").arg(wait);
    Process::start(rig.dir.path(), "guard", &mut command).await
}

/// A board, a guardian and a daemon, with a session that switched everything on.
async fn all_on(wait: &str) -> (Rig, Process, Session) {
    let mut rig = Rig::board_alone(HEATER, "").await;
    let guardian = guard(&rig, wait).await;
    rig.start_daemon().await;
    let client = rig.client("heater").await;
    let session = client.session().output("coil").output("lamp").output("fan").open().await.unwrap();
    for line in ["coil", "fan", "lamp"] {
        session.output(line).unwrap().set(Value::Active).await.unwrap();
    }
    (rig, guardian, session)
}

async fn record(rig: &Rig) -> Vec<Entry> {
    rig.board().await.record(0).await.unwrap().entries
}

/// What a line did of its own since it was switched on.
fn moves(record: &[Entry], line: &str) -> Vec<(Change, bool, Direction)> {
    let moved =
        |e: &&Entry| e.line.to_string() == line && matches!(e.change, Change::Level | Change::Direction);
    record.iter().filter(moved).map(|e| (e.change, e.high, e.direction)).collect()
}

fn became_input(entry: &Entry, line: &str) -> bool {
    (entry.change, entry.direction) == (Change::Direction, Direction::Input) && entry.line.to_string() == line
}

fn guards_log(rig: &Rig) -> String {
    std::fs::read_to_string(rig.path("guard.log")).unwrap()
}

/// What the command line lists of a line, in JSON.
async fn listed(rig: &Rig, line: &str) -> Json {
    let output =
        gpiod().args(["lines", "--json", "--socket"]).arg(rig.socket("heater")).output().await.unwrap();
    let all: Json = serde_json::from_slice(&output.stdout).unwrap();
    let named = |listed: &&Json| listed["name"] == line;
    all["lines"].as_array().unwrap().iter().find(named).unwrap().clone()
}

/// Waits until the command line lists a line like this.
async fn until_listed(rig: &Rig, line: &str, like: impl Fn(&Json) -> bool) {
    let look = async { while !like(&listed(rig, line).await) {} };
    tokio::time::timeout(PATIENCE, look).await.expect("it is listed so");
}

async fn daemon_goes(signal: Signal) {
    let (mut rig, guardian, _session) = all_on("0s").await;
    let before = rig.board().await.record(0).await.unwrap().last_seq;
    let lamp = moves(&record(&rig).await, "GPIO20");
    rig.daemon.take().unwrap().signal(signal).await;
    for line in ["GPIO9", "GPIO10"] {
        let entry = rig.saw(before, |e| became_input(e, line)).await;
        assert_eq!(entry.cause, Cause::Consumer("gpiod guard".into()), "the kernel kept it until then");
        let let_go = |e: &Entry| e.change == Change::Release && e.line.to_string() == line;
        rig.saw(entry.seq, let_go).await;
    }
    let state = rig.board().await.state().await.unwrap();
    let coil = &state.lines[9];
    assert_eq!((coil.high, coil.bias, coil.consumer.as_deref()), (false, Bias::PullDown, None));
    assert_eq!(moves(&record(&rig).await, "GPIO20"), lamp, "the lamp has not moved");
    assert!(state.lines[20].high);
    assert!(guards_log(&rig).contains("\"line\":\"heater/coil\""), "{}", guards_log(&rig));

    rig.start_daemon().await;
    assert_eq!(rig.board().await.state().await.unwrap().lines[9].consumer.as_deref(), Some("gpiod:heater"));
    assert!(guardian.signal(Signal::SIGTERM).await.success());
}

#[tokio::test]
async fn a_killed_daemons_heater_goes_off_and_its_lamp_stays_on() {
    daemon_goes(Signal::SIGKILL).await;
}

#[tokio::test]
async fn a_stopped_daemons_heater_goes_off_and_its_lamp_stays_on() {
    daemon_goes(Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_daemon_that_is_back_in_time_has_its_lines_as_they_were() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let (mut rig, guardian, session) = all_on(NEVER).await;
        let coil = moves(&record(&rig).await, "GPIO9");
        rig.daemon.take().unwrap().signal(signal).await;
        rig.start_daemon().await;
        // What were due now would be switched before it ends.
        assert!(guardian.signal(Signal::SIGTERM).await.success());
        assert_eq!(moves(&record(&rig).await, "GPIO9"), coil);
        assert!(rig.board().await.state().await.unwrap().lines[9].high);
        drop(session);
    }
}

/// More than enough for twice the wait: each of them asks for its lines for a second.
const STARTS: usize = 8;

#[tokio::test]
async fn a_daemon_that_fails_at_each_start_does_not_keep_the_heater_on() {
    let (mut rig, guardian, _session) = all_on("1s").await;
    let before = rig.board().await.record(0).await.unwrap().last_seq;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.saw(before, |e| e.change == Change::Release && e.line.to_string() == "GPIO20").await;
    let line = "GPIO20".parse().unwrap();
    rig.board().await.fault(Fault::Take { line, consumer: "spi0".into() }).await.unwrap();
    let mut starts = 0;
    while !record(&rig).await.iter().any(|e| e.seq > before && became_input(e, "GPIO9")) {
        assert!(starts < STARTS, "the heater is still on after {starts} starts: {}", guards_log(&rig));
        let serve = gpiod().arg("serve").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
        assert_eq!(serve.status.code(), Some(75), "{}", String::from_utf8_lossy(&serve.stderr));
        starts += 1;
    }
    for line in ["GPIO9", "GPIO10"] {
        let entry = rig.saw(before, |e| became_input(e, line)).await;
        assert_eq!(entry.cause, Cause::Consumer("gpiod guard".into()));
    }
    assert!(!rig.board().await.state().await.unwrap().lines[9].high);

    // Once it starts the lines are its own.
    rig.board().await.clear(None).await.unwrap();
    rig.start_daemon().await;
    let started = rig.board().await.record(0).await.unwrap().last_seq;
    assert!(guardian.signal(Signal::SIGTERM).await.success());
    let after = rig.board().await.record(started).await.unwrap().entries;
    assert!(after.iter().all(|e| e.cause != Cause::Consumer("gpiod guard".into())), "{after:?}");
    assert_eq!(rig.board().await.state().await.unwrap().lines[9].consumer.as_deref(), Some("gpiod:heater"));
}

#[tokio::test]
async fn a_guardian_that_is_stopped_switches_first_what_is_due() {
    let (mut rig, guardian, _session) = all_on(NEVER).await;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    assert!(guardian.signal(Signal::SIGTERM).await.success());
    assert!(record(&rig).await.iter().any(|e| became_input(e, "GPIO9")));
    assert!(rig.board().await.state().await.unwrap().lines[20].high);
}

#[tokio::test]
async fn without_a_guardian_the_wish_is_refused_and_the_check_only_notes_it() {
    let rig = Rig::board_alone(HEATER, "").await;
    let serve = gpiod().arg("serve").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
    let said = String::from_utf8(serve.stderr).unwrap();
    assert_eq!(serve.status.code(), Some(69), "{said}");
    for part in [
        "gpiod.toml:5: group.heater.lines.coil.on_daemon_exit: \"input\" is not to be had from this kernel",
        "gpiod.toml:6: group.heater.lines.fan.on_daemon_exit: ",
        "or run `gpiod guard --config ",
        "no guardian answers at ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("lamp"), "{said}");
    assert!(moves(&record(&rig).await, "GPIO9").is_empty(), "nothing was driven");

    let check = gpiod().arg("check").arg(rig.path("gpiod.toml")).output().await.unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.success(), "{said}");
    assert!(
        said.contains("gpiod.toml:5: note: group.heater.lines.coil.on_daemon_exit: needs `gpiod guard`"),
        "{said}"
    );
    let check = gpiod().arg("check").arg("--json").arg(rig.path("gpiod.toml")).output().await.unwrap();
    let told: Json = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!((told["problems"].as_array().unwrap().len(), told["notes"].as_array().unwrap().len()), (0, 2));
}

#[tokio::test]
async fn lines_are_listed_as_what_would_happen_now_and_the_next_guardian_has_them_again() {
    let (mut rig, guardian, _session) = all_on("0s").await;
    let told = |line: &Json| (line["on_daemon_exit"].clone(), line["guardian"]["present"].clone());
    assert_eq!(told(&listed(&rig, "coil").await), ("input".into(), true.into()));
    assert_eq!(told(&listed(&rig, "lamp").await), ("keep".into(), Json::Null));
    assert!(rig.log().contains("by the guardian"), "{}", rig.log());

    guardian.signal(Signal::SIGKILL).await;
    until_listed(&rig, "coil", |line| told(line) == ("keep".into(), false.into())).await;
    assert!(rig.log().contains("the guardian has gone"), "{}", rig.log());

    let _guardian = guard(&rig, "0s").await;
    until_listed(&rig, "coil", |line| told(line) == ("input".into(), true.into())).await;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.saw(0, |e| became_input(e, "GPIO9")).await;
}

#[tokio::test]
async fn a_guardian_that_is_stopped_and_does_not_answer_is_none_until_it_goes_on() {
    let (mut rig, guardian, _session) = all_on("0s").await;
    kill(guardian.pid(), Signal::SIGSTOP).unwrap();
    // Whoever lists lines has it asked.
    let present = |line: &Json| line["guardian"]["present"].as_bool().unwrap();
    until_listed(&rig, "coil", |line| !present(line)).await;
    assert!(rig.log().contains("the guardian does not answer"), "{}", rig.log());
    kill(guardian.pid(), Signal::SIGCONT).unwrap();
    until_listed(&rig, "coil", present).await;
    assert!(rig.log().contains("the guardian answers again"), "{}", rig.log());
    assert!(!rig.log().contains("the guardian has gone"), "{}", rig.log());
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.saw(0, |e| became_input(e, "GPIO9")).await;
}

#[tokio::test]
async fn who_opens_a_session_with_a_guarded_line_has_the_guardian_asked() {
    let (rig, guardian, session) = all_on("0s").await;
    kill(guardian.pid(), Signal::SIGSTOP).unwrap();
    session.close().await.unwrap();
    let _session = rig.client("heater").await.session().output("coil").open().await.unwrap();
    let told = async {
        while !rig.log().contains("the guardian does not answer") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    kill(guardian.pid(), Signal::SIGKILL).unwrap();
    until_listed(&rig, "coil", |line| line["guardian"]["present"] == false).await;
    let _guardian = guard(&rig, "0s").await;
    until_listed(&rig, "coil", |line| line["guardian"]["present"] == true).await;
}

#[tokio::test]
async fn a_guardian_that_ends_touches_no_line_of_a_daemon_that_lives() {
    let (rig, guardian, _session) = all_on("0s").await;
    let before = record(&rig).await.len();
    assert!(guardian.signal(Signal::SIGTERM).await.success());
    until_listed(&rig, "coil", |line| line["guardian"]["present"] == false).await;
    assert_eq!(record(&rig).await.len(), before);
    assert!(guards_log(&rig).contains("the daemon goes on unguarded"), "{}", guards_log(&rig));
}

#[tokio::test]
async fn a_second_guardian_in_the_same_place_is_refused() {
    let rig = Rig::board_alone(HEATER, "").await;
    let _first = guard(&rig, "1s").await;
    let second = gpiod().arg("guard").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
    assert_eq!(second.status.code(), Some(75));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("gpiod: another guardian is running with run_dir "), "{said}");
}

/// Waits for the other end to hang up.
async fn hung_up(mut stream: UnixStream) {
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it hangs up");
    assert!(end.is_err() || rest.is_empty());
}

#[tokio::test]
async fn nonsense_on_the_guardians_socket_harms_nobody() {
    let (mut rig, _guardian, _session) = all_on("0s").await;
    let socket = gpiod::guard::socket(&rig.path("run"));
    let before = record(&rig).await.len();
    for text in
        ["GET / HTTP/1.1\n", "{}\n", "{\"version\":9}\n", "{\"version\":1,\"wards\":7}\n", "\u{0}\n", "\n"]
    {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        hung_up(stream).await;
    }
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let giant = vec![b'x'; 1 << 21];
    assert!(stream.write_all(&giant).await.is_err(), "it does not read all of that");
    hung_up(stream).await;
    // More than it takes at a time; those beyond are closed, and those that say nothing after a while.
    let mut many = Vec::new();
    for _ in 0..20 {
        many.push(UnixStream::connect(&socket).await.unwrap());
    }
    hung_up(many.pop().unwrap()).await;
    drop(many);
    assert_eq!(record(&rig).await.len(), before, "no line has moved");
    assert!(guards_log(&rig).contains("max line length exceeded"), "{}", guards_log(&rig));

    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.saw(0, |e| became_input(e, "GPIO9")).await;
}

#[tokio::test]
async fn another_users_process_is_not_listened_to() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: there is no other user to be");
        return;
    }
    let (rig, _guardian, _session) = all_on("0s").await;
    let socket = gpiod::guard::socket(&rig.path("run"));
    // Closed directories keep strangers out; here they are opened on purpose.
    for path in [rig.dir.path(), &rig.path("run"), socket.parent().unwrap(), &socket] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let copy = Path::new("/tmp").join(format!("gpiod-stranger-{}", std::process::id()));
    // By another process: what one of ours still has open for writing while a test starts a program can not be started.
    let copied = std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_gpiod")).arg(&copy).status();
    assert!(copied.unwrap().success());
    let stranger = gpiod_at(&copy).args(["lines", "--socket"]).arg(&socket).uid(65534).output().await;
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(stranger.unwrap().status.code(), Some(69));
    assert!(guards_log(&rig).contains("a process of uid 65534 is at the other end"), "{}", guards_log(&rig));
}

fn gpiod_at(path: &Path) -> tokio::process::Command {
    tokio::process::Command::new(path)
}

/// As two containers are to each other: to the guardian the daemon's process id is 0.
#[tokio::test]
async fn a_daemon_that_is_not_visible_in_the_guardians_pid_namespace_is_cared_for_too() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: no pid namespace can be made");
        return;
    }
    let mut rig = Rig::board_alone(HEATER, "").await;
    let mut command = tokio::process::Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", env!("CARGO_BIN_EXE_gpiod"), "guard", "--wait", "0s"]);
    command.arg("--config").arg(rig.path("gpiod.toml"));
    let _guardian = Process::start(rig.dir.path(), "guard", &mut command).await;
    rig.start_daemon().await;
    let before = rig.board().await.record(0).await.unwrap().last_seq;
    let session = rig.client("heater").await.session().output_at("coil", Value::Active).open().await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.saw(before, |e| became_input(e, "GPIO9")).await;
    drop(session);
}

#[tokio::test]
async fn a_line_that_somebody_took_meanwhile_is_tried_until_it_is_free() {
    let (mut rig, guardian, _session) = all_on("0s").await;
    kill(guardian.pid(), Signal::SIGSTOP).unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    let free = |e: &Entry| e.change == Change::Release && e.line.to_string() == "GPIO9";
    let free = rig.saw(0, free).await;
    let line = "GPIO9".parse().unwrap();
    rig.board().await.fault(Fault::Take { line, consumer: "spi0".into() }).await.unwrap();
    kill(guardian.pid(), Signal::SIGCONT).unwrap();
    // The other line is not kept on by that.
    rig.saw(free.seq, |e| became_input(e, "GPIO10")).await;
    let told = async {
        while !guards_log(&rig).contains("held by \\\"spi0\\\"") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told");
    rig.board().await.clear(None).await.unwrap();
    rig.saw(free.seq, |e| became_input(e, "GPIO9")).await;
}

#[tokio::test]
async fn a_line_that_the_next_daemon_has_not_is_switched_and_one_that_it_keeps_is_not() {
    let (mut rig, guardian, _session) = all_on(NEVER).await;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    let config = std::fs::read_to_string(rig.path("gpiod.toml")).unwrap();
    let without: Vec<&str> = config.lines().filter(|line| !line.starts_with("lines.coil")).collect();
    let keeping = without.join("\n").replace(
        "direction = \"both\", on_daemon_exit = \"input\"",
        "direction = \"output\", on_release = \"keep\"",
    );
    std::fs::write(rig.path("gpiod.toml"), keeping).unwrap();
    rig.start_daemon().await;
    let before = rig.board().await.record(0).await.unwrap().last_seq;
    assert!(guardian.signal(Signal::SIGTERM).await.success());
    let after = rig.board().await.record(before).await.unwrap().entries;
    assert!(after.iter().any(|e| became_input(e, "GPIO9")), "{after:?}");
    assert!(rig.board().await.state().await.unwrap().lines[10].high, "the fan is kept by wish now");
}

#[tokio::test]
async fn a_guardian_that_can_not_reach_the_board_takes_nothing_into_care() {
    let rig = Rig::board_alone(HEATER, "").await;
    let config = std::fs::read_to_string(rig.path("gpiod.toml")).unwrap();
    let elsewhere = config.replace("/board\"", "/nowhere\"");
    std::fs::write(rig.path("elsewhere.toml"), elsewhere).unwrap();
    let mut command = gpiod();
    command.arg("guard").arg("--config").arg(rig.path("elsewhere.toml"));
    let _guardian = Process::start(rig.dir.path(), "guard", &mut command).await;
    let serve = gpiod().arg("serve").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
    let said = String::from_utf8(serve.stderr).unwrap();
    assert_eq!(serve.status.code(), Some(69), "{said}");
    assert!(said.contains("the guardian refuses: the simulated board: "), "{said}");
    assert!(moves(&record(&rig).await, "GPIO9").is_empty(), "nothing was driven");
}
