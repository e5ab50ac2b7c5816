//! The daemon stops, dies and comes back: no light blinks, nobody's lines are lost or stuck.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, Rig, became, gpiod};
use gpiod::board::record::Change;
use gpiod_sdk::{LossCause, Notice, Value, WatchItem};
use nix::sys::signal::Signal;
use std::process::Stdio;

/// All level changes of a line so far.
async fn levels(rig: &Rig, line: &str) -> Vec<bool> {
    let record = rig.board().await.record(0).await.unwrap().entries;
    let changes = record.iter().filter(|e| e.change == Change::Level && e.line.to_string() == line);
    changes.map(|e| e.high).collect()
}

async fn stop_and_start_with(signal: Signal) {
    let mut rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let session = client.session().output("red").output("green").open().await.unwrap();
    let green = session.output("green").unwrap();
    green.set(Value::Active).await.unwrap();

    let status = rig.daemon.take().unwrap().signal(signal).await;
    assert_eq!(status.success(), signal == Signal::SIGTERM);
    assert!(matches!(session.next_notice().await, Notice::Lost { .. }));
    rig.start_daemon().await;

    // The client resumes by itself, and finds its lights as it left them.
    let Notice::Resumed { values, .. } = session.next_notice().await else { panic!("it resumes") };
    assert_eq!(values.get("green"), Some(Value::Active));
    green.set(Value::Inactive).await.unwrap();
    assert_eq!(levels(&rig, "GPIO11").await, [true, false], "no blink in between");
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_stopped_daemon_blinks_nothing_and_its_clients_come_back() {
    stop_and_start_with(Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_killed_daemon_blinks_nothing_and_its_clients_come_back() {
    stop_and_start_with(Signal::SIGKILL).await;
}

#[tokio::test]
async fn a_hold_does_not_go_on_under_its_name_on_another_line() {
    let mut rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let session = client.session().output("red").output("green").open().await.unwrap();
    session.write([("red", Value::Active), ("green", Value::Active)]).await.unwrap();

    rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    assert!(matches!(session.next_notice().await, Notice::Lost { .. }));
    rig.edit(|text| text.replace("\"GPIO9\"", "\"GPIO21\""));
    rig.start_daemon().await;

    // Its client is told that it holds them anew; what it had is let go as by a reload.
    let Notice::Resumed { kept, values, .. } = session.next_notice().await else { panic!("it opens anew") };
    assert_eq!((kept, values.bits()), (false, 0));
    assert_eq!(levels(&rig, "GPIO11").await, [true, false]);
    let log = rig.log();
    for told in ["a hold of the last daemon is not to be had any more", "no group has it any more"] {
        assert!(log.contains(told), "{log}");
    }
    assert!(log.contains("\"line\":\"traffic-light/red\",\"board_line\":\"GPIO9\""), "{log}");
    assert_eq!(levels(&rig, "GPIO9").await, [true], "it stays as it is");
    session.close().await.unwrap();
}

#[tokio::test]
async fn an_output_that_nobody_comes_back_for_is_released() {
    let mut rig = Rig::with(&format!("resume_within = \"100ms\"\n{CONFIG}")).await;
    let mut command = gpiod();
    command.arg("set").arg("--socket").arg(rig.socket("traffic-light")).arg("--hold").arg("green=active");
    let mut holder = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let lit = rig.saw(0, |e| became(e, "GPIO11", true)).await;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    holder.kill().await.unwrap();
    rig.start_daemon().await;
    rig.saw(lit.seq, |e| became(e, "GPIO11", false)).await;
}

#[tokio::test]
async fn a_watch_says_that_nobody_watched_while_the_daemon_was_away() {
    let mut rig = Rig::start().await;
    let client = rig.client("bench").await;
    let mut watch = client.watch(["button"]).open().await.unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    rig.board().await.press("start", None).await.unwrap();
    rig.start_daemon().await;
    let WatchItem::Lost(loss) = watch.next().await.unwrap().unwrap() else { panic!("the loss comes first") };
    assert_eq!((loss.cause, loss.count), (LossCause::Restart, None));
    let WatchItem::Values(values) = watch.next().await.unwrap().unwrap() else {
        panic!("then the values of now")
    };
    assert_eq!(values.get("button"), Some(Value::Active));
    rig.board().await.release("start").await.unwrap();
    let WatchItem::Edge(edge) = watch.next().await.unwrap().unwrap() else { panic!("then what comes") };
    assert_eq!(edge.value, Value::Inactive);
}

#[tokio::test]
async fn a_second_daemon_in_the_same_place_is_refused() {
    let rig = Rig::start().await;
    let output = gpiod().arg("serve").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
    assert_eq!(output.status.code(), Some(75));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("gpiod: another gpiod is running with run_dir "), "{text}");
    rig.client("bench").await.lines().await.unwrap();
}

#[tokio::test]
async fn a_daemon_whose_board_goes_stops_and_says_so() {
    let rig = Rig::start().await;
    let Rig { dir, board, daemon } = rig;
    board.signal(Signal::SIGKILL).await;
    let mut daemon = daemon.unwrap();
    let status =
        tokio::time::timeout(fixture::PATIENCE, daemon.child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(69));
    let log = std::fs::read_to_string(dir.path().join("daemon.log")).unwrap();
    assert!(log.trim_end().lines().last().unwrap().starts_with("gpiod: "), "{log}");
}

#[tokio::test]
async fn a_value_that_was_set_without_a_hold_outlives_the_daemon() {
    let groups = "resume_within = \"50ms\"\n[[group]]\nname = \"a\"\n\
                  lines.lamp = { line = \"GPIO20\", direction = \"output\", one_shot = true }\n\
                  lines.other = { line = \"GPIO21\", direction = \"output\" }\n";
    let mut rig = Rig::with(groups).await;
    let client = rig.client("a").await;
    client.write([("lamp", Value::Active)]).await.unwrap();
    let session = client.session().output_at("other", Value::Active).open().await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    drop(session);
    let before = rig.board().await.record(0).await.unwrap().last_seq;
    rig.start_daemon().await;
    // When the other one is released, the lamp would be too.
    rig.saw(before, |e| became(e, "GPIO21", false)).await;
    assert_eq!(levels(&rig, "GPIO20").await, [true]);
}

#[tokio::test]
async fn an_output_that_a_reload_finds_driven_is_kept_for_a_time_of_its_own() {
    let group = |name: &str, line: &str, more: &str| {
        format!("[[group]]\nname = {name:?}\nlines.x = {{ line = {line:?}, direction = \"output\"{more} }}\n")
    };
    let config = format!("resume_within = \"200ms\"\n{}", group("first", "GPIO20", ""));
    let mut rig = Rig::board_alone(&config, "").await;
    drop(rig.claim(&["GPIO20", "GPIO21", "GPIO22"]));
    rig.start_daemon().await;
    let path = rig.path("gpiod.toml");
    let more = group("later", "GPIO21", "") + &group("shot", "GPIO22", ", one_shot = true");
    let text = std::fs::read_to_string(&path).unwrap().replace("200ms", "1s");
    std::fs::write(&path, text + &more).unwrap();
    let before_ns = gpiod::clock::now_ns();
    gpiod_sdk::Client::at(rig.admin_socket()).connect().await.unwrap().reload_config().await.unwrap();
    // Nor does a reload that is refused change anything about that.
    std::fs::write(&path, "nonsense").unwrap();
    let client = gpiod_sdk::Client::at(rig.admin_socket()).connect().await.unwrap();
    client.reload_config().await.unwrap_err();
    rig.saw(0, |e| became(e, "GPIO20", false)).await;
    let later = rig.saw(0, |e| became(e, "GPIO21", false)).await;
    assert!(later.time_ns - before_ns >= 1_000_000_000, "a second after it was taken");
    assert_eq!(levels(&rig, "GPIO22").await, [true], "nobody is to come back for it");
}

#[tokio::test]
async fn a_daemon_whose_board_hangs_stops_so_that_it_can_be_started_anew() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let Rig { board, daemon, dir: _dir } = rig;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(board.child.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGSTOP).unwrap();
    let error = client.read(["in"]).await.unwrap_err();
    assert_eq!(error.reason(), Some(&gpiod_sdk::Reason::Hardware), "{error}");
    let mut daemon = daemon.unwrap();
    let status =
        tokio::time::timeout(fixture::PATIENCE, daemon.child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(69));
    nix::sys::signal::kill(pid, Signal::SIGCONT).unwrap();
}

#[tokio::test]
async fn an_output_that_somebody_overrules_goes_on_driving_what_it_drove() {
    let groups = "[[group]]\nname = \"a\"\n\
                  lines.bus = { line = \"GPIO17\", direction = \"output\", drive = \"open-drain\", bias = \"pull-up\" }\n";
    let mut rig = Rig::with(groups).await;
    let session = rig.client("a").await.session().output_at("bus", Value::Active).open().await.unwrap();
    rig.board().await.press("start", None).await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    let before = rig.board().await.record(0).await.unwrap().last_seq;
    rig.start_daemon().await;
    rig.board().await.release("start").await.unwrap();
    rig.saw(before, |e| became(e, "GPIO17", true)).await;
    drop(session);
}

#[tokio::test]
async fn an_output_that_starts_active_is_still_so_after_a_restart_that_nobody_held_it_over() {
    let groups = "[[group]]\nname = \"a\"\n\
                  lines.fan = { line = \"GPIO20\", direction = \"output\", at_start = \"active\" }\n\
                  lines.other = { line = \"GPIO21\", direction = \"output\" }\n";
    let mut rig = Rig::with(groups).await;
    assert_eq!(levels(&rig, "GPIO20").await, [true]);
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        rig.daemon.take().unwrap().signal(signal).await;
        rig.start_daemon().await;
        rig.client("a").await.lines().await.unwrap();
        assert_eq!(levels(&rig, "GPIO20").await, [true], "{signal}");
    }
    // What somebody else drove meanwhile is neither's.
    rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    drop(rig.claim(&["GPIO21"]));
    rig.start_daemon().await;
    rig.saw(0, |e| became(e, "GPIO21", false)).await;
    assert!(!rig.log().contains("released\",\"lines\":\"a/fan"), "{}", rig.log());
}
