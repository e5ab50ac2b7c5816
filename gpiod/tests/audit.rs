//! The audit: who held, drove and let go of which line, as it stands in the log.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, gpiod};
use gpiod_sdk::{LineUse, Program, Value};
use nix::sys::signal::Signal;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::process::Stdio;

/// The audit events in the log, oldest first.
fn events(rig: &Rig) -> Vec<Json> {
    let log = rig.log();
    // The last line may not be whole yet.
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    lines.filter(|event| event.get("audit").is_some()).collect()
}

/// Waits until the audit has events like this.
async fn until(rig: &Rig, like: impl Fn(&[Json]) -> bool) -> Vec<Json> {
    let wait = async {
        loop {
            let events = events(rig);
            if like(&events) {
                return events;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{:#?}", events(rig)))
}

/// What an event says, but for its counts and its caller.
fn said(event: &Json) -> String {
    let keys = ["audit", "group", "client", "via", "lines", "cause", "wait", "became"];
    let words = keys.iter().filter_map(|key| {
        let word = event[*key].as_str()?;
        Some(if *key == "audit" { word.to_owned() } else { format!("{key}:{word}") })
    });
    words.collect::<Vec<_>>().join(" ")
}

fn has(kind: &str, count: usize) -> impl Fn(&[Json]) -> bool {
    move |events| events.iter().filter(|event| event["audit"] == kind).count() >= count
}

#[tokio::test]
async fn a_scene_is_told_as_it_was_and_nothing_else() {
    let config = CONFIG.replace("name = \"light-sensor\"", "name = \"light-sensor\"\ngrace = \"1h\"");
    let mut rig = Rig::with(&config).await;
    let client = rig.client("traffic-light").await;
    let session = client.session().output("red").output("green").open().await.unwrap();
    for value in [Value::Active, Value::Inactive, Value::Active] {
        session.write([("red", value)]).await.unwrap();
    }
    session.close().await.unwrap();
    // A program by itself, and a line that is set without being held.
    let bench = rig.client("bench").await;
    let program = Program::new().set([("out", Value::Active)]).set([("out", Value::Inactive)]);
    bench.run_program([LineUse::output("out")], &program).await.unwrap();
    for _ in 0..5 {
        bench.write([("lamp", Value::Active)]).await.unwrap();
    }
    until(&rig, |events| has("released", 2)(events) && has("drove", 3)(events)).await;
    // One that is killed and waited for, and whose place another takes.
    let mut command = gpiod();
    command.arg("set").arg("--socket").arg(rig.socket("light-sensor")).arg("--hold").arg("light=active");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    until(&rig, has("held", 3)).await;
    let pid = child.id();
    child.kill().await.unwrap();
    until(&rig, has("away", 1)).await;
    let heir = rig.client("light-sensor").await.session().both("light").open().await.unwrap();
    // By order; one for a group that is not there is none.
    let mut command = gpiod();
    command.args(["release", "nosuch", "--reason", "nothing"]).stderr(Stdio::null());
    assert!(!command.arg("--socket").arg(rig.admin_socket()).status().await.unwrap().success());
    let mut command = gpiod();
    command.args(["release", "light-sensor", "--reason", "for \"repair\""]);
    assert!(command.arg("--socket").arg(rig.admin_socket()).status().await.unwrap().success());
    drop(heir);
    // At the stop what is held stays as it is.
    let session = client.session().output("red").open().await.unwrap();
    session.write([("red", Value::Active)]).await.unwrap();
    rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    let events = events(&rig);
    let mut told: Vec<String> = events.iter().map(said).collect();
    // On a slow machine a second may pass between two writes.
    told.dedup();
    let expected = [
        "held group:traffic-light client:test via:session lines:red,green",
        "drove group:traffic-light client:test via:session lines:red",
        "released group:traffic-light client:test via:session lines:red,green cause:ended \
         became:red=inactive,green=inactive",
        "held group:bench client:test via:program lines:out",
        "drove group:bench client:test via:program lines:out",
        "released group:bench client:test via:program lines:out cause:ended became:out=inactive",
        "drove group:bench client:test via:write lines:lamp",
        "held group:light-sensor client:gpiod set via:session lines:light",
        "away group:light-sensor client:gpiod set via:session lines:light cause:broken wait:1h",
        "adopted group:light-sensor client:test via:session lines:light",
        "ordered group:light-sensor cause:for \"repair\"",
        "released group:light-sensor client:test via:session lines:light cause:released became:light=input",
        "held group:traffic-light client:test via:session lines:red",
        "drove group:traffic-light client:test via:session lines:red",
        "kept group:traffic-light client:test via:session lines:red cause:stopping became:red=active",
    ];
    assert_eq!(told, expected);
    for (lines, key, count) in [
        ("red", "writes", 4),
        ("red", "configures", 0),
        ("out", "writes", 2),
        ("out", "programs", 1),
        ("lamp", "writes", 5),
    ] {
        let drove = events.iter().filter(|event| event["audit"] == "drove" && event["lines"] == lines);
        assert_eq!(drove.map(|event| event[key].as_u64().unwrap()).sum::<u64>(), count, "{key} of {lines}");
    }
    for event in events.iter().filter(|event| event["client"] == "test") {
        assert_eq!(event["pid"], std::process::id(), "{event}");
        assert_eq!(event["uid"], nix::unistd::getuid().as_raw(), "{event}");
        assert_eq!(event["gid"], nix::unistd::getgid().as_raw(), "{event}");
    }
    let killed = events.iter().find(|event| event["audit"] == "away").unwrap();
    assert_eq!(killed["pid"].as_u64(), pid.map(u64::from));
    // The next daemon waits for whoever was there.
    rig.start_daemon().await;
    let events = until(&rig, has("away", 2)).await;
    let away = events.iter().rfind(|event| event["audit"] == "away").unwrap();
    assert_eq!(
        (&away["lines"], &away["cause"], &away["client"]),
        (&"red".into(), &"restart".into(), &"test".into())
    );
}

#[tokio::test]
async fn a_thousand_sessions_in_a_row_are_a_few_lines_whose_sums_are_right() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    for _ in 0..1000 {
        let session = client.session().output("out").open().await.unwrap();
        session.write([("out", Value::Active)]).await.unwrap();
        session.close().await.unwrap();
    }
    let sums = |events: &[Json]| {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for event in events {
            let kind = event["audit"].as_str().unwrap();
            if kind == "drove" {
                *sums.entry("writes".to_owned()).or_default() += event["writes"].as_u64().unwrap();
            }
            if kind != "summed" {
                let cause = event["cause"].as_str().map(|cause| format!("/{cause}")).unwrap_or_default();
                *sums.entry(format!("{kind}{cause}")).or_default() += 1;
                continue;
            }
            *sums.entry("writes".to_owned()).or_default() += event["writes"].as_u64().unwrap();
            let mut events = 0;
            for count in event["counts"].as_str().unwrap().split(' ') {
                let (kind, count) = count.split_once('=').unwrap();
                let count: u64 = count.parse().unwrap();
                *sums.entry(kind.to_owned()).or_default() += count;
                events += count;
            }
            assert_eq!(event["count"], events, "{event}");
        }
        sums
    };
    let expected: BTreeMap<String, u64> =
        ["held", "drove", "released/ended", "writes"].map(|kind| (kind.to_owned(), 1000)).into();
    let events = until(&rig, |events| sums(events) == expected).await;
    // In each second 20 of holds and ends, 20 of what was driven, and one sum, however fast the machine is.
    let at = |event: &Json| humantime::parse_rfc3339(event["timestamp"].as_str().unwrap()).unwrap();
    let took = at(&events[events.len() - 1]).duration_since(at(&events[0])).unwrap();
    let most = 41 * (usize::try_from(took.as_secs()).unwrap() + 2);
    assert!(events.len() <= most, "{} lines in {took:?}", events.len());
}

#[tokio::test]
async fn what_a_session_drives_without_end_is_told_while_it_lasts() {
    let rig = Rig::start().await;
    let session = rig.client("bench").await.session().output("out").open().await.unwrap();
    let mut written = 0_u64;
    while !has("drove", 2)(&events(&rig)) {
        session.write([("out", Value::Active)]).await.unwrap();
        written += 1;
    }
    session.close().await.unwrap();
    let events = until(&rig, has("released", 1)).await;
    let drove = events.iter().filter(|event| event["audit"] == "drove");
    assert_eq!(drove.map(|event| event["writes"].as_u64().unwrap()).sum::<u64>(), written);
}
