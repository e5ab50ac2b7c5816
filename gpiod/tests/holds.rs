//! Holders that go away: by accident, for a moment, for good, and over a restart of the daemon.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{RawSession, Rig, became, gpiod};
use gpiod::board::record::Change;
use gpiod_sdk::{LossCause, Notice, Reason, Value};
use nix::sys::signal::Signal;
use std::process::Stdio;
use tokio::process::Child;

/// A group that waits for whoever is away, and one that does not.
const GROUPS: &str = r#"
[[group]]
name = "patient"
grace = "1h"
lines.lamp = { line = "GPIO20", direction = "output" }
lines.fan = { line = "GPIO21", direction = "output" }

[[group]]
name = "strict"
lines.red = { line = "GPIO9", direction = "output" }
"#;

async fn levels(rig: &Rig, line: &str) -> Vec<bool> {
    let record = rig.board().await.record(0).await.unwrap().entries;
    let changes = record.iter().filter(|e| e.change == Change::Level && e.line.to_string() == line);
    changes.map(|e| e.high).collect()
}

/// Another process that holds lines, until it is killed.
async fn holder(rig: &Rig, group: &str, values: &[&str]) -> Child {
    let mut command = gpiod();
    command.arg("set").arg("--socket").arg(rig.socket(group)).arg("--hold").args(values);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    child.spawn().unwrap()
}

/// Waits until the daemon says that the holder of a line is away.
async fn away(rig: &Rig, group: &str, line: &str) {
    let client = rig.client(group).await;
    let wait = async {
        loop {
            let lines = client.lines().await.unwrap().lines;
            let line = lines.iter().find(|known| known.name == line).unwrap();
            if line.holder.as_ref().is_some_and(|holder| holder.away_until_ns.is_some()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(fixture::PATIENCE, wait).await.expect("it is away");
}

async fn open(rig: &Rig, group: &str, lines: &[&str], token: &[u8]) -> Result<RawSession, tonic::Status> {
    RawSession::open(&rig.socket(group), lines, token).await
}

#[tokio::test]
async fn an_app_that_is_updated_within_the_grace_takes_over_without_a_blink() {
    let rig = Rig::with(GROUPS).await;
    let mut old = holder(&rig, "patient", &["lamp=active"]).await;
    rig.saw(0, |e| became(e, "GPIO20", true)).await;
    old.kill().await.unwrap();
    away(&rig, "patient", "lamp").await;
    // Nobody else's, and told so.
    let other = rig.client("patient").await.session().output("fan").open().await.unwrap();
    other.close().await.unwrap();
    let refused = rig.client("patient").await.write([("lamp", Value::Inactive)]).await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::NotPermitted));
    let new = rig.client("patient").await.session().output("lamp").open().await.unwrap();
    assert_eq!(new.opened_with().get("lamp"), Some(Value::Active));
    new.close().await.unwrap();
    rig.saw(0, |e| became(e, "GPIO20", false)).await;
    assert_eq!(levels(&rig, "GPIO20").await, [true, false], "a clean end lets go at once");
}

#[tokio::test]
async fn whoever_wants_only_a_part_of_what_an_absent_holder_had_is_refused() {
    let rig = Rig::with(GROUPS).await;
    let mut old = holder(&rig, "patient", &["lamp=active", "fan=active"]).await;
    rig.saw(0, |e| became(e, "GPIO21", true)).await;
    old.kill().await.unwrap();
    away(&rig, "patient", "lamp").await;
    let refused = rig.client("patient").await.session().output("lamp").open().await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::LineHeld));
    assert!(refused.to_string().contains("away and waited for"), "{refused}");
    let both = rig.client("patient").await.session().output("fan").output("lamp").open().await.unwrap();
    assert_eq!(both.opened_with().bits(), 3);
}

#[tokio::test]
async fn whoever_is_not_back_when_the_grace_is_over_is_let_go() {
    let rig = Rig::with(&GROUPS.replace("1h", "100ms")).await;
    let mut old = holder(&rig, "patient", &["lamp=active"]).await;
    let lit = rig.saw(0, |e| became(e, "GPIO20", true)).await;
    old.kill().await.unwrap();
    let dark = rig.saw(lit.seq, |e| became(e, "GPIO20", false)).await;
    assert!(dark.time_ns - lit.time_ns >= 100_000_000);
}

#[tokio::test]
async fn a_session_goes_on_in_another_connection_while_the_first_is_not_known_to_be_broken() {
    let rig = Rig::with(GROUPS).await;
    for group in ["patient", "strict"] {
        let line = if group == "patient" { "lamp" } else { "red" };
        let mut first = open(&rig, group, &[line], b"").await.unwrap();
        assert!(!first.opened.resumed);
        let token = first.opened.token.clone();
        assert_eq!(token.len(), 16);
        let second = open(&rig, group, &[line], &token).await.unwrap();
        assert!(second.opened.resumed);
        assert_eq!(second.opened.token, token);
        // The first has ended, and its end lets nothing go.
        let end = first.answers.message().await.unwrap_err();
        assert_eq!(fixture::reason(&end), "SESSION_ENDED");
        drop(first);
        let refused = open(&rig, group, &[line], b"").await.unwrap_err();
        assert_eq!(fixture::reason(&refused), "LINE_HELD");
        drop(second);
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_own_lines_on_its_own_socket() {
    let rig = Rig::with(GROUPS).await;
    let first = open(&rig, "patient", &["lamp"], b"").await.unwrap();
    let token = first.opened.token.clone();
    let other = open(&rig, "patient", &["fan"], &token).await.unwrap_err();
    assert_eq!(other.message(), "the session of this token has other lines");
    let elsewhere = open(&rig, "strict", &["red"], &token).await.unwrap();
    assert!(!elsewhere.opened.resumed);
    let nonsense = open(&rig, "patient", &["fan"], b"x").await.unwrap_err();
    assert_eq!(fixture::reason(&nonsense), "INVALID_REQUEST");
    let unknown = open(&rig, "patient", &["fan"], &[0; 16]).await.unwrap();
    assert!(!unknown.opened.resumed, "a session that is over is opened anew");
}

#[tokio::test]
async fn over_a_restart_lines_are_kept_for_their_holder_and_nobody_else() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut rig = Rig::with(GROUPS).await;
        let first = open(&rig, "strict", &["red"], b"").await.unwrap();
        let token = first.opened.token.clone();
        rig.daemon.take().unwrap().signal(signal).await;
        drop(first);
        rig.start_daemon().await;
        let refused = open(&rig, "strict", &["red"], b"").await.unwrap_err();
        assert!(refused.message().contains("away and waited for"), "{refused}");
        let back = open(&rig, "strict", &["red"], &token).await.unwrap();
        assert!(back.opened.resumed);
        assert!(levels(&rig, "GPIO9").await.is_empty());
    }
}

#[tokio::test]
async fn the_librarys_sessions_are_kept_over_a_restart_and_say_so() {
    let mut rig = Rig::with(GROUPS).await;
    let session = rig.client("strict").await.session().output_at("red", Value::Active).open().await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    assert!(matches!(session.next_notice().await, Notice::Lost { .. }));
    rig.start_daemon().await;
    let Notice::Resumed { kept, values, .. } = session.next_notice().await else { panic!("it resumes") };
    assert!(kept);
    assert_eq!(values.get("red"), Some(Value::Active));
    assert_eq!(levels(&rig, "GPIO9").await, [true]);
}

#[tokio::test]
async fn a_holder_that_does_not_come_back_after_a_restart_is_let_go_and_the_others_are_kept() {
    let mut rig = Rig::with(&format!("resume_within = \"300ms\"\n{GROUPS}")).await;
    let mut gone = holder(&rig, "patient", &["lamp=active"]).await;
    let lit = rig.saw(0, |e| became(e, "GPIO20", true)).await;
    let stays = rig.client("strict").await.session().output_at("red", Value::Active).open().await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    gone.kill().await.unwrap();
    rig.start_daemon().await;
    rig.saw(lit.seq, |e| became(e, "GPIO20", false)).await;
    assert_eq!(levels(&rig, "GPIO9").await, [true]);
    stays.read_all().await.unwrap();
}

#[tokio::test]
async fn a_state_file_that_is_damaged_keeps_no_daemon_from_starting() {
    let mut rig = Rig::with(&format!("resume_within = \"100ms\"\n{GROUPS}")).await;
    let mut seen = 0;
    for damage in ["cut", "flip", "empty", "gone", "directory"] {
        let held = open(&rig, "strict", &["red"], b"").await.unwrap();
        let lamp = open(&rig, "patient", &["lamp"], b"").await.unwrap();
        let mut other = holder(&rig, "patient", &["fan=active"]).await;
        let lit = rig.saw(seen, |e| became(e, "GPIO21", true)).await;
        rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
        other.kill().await.unwrap();
        drop((held, lamp));
        let path = rig.path("run/state");
        let mut bytes = std::fs::read(&path).unwrap();
        match damage {
            "cut" => bytes.truncate(bytes.len() / 2),
            "flip" => bytes[60] ^= 1,
            _ => bytes.clear(),
        }
        std::fs::remove_file(&path).unwrap();
        match damage {
            "gone" => {}
            "directory" => std::fs::create_dir(&path).unwrap(),
            _ => std::fs::write(&path, bytes).unwrap(),
        }
        rig.start_daemon().await;
        let said = rig.log().contains("the state file can not be used");
        assert!(said, "{damage}: {}", rig.log());
        seen = rig.saw(lit.seq, |e| became(e, "GPIO21", false)).await.seq;
    }
}

#[tokio::test]
async fn a_session_whose_watchdog_ran_out_is_away_too() {
    let rig = Rig::with(GROUPS).await;
    let client = rig.client("patient").await;
    let timeout = std::time::Duration::from_millis(50);
    let hung = client.session().output_at("lamp", Value::Active).watchdog(timeout).open().await.unwrap();
    let Notice::Ended { error } = hung.next_notice().await else { panic!("its watchdog runs out") };
    assert_eq!(error.reason(), Some(&Reason::WatchdogExpired));
    let told = "the session's watchdog has ended it: its lines are let go in 1h unless it is back";
    assert!(error.to_string().contains(told), "{error}");
    away(&rig, "patient", "lamp").await;
    let next = client.session().output("lamp").open().await.unwrap();
    assert_eq!(next.opened_with().get("lamp"), Some(Value::Active));
    assert_eq!(levels(&rig, "GPIO20").await, [true]);
}

#[tokio::test]
async fn the_one_notice_of_a_return_says_what_the_sessions_watches_lost() {
    let groups = "[[group]]\nname = \"desk\"\nlines.lamp = { line = \"GPIO20\", direction = \"output\" }\n\
                  lines.button = { line = \"GPIO17\", direction = \"input\", bias = \"pull-up\", active_low = true }\n";
    let mut rig = Rig::with(groups).await;
    let client = rig.client("desk").await;
    let session = client.session().output("lamp").input("button").open().await.unwrap();
    let watch = session.watch("button").open().await.unwrap();
    let none = session.watch("lamp").open().await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    assert!(matches!(session.next_notice().await, Notice::Lost { .. }));
    rig.board().await.press("start", None).await.unwrap();
    rig.board().await.release("start").await.unwrap();
    rig.start_daemon().await;
    let Notice::Resumed { kept, losses, .. } = session.next_notice().await else { panic!("it resumes") };
    assert!(kept);
    let [loss] = &losses[..] else { panic!("{losses:?}") };
    assert_eq!((loss.cause, loss.count), (LossCause::Restart, None));
    let record = rig.board().await.record(0).await.unwrap().entries;
    let pressed: Vec<u64> =
        record.iter().filter(|e| e.line.to_string() == "GPIO17").map(|e| e.time_ns).collect();
    let (from_ns, until_ns) = (loss.from_ns.unwrap(), loss.until_ns.unwrap());
    assert!(pressed.iter().rev().take(2).all(|at| (from_ns..=until_ns).contains(at)), "{pressed:?} {loss:?}");
    drop((watch, none));
}

#[tokio::test]
async fn a_program_that_takes_the_place_of_an_absent_holder_leaves_no_trace_of_it() {
    let mut rig = Rig::with(GROUPS).await;
    let first = open(&rig, "patient", &["lamp"], b"").await.unwrap();
    let token = first.opened.token.clone();
    drop(first);
    away(&rig, "patient", "lamp").await;
    let program = gpiod_sdk::Program::new().set([("lamp", Value::Active)]);
    let lamp = gpiod_sdk::LineUse::output("lamp");
    rig.client("patient").await.run_program([lamp], &program).await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.start_daemon().await;
    let again = open(&rig, "patient", &["lamp"], &token).await.unwrap();
    assert!(!again.opened.resumed, "it was let go in between");
}

#[tokio::test]
async fn a_reader_that_breaks_is_not_waited_for() {
    let groups = "[limits]\nsessions = 1\n[[group]]\nname = \"reader\"\ngrace = \"1h\"\n\
                  lines.button = { line = \"GPIO17\", direction = \"input\" }\n";
    let rig = Rig::with(groups).await;
    drop(open(&rig, "reader", &["button"], b"").await.unwrap());
    let wait = async { while open(&rig, "reader", &["button"], b"").await.is_err() {} };
    tokio::time::timeout(fixture::PATIENCE, wait).await.expect("there is room again");
}
