//! The command line by hand: each command as a process of its own, against a daemon and a board that are processes too.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{PATIENCE, Rig, became, gpiod};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

/// What a command did.
#[derive(Debug)]
struct Did {
    code: i32,
    out: String,
    err: String,
}

impl Did {
    /// Its output, when all was well.
    fn text(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.out
    }

    fn json(&self) -> Json {
        serde_json::from_str(self.text()).unwrap()
    }
}

/// `gpiod`, told which socket to use and nothing by its environment.
fn command(socket: &Path, command: &str) -> tokio::process::Command {
    let mut gpiod = gpiod();
    gpiod.arg(command).arg("--socket").arg(socket).env_remove("GPIOD_SOCKET").stdin(Stdio::null());
    gpiod.kill_on_drop(true);
    gpiod
}

/// Runs words such as `get red`.
async fn run(socket: &Path, words: &str) -> Did {
    let (name, args) = words.split_once(' ').unwrap_or((words, ""));
    run_args(socket, name, &args.split_whitespace().collect::<Vec<_>>()).await
}

async fn run_args(socket: &Path, name: &str, args: &[&str]) -> Did {
    let output = timeout(PATIENCE, command(socket, name).args(args).output()).await.unwrap().unwrap();
    Did {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The cells of the row of a table that begins with `name`.
fn row<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let row = table.lines().find(|row| row.starts_with(name)).unwrap();
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[tokio::test]
async fn lines_are_listed_as_a_table_and_as_json() {
    let rig = Rig::start().await;
    let _held = rig.client("traffic-light").await.session().output("red").open().await.unwrap();
    let listed = run(&rig.admin_socket(), "lines").await;
    let red = row(listed.text(), "traffic-light/red");
    assert_eq!(red[..6], ["traffic-light/red", "GPIO9", "21", "output", "-", "inactive"]);
    assert!(red[6].starts_with("test (uid "), "{red:?}");
    assert_eq!(red[7..], ["inactive", "keep"]);
    assert_eq!(row(&listed.out, "light-sensor/light")[3], "both, now input");

    let json = run(&rig.socket("bench"), "lines --json").await.json();
    assert_eq!(json["backend"]["kind"], "sim");
    let button = json["lines"].as_array().unwrap().iter().find(|line| line["name"] == "button").unwrap();
    assert_eq!(button["bias"], "pull-up");
    assert_eq!(button["active_low"], true);
    assert_eq!(button["may_drive"], false);
    assert_eq!(button["holder"], Json::Null);
}

#[tokio::test]
async fn the_header_is_drawn_and_told_as_json() {
    let rig = Rig::start().await;
    let _held =
        rig.client("traffic-light").await.session().output_at("red", true.into()).open().await.unwrap();
    let drawn = run(&rig.admin_socket(), "pinout").await;
    let rows: Vec<&str> = drawn.text().lines().collect();
    assert!(
        rows.iter().any(|row| row.starts_with("test    traffic-light/red  GPIO9 ← ● 21 │ 22")),
        "{rows:#?}"
    );
    assert!(!drawn.out.contains('\x1b'), "colours are for terminals");

    let json = run(&rig.socket("traffic-light"), "pinout --json").await.json();
    let pins = json["pins"].as_array().unwrap();
    assert_eq!(pins.len(), 40);
    assert_eq!(pins[0]["supply"], "3V3");
    assert_eq!(pins[20]["line"]["name"], "red");
    // Another group's line is there by its name alone.
    assert_eq!((&pins[6]["board_line"], &pins[6]["line"]), (&"GPIO4".into(), &Json::Null));
}

#[tokio::test]
async fn values_are_read_in_words_in_digits_and_as_json() {
    let rig = Rig::start().await;
    let bench = rig.socket("bench");
    assert_eq!(run(&bench, "get button lamp").await.text(), "button=inactive\nlamp=inactive\n");
    rig.board().await.press("start", None).await.unwrap();
    assert_eq!(run(&bench, "get lamp button --numeric").await.text(), "0\n1\n");
    let json = run(&bench, "get button --json").await.json();
    assert_eq!(json["values"]["button"], "active");
    assert!(json["timestamp_ns"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_value_that_is_set_once_stays() {
    let rig = Rig::start().await;
    let bench = rig.socket("bench");
    assert_eq!(run(&bench, "set lamp=on").await.text(), "");
    rig.saw(0, |entry| became(entry, "GPIO20", true)).await;
    assert_eq!(run(&bench, "get lamp").await.text(), "lamp=active\n");
    let json = run(&bench, "set lamp=inactive --json").await.json();
    assert_eq!(json["values"]["lamp"], "inactive");
}

#[tokio::test]
async fn a_line_that_must_be_held_is_refused_with_the_way_to_hold_it() {
    let rig = Rig::start().await;
    let refused = run(&rig.socket("bench"), "set out=1").await;
    assert_eq!(refused.code, 77);
    // It can be run as it stands there: the socket that was asked is named.
    let hint = format!("gpiod set --socket {} --hold out=active", rig.socket("bench").display());
    assert!(refused.err.contains(&hint), "{}", refused.err);
    let refused = run(&rig.watch_socket("bench"), "set out=1").await;
    assert_eq!(refused.code, 77);
    assert!(!refused.err.contains("--hold"), "a watch socket can not hold: {}", refused.err);
}

#[tokio::test]
async fn a_hold_lets_go_when_its_time_is_over() {
    let rig = Rig::start().await;
    let held = run(&rig.socket("traffic-light"), "set red=1 green=0 --hold=10ms").await;
    assert_eq!(held.code, 0, "{held:?}");
    let lit = rig.saw(0, |entry| became(entry, "GPIO9", true)).await;
    let dark = rig.saw(lit.seq, |entry| became(entry, "GPIO9", false)).await;
    assert!(dark.time_ns - lit.time_ns >= 9_000_000, "{lit:?} {dark:?}");
}

#[tokio::test]
async fn a_hold_refuses_others_until_it_is_told_to_end() {
    let rig = Rig::start().await;
    let socket = rig.socket("traffic-light");
    let mut holder = command(&socket, "set").args(["red=1", "--hold"]).stderr(Stdio::null()).spawn().unwrap();
    rig.saw(0, |entry| became(entry, "GPIO9", true)).await;
    let refused = run(&socket, "set red=0 --hold").await;
    assert_eq!(refused.code, 75);
    assert!(refused.err.contains("held by gpiod set"), "{}", refused.err);
    kill(Pid::from_raw(holder.id().unwrap().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(timeout(PATIENCE, holder.wait()).await.unwrap().unwrap().code(), Some(0));
    assert_eq!(run(&socket, "get red").await.text(), "red=inactive\n");
}

#[tokio::test]
async fn a_watch_tells_the_values_and_then_each_edge() {
    let rig = Rig::start().await;
    let mut watch = command(&rig.watch_socket("bench"), "watch");
    let mut watch = watch.args(["button", "--count", "2"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().unwrap().ends_with(" now button=inactive"));
    let mut board = rig.board().await;
    let before = board.press("start", None).await.unwrap();
    board.release("start").await.unwrap();
    let fell = rig.saw(0, |entry| became(entry, "GPIO17", false)).await;
    assert!(fell.seq <= before);
    let rising = lines.next_line().await.unwrap().unwrap();
    let stamp = format!("{}.{:09}", fell.time_ns / 1_000_000_000, fell.time_ns % 1_000_000_000);
    assert_eq!(rising, format!("{stamp} button rising"));
    assert!(lines.next_line().await.unwrap().unwrap().ends_with(" button falling"));
    assert_eq!(lines.next_line().await.unwrap(), None);
    assert_eq!(timeout(PATIENCE, watch.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_watch_of_one_edge_tells_no_other_and_speaks_json() {
    let rig = Rig::start().await;
    let mut watch = command(&rig.socket("bench"), "watch");
    let watch = watch.args(["button", "--edge", "falling", "--count=1", "--json"]).stdout(Stdio::piped());
    let mut watch = watch.spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let values: Json = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!((&values["event"], &values["values"]["button"]), (&"values".into(), &"inactive".into()));
    let mut board = rig.board().await;
    board.press("start", None).await.unwrap();
    board.release("start").await.unwrap();
    let edge: Json = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!((&edge["event"], &edge["edge"]), (&"edge".into(), &"falling".into()));
    assert_eq!((&edge["line"], &edge["source"]), (&"button".into(), &"kernel".into()));
}

#[tokio::test]
async fn samples_speak_json_as_all_commands_for_lines_do() {
    let rig = Rig::start().await;
    let samples = run(&rig.watch_socket("bench"), "sample in --every 1ms --count 3 --json").await;
    let objects = samples.out.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    assert!(samples.code == 0 && objects.count() > 0, "{}", samples.out);
}

const READING: &str = "-- drive light=inactive, wait 100ms, listen light, edge light rising 2s";

#[tokio::test]
async fn a_program_measures_what_physics_says() {
    let rig = Rig::start().await;
    let socket = rig.socket("light-sensor");
    let told = run(&socket, &format!("program {READING}")).await;
    let rows: Vec<&str> = told.text().lines().collect();
    assert_eq!(rows.len(), 6, "{rows:#?}");
    assert!(rows[4].starts_with("3     edge light rising 2s -> light rising"), "{rows:#?}");
    assert_eq!(rows[5], "now light=active");

    let json = run(&socket, &format!("program --json light:both {READING}")).await.json();
    let at = |step: usize| json["steps"][step]["timestamp_ns"].as_f64().unwrap();
    // 10 kohm at 10 lux and 1 uF; an output's own resistance leaves some 50 us in the capacitor.
    let charge_us = (at(3) - at(2)) / 1e3;
    assert!((7_800.0..8_500.0).contains(&charge_us), "{charge_us}");
    assert_eq!(json["timed_out"], Json::Null);
}

#[tokio::test]
async fn a_programs_time_out_is_told_with_what_it_did() {
    let rig = Rig::start().await;
    let words = "program -- drive light=0, wait 1ms, listen light, edge light falling 10ms, wait 1ms";
    let did = run(&rig.socket("light-sensor"), words).await;
    assert_eq!(did.code, 1, "{did:?}");
    assert!(did.out.contains("edge light falling 10ms -> TIMED OUT"), "{did:?}");
    assert_eq!(did.err, "gpiod: step 3 timed out\n");
}

#[tokio::test]
async fn a_program_is_read_from_a_file_or_from_standard_input() {
    let rig = Rig::start().await;
    let file = rig.path("program.txt");
    std::fs::write(&file, "# a wire goes from out to in\nset out=1\n\nset out=0  # and back\n").unwrap();
    let did = run_args(&rig.socket("bench"), "program", &["--file", file.to_str().unwrap()]).await;
    let rows: Vec<&str> = did.text().lines().collect();
    assert!(rows[1].starts_with("0     set out=1 ") && rows[2].starts_with("1     set out=0 "), "{rows:#?}");

    let mut child = command(&rig.socket("bench"), "program");
    let child = child.args(["--file", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let program = b"set out=0\nset out=1\nset out=0\n";
    child.stdin.take().unwrap().write_all(program).await.unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["steps"].as_array().unwrap().len(), 3);
    assert_eq!(json["values"]["out"], "inactive");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_exit_code() {
    let rig = Rig::start().await;
    let bench = rig.socket("bench");
    let many = format!("get {}", (0..65).map(|i| format!("l{i} ")).collect::<String>());
    let steps = format!("program -- {}", "wait 1us, ".repeat(1000) + "set out=1");
    let wrong = [
        ("get nosuch", 65, "no line \"nosuch\" on this socket; it has "),
        ("get red", 65, "no line \"red\""),
        ("get button button", 64, "twice"),
        (&many, 64, "64"),
        ("get", 64, "<NAME>"),
        ("set button=1", 65, "\"button\" is an input"),
        ("set button=1 --hold", 65, "\"button\" is configured as an input"),
        ("set lamp=high", 64, "\"high\" is no value"),
        ("set lamp", 64, "lamp=active"),
        ("set lamp=1 --hold=-1", 64, "no number of seconds"),
        ("set lamp=1 --hold=soon", 64, "\"soon\" is no time"),
        ("watch nosuch", 65, "no line \"nosuch\""),
        ("watch button --count 0", 64, "--count"),
        ("watch button --edge up", 64, "rising, falling or both"),
        ("program", 64, "<STEP>"),
        ("program -- jump out", 64, "there is no step \"jump\""),
        ("program -- wait 1ms", 64, "name no line"),
        ("program -- set out=1, wait -1s", 64, "\"-1s\" is no time"),
        ("program -- set out=1, wait 99999999999999999999s", 64, "is no time"),
        ("program -- set out=1, wait 1000s", 65, "limits.program_ms"),
        ("program -- set in=1", 65, "step 0"),
        ("program -- capture 4096 in 1s", 65, "step 0"),
        (&steps, 65, "a program of 1001 steps: this daemon takes at most 256"),
        ("program --file /nosuch", 66, "/nosuch"),
        ("program out:sideways -- set out=1", 64, "input, output or both"),
        ("lines --group bench", 64, "--group"),
        ("jump", 64, "jump"),
    ];
    for (words, code, told) in wrong {
        let did = run(&bench, words).await;
        assert_eq!(did.code, code, "{words}: {did:?}");
        assert!(did.err.contains(told), "{words}: {did:?}");
        assert_eq!(did.out, "", "{words}");
    }
    let empty = run_args(&bench, "get", &[""]).await;
    assert_eq!(empty.code, 65, "{empty:?}");
    // Nothing of this has moved a line or hurt the daemon.
    assert_eq!(run(&bench, "get out lamp").await.text(), "out=inactive\nlamp=inactive\n");
}

#[tokio::test]
async fn without_a_daemon_there_is_nothing_to_ask() {
    let dir = tempfile::tempdir().unwrap();
    let did = run(&dir.path().join("gpiod.sock"), "lines").await;
    assert_eq!(did.code, 69);
    assert!(did.err.contains("gpiod.sock"), "{}", did.err);
}

#[tokio::test]
async fn a_probe_tells_whether_the_daemon_serves_and_waits_for_none_that_is_frozen() {
    let rig = Rig::start().await;
    let did = run(&rig.admin_socket(), "probe --timeout 20s").await;
    assert_eq!((did.code, did.out.as_str()), (0, "serving\n"), "{}", did.err);
    let daemon = rig.daemon.as_ref().unwrap().pid();
    kill(daemon, Signal::SIGSTOP).unwrap();
    let did = run(&rig.admin_socket(), "probe --timeout 50ms").await;
    assert_eq!((did.code, did.out.as_str()), (69, ""));
    assert!(did.err.contains("did not answer within 50ms"), "{}", did.err);
    kill(daemon, Signal::SIGCONT).unwrap();
    assert_eq!(run(&rig.socket("traffic-light"), "probe --timeout 20s").await.code, 0);
    assert_eq!(run(&rig.admin_socket(), "probe --timeout 0s").await.code, 64);
}

#[tokio::test]
async fn the_environment_names_the_socket_and_a_group_can_not_contradict_it() {
    let rig = Rig::start().await;
    let with = |args: &[&str]| {
        let mut gpiod = gpiod();
        gpiod.args(args).env("GPIOD_SOCKET", rig.socket("bench"));
        gpiod
    };
    let output = with(&["get", "lamp"]).output().await.unwrap();
    assert_eq!(output.stdout, b"lamp=inactive\n");
    let output = with(&["get", "lamp", "--group", "traffic-light"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8(output.stderr).unwrap().contains("GPIOD_SOCKET"));
}

#[tokio::test]
async fn a_reader_that_goes_is_no_mistake() {
    let rig = Rig::start().await;
    for words in [&["lines"][..], &["watch", "button"], &["pinout", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut gone = command(&rig.socket("bench"), words[0]);
        let output = gone.args(&words[1..]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = timeout(PATIENCE, output.wait_with_output()).await.unwrap().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{words:?}");
    }
}

#[tokio::test]
async fn every_help_teaches_with_an_example() {
    for name in ["serve", "check", "lines", "pinout", "get", "set", "watch", "program"] {
        let output = gpiod().args([name, "--help"]).output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Examples:") && help.contains(&format!("gpiod {name}")), "{help}");
    }
    assert_eq!(gpiod().arg("--version").output().await.unwrap().status.code(), Some(0));
    assert_eq!(gpiod().output().await.unwrap().status.code(), Some(64));
}
