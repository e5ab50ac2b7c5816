//! Which pod has a group, as a kubelet tells it: shown and audited, and refused where the group is for other namespaces.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;
mod kubelet;

use fixture::{PATIENCE, Rig, gpiod, raw, reason};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::*;
use gpiod_sdk::{Error, HolderPod, Reason};
use kubelet::Kubelet;
use serde_json::Value as Json;
use std::path::PathBuf;
use tokio::net::UnixListener;
use tonic::{Code, Status};

const GROUPS: &str = r#"
[[group]]
name = "door"
allow_namespaces = ["apps", "more-apps"]
lines.lock = { line = "GPIO20", direction = "output", one_shot = true }

[[group]]
name = "lamp"
lines.lamp = { line = "GPIO21", direction = "output" }
"#;
const DOOR: &str = "gpiod.local/door";
const DOOR_WATCH: &str = "gpiod.local/door.watch";
const LAMP: &str = "gpiod.local/lamp";

/// A daemon that offers its groups to a kubelet which is not there yet, and the kubelet's directory.
async fn offering() -> (Rig, PathBuf) {
    let mut rig = Rig::board_alone(GROUPS, "").await;
    let dir = rig.path("kubelet");
    rig.edit(|text| format!("{text}\n[kubernetes]\nkubelet_dir = {dir:?}\n"));
    rig.start_daemon().await;
    (rig, dir)
}

/// What each RPC of a full socket says.
async fn every_rpc(rig: &Rig) -> Vec<Result<(), Status>> {
    let mut client = raw(&rig.socket("door")).await;
    let lines = || vec!["lock".to_owned()];
    let line = || SessionLine { name: "lock".to_owned(), ..Default::default() };
    let open = Command::Open(OpenCommand { lines: vec![line()], ..Default::default() }.into());
    let open = SessionRequest { id: 0, command: Some(open) };
    let wait = step::Step::Wait(WaitStep { duration_ns: 1 });
    let program = Some(Program { steps: vec![Step { step: Some(wait) }] });
    let run = RunProgramRequest { lines: vec![line()], program, ..Default::default() };
    let sample = SampleRequest { lines: lines(), period_ns: 1_000_000, count: 1, ..Default::default() };
    vec![
        client.list_lines(ListLinesRequest {}).await.map(drop),
        client.read(ReadRequest { lines: lines() }).await.map(drop),
        client.write(WriteRequest { lines: lines(), bits: 0, ..Default::default() }).await.map(drop),
        client.watch(WatchRequest { lines: lines(), ..Default::default() }).await.map(drop),
        client.sample(sample).await.map(drop),
        client.run_program(run).await.map(drop),
        client.session(tokio_stream::once(open)).await.map(drop),
    ]
}

async fn refused(rig: &Rig, code: Code, why: &str) {
    for (i, outcome) in every_rpc(rig).await.into_iter().enumerate() {
        let status = outcome.expect_err("it is refused");
        assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{i}: {}", status.message());
    }
}

async fn let_in(rig: &Rig) {
    for (i, outcome) in every_rpc(rig).await.into_iter().enumerate() {
        outcome.unwrap_or_else(|status| panic!("{i}: {}", status.message()));
    }
}

#[tokio::test]
async fn a_group_is_for_pods_of_its_namespaces_and_nobody_else() {
    let (rig, dir) = offering().await;
    // Nobody tells.
    refused(&rig, Code::Unavailable, "POD_UNKNOWN").await;
    rig.client("lamp").await.read(["lamp"]).await.unwrap();
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    // Whoever has the socket without the device is no pod that is known.
    kubelet.tells(&[("apps", "other-0", LAMP, "lamp")]);
    refused(&rig, Code::Unavailable, "POD_UNKNOWN").await;
    kubelet.allocate(DOOR, &["door"]).await.unwrap();
    kubelet.tells(&[("more-apps", "lock-0", DOOR, "door")]);
    kubelet.pre_start(DOOR, &["door"]).await.unwrap();
    let_in(&rig).await;
    // The administrator is asked by nobody.
    raw(&rig.admin_socket()).await.read(ReadRequest { lines: vec!["door/lock".to_owned()] }).await.unwrap();
    // A kubelet that goes takes nothing from who is known, though its answer is old by then.
    drop(kubelet);
    let_in(&rig).await;
}

#[tokio::test]
async fn a_device_that_goes_to_another_namespace_is_of_no_use_there_from_the_first_moment() {
    let (rig, dir) = offering().await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    kubelet.tells(&[("apps", "lock-0", DOOR, "door")]);
    let_in(&rig).await;
    // The kubelet has not written down yet whom it gives it to.
    kubelet.tells(&[]);
    kubelet.allocate(DOOR, &["door"]).await.unwrap();
    refused(&rig, Code::Unavailable, "POD_UNKNOWN").await;
    kubelet.tells(&[("evil", "thief-0", DOOR, "door")]);
    let refusal = kubelet.pre_start(DOOR, &["door"]).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
    assert!(refusal.message().contains("pod evil/thief-0"), "{}", refusal.message());
    // Had it been let start before the group was for some alone, it would be refused as well.
    kubelet.allocate(DOOR, &["door"]).await.unwrap();
    refused(&rig, Code::PermissionDenied, "NAMESPACE_NOT_ALLOWED").await;
}

#[tokio::test]
async fn a_reader_that_is_not_let_start_keeps_no_other_out() {
    let (rig, dir) = offering().await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    let read = async || {
        let mut client = raw(&rig.watch_socket("door")).await;
        client.read(ReadRequest { lines: vec!["lock".to_owned()] }).await
    };
    let good = ("apps", "eye-0", DOOR_WATCH, "door-watch-0");
    let evil = ("evil", "eye-1", DOOR_WATCH, "door-watch-1");
    kubelet.tells(&[good]);
    kubelet.pre_start(DOOR_WATCH, &["door-watch-0"]).await.unwrap();
    read().await.unwrap();
    kubelet.allocate(DOOR_WATCH, &["door-watch-1"]).await.unwrap();
    kubelet.tells(&[good, evil]);
    assert_eq!(reason(&read().await.unwrap_err()), "NAMESPACE_NOT_ALLOWED");
    kubelet.pre_start(DOOR_WATCH, &["door-watch-1"]).await.unwrap_err();
    read().await.unwrap();
    kubelet.pre_start(DOOR_WATCH, &["door-watch-1"]).await.unwrap_err();
    read().await.unwrap();
}

#[tokio::test]
async fn a_namespace_that_is_taken_off_the_list_ends_its_sessions() {
    let (rig, dir) = offering().await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    kubelet.tells(&[("apps", "lock-0", DOOR, "door")]);
    let session = rig.client("door").await.session().output("lock").open().await.unwrap();
    let other = rig.client("lamp").await.session().output("lamp").open().await.unwrap();
    rig.edit(|text| text.replace("\"apps\", ", ""));
    let ended = async {
        while session.write([("lock", gpiod_sdk::Value::Active)]).await.is_ok() {}
        loop {
            match rig.client("door").await.session().output("lock").open().await {
                Err(Error::Refused { reason: Reason::NamespaceNotAllowed, .. }) => return,
                outcome => drop(outcome),
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    other.write([("lamp", gpiod_sdk::Value::Active)]).await.unwrap();
}

/// The audit events in the log.
fn events(rig: &Rig) -> Vec<Json> {
    let log = rig.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    lines.filter(|event| event.get("audit").is_some()).collect()
}

#[tokio::test]
async fn the_holders_pod_is_in_the_listing_and_in_the_audit() {
    let (rig, dir) = offering().await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    kubelet.tells(&[("apps", "other-0", DOOR, "door"), ("homes", "lamp-7", LAMP, "lamp")]);
    let client = rig.client("lamp").await;
    let session = client.session().output("lamp").open().await.unwrap();
    let held = events(&rig).into_iter().find(|event| event["audit"] == "held").unwrap();
    assert_eq!((&held["namespace"], &held["pod_name"]), (&"homes".into(), &"lamp-7".into()));
    let lines = client.lines().await.unwrap();
    let holder = lines.get("lamp").unwrap().holder.clone().unwrap();
    let known = HolderPod::Known { namespace: "homes".to_owned(), name: "lamp-7".to_owned() };
    assert_eq!(holder.pod, Some(known));
    let mut command = gpiod();
    let output = command.arg("lines").arg("--socket").arg(rig.admin_socket()).output().await.unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains("test (pod homes/lamp-7, uid "), "{listed}");
    // What was known when the hold began is told when it ends, whoever has the device by then.
    kubelet.allocate(LAMP, &["lamp"]).await.unwrap();
    kubelet.tells(&[("homes", "lamp-8", LAMP, "lamp")]);
    session.close().await.unwrap();
    let released = async {
        loop {
            if let Some(event) = events(&rig).into_iter().find(|event| event["audit"] == "released") {
                return event;
            }
            tokio::task::yield_now().await;
        }
    };
    let released = tokio::time::timeout(PATIENCE, released).await.unwrap();
    assert_eq!(released["pod_name"], "lamp-7");
    let next = client.session().output("lamp").open().await.unwrap();
    let holder = client.lines().await.unwrap().get("lamp").unwrap().holder.clone().unwrap();
    assert!(matches!(holder.pod, Some(HolderPod::Known { name, .. }) if name == "lamp-8"));
    drop(next);
}

#[tokio::test]
async fn a_kubelet_that_does_not_answer_holds_up_nobody_and_the_pod_is_said_to_be_unknown() {
    let (rig, dir) = offering().await;
    std::fs::create_dir_all(dir.join("pod-resources")).unwrap();
    let _silent = UnixListener::bind(dir.join("pod-resources/kubelet.sock")).unwrap();
    let client = rig.client("lamp").await;
    let session = client.session().output("lamp").open().await.unwrap();
    let holder = client.lines().await.unwrap().get("lamp").unwrap().holder.clone().unwrap();
    let why = "the kubelet does not answer".to_owned();
    assert_eq!(holder.pod, Some(HolderPod::Unknown(why.clone())));
    let held = events(&rig).into_iter().find(|event| event["audit"] == "held").unwrap();
    assert_eq!((&held["pod_unknown"], held.get("pod_name")), (&why.into(), None));
    session.write([("lamp", gpiod_sdk::Value::Active)]).await.unwrap();
}
