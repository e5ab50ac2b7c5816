//! Groups offered to a kubelet: registration whatever happens to either side, what a container gets, and what is made ready
//! for it. Pins are judged by the board's record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;
mod kubelet;

use fixture::{CONFIG, PATIENCE, Rig, became};
use gpiod_sdk::{Client, Value};
use kubelet::{Kubelet, plugins};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use tonic::Code;

/// A daemon that offers its groups to a kubelet which is not there yet, and the kubelet's directory.
async fn offering(groups: &str) -> (Rig, PathBuf) {
    let mut rig = Rig::board_alone(groups, "").await;
    let dir = rig.path("kubelet");
    rig.edit(|text| format!("{text}\n[kubernetes]\nkubelet_dir = {dir:?}\nwatchers = 3\n"));
    rig.start_daemon().await;
    (rig, dir)
}

const LIGHT: &str = "gpiod.local/traffic-light";

#[tokio::test]
async fn a_kubelet_that_comes_later_is_offered_all_groups_and_until_then_the_daemon_serves() {
    let (rig, dir) = offering(CONFIG).await;
    rig.client("bench").await.read(["in"]).await.unwrap();
    let kubelet = Kubelet::start(&dir).await;
    let known = kubelet.knows(6).await;
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "gpiod.local/bench",
            "gpiod.local/bench.watch",
            "gpiod.local/light-sensor",
            "gpiod.local/light-sensor.watch",
            LIGHT,
            "gpiod.local/traffic-light.watch"
        ]
    );
    let devices = |name: &str| known[name].devices.clone();
    assert_eq!(devices(LIGHT), [("traffic-light".to_owned(), "Healthy".to_owned())]);
    assert_eq!(devices("gpiod.local/bench.watch").len(), 3);
}

#[tokio::test]
async fn a_container_gets_its_own_directory_to_read_where_clients_look_for_it() {
    let (rig, dir) = offering(CONFIG).await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(6).await;
    // One that no machine has, so that it says where it looked.
    let group = "traffic-light-of-no-machine";
    let looked = Client::builder().group(group).connect().await.unwrap_err().to_string();
    let looked = looked.replace(group, "traffic-light");
    for (resource, id, kind, socket) in [
        (LIGHT, "traffic-light", "groups", rig.socket("traffic-light")),
        (
            "gpiod.local/traffic-light.watch",
            "traffic-light-watch-2",
            "watch",
            rig.watch_socket("traffic-light"),
        ),
    ] {
        let mounts = kubelet.allocate(resource, &[id]).await.unwrap();
        let [mount] = mounts.as_slice() else { panic!("{mounts:?}") };
        assert_eq!(PathBuf::from(&mount.host_path).join("gpiod.sock"), socket);
        assert_eq!(mount.container_path, format!("/run/gpiod/{kind}/traffic-light"));
        assert!(looked.contains(&format!("{}/gpiod.sock", mount.container_path)), "{looked}");
        assert!(mount.read_only);
    }
    let refused = kubelet.allocate(LIGHT, &["traffic-light-watch-2"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_kubelet_that_is_started_anew_is_offered_all_again_and_the_app_goes_on() {
    let (rig, dir) = offering(CONFIG).await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(6).await;
    kubelet.allocate(LIGHT, &["traffic-light"]).await.unwrap();
    let app = rig.client("traffic-light").await.session().output("red").open().await.unwrap();
    app.write([("red", Value::Active)]).await.unwrap();
    let red = rig.saw(0, |entry| became(entry, "GPIO9", true)).await;
    drop(kubelet);
    app.write([("red", Value::Inactive)]).await.unwrap();
    let dark = rig.saw(red.seq, |entry| became(entry, "GPIO9", false)).await;
    // It knows by its checkpoint who has what, and gives nothing out again.
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(6).await;
    app.write([("red", Value::Active)]).await.unwrap();
    rig.saw(dark.seq, |entry| became(entry, "GPIO9", true)).await;
}

#[tokio::test]
async fn a_plugin_socket_that_is_deleted_is_made_anew_and_offered_again() {
    let (_rig, dir) = offering(CONFIG).await;
    let kubelet = Kubelet::start(&dir).await;
    let before = kubelet.knows(6).await;
    std::fs::remove_file(plugins(&dir).join(&before[LIGHT].endpoint)).unwrap();
    let again = before[LIGHT].registered + 1;
    let known = kubelet.until(|all| all[LIGHT].registered == again && !all[LIGHT].devices.is_empty()).await;
    kubelet.allocate(LIGHT, &["traffic-light"]).await.unwrap();
    let others = known.iter().filter(|(name, _)| *name != LIGHT);
    assert!(others.into_iter().all(|(name, known)| known.registered == before[name].registered), "{known:?}");
}

#[tokio::test]
async fn a_kubelet_that_ceases_to_watch_is_offered_it_again() {
    let (_rig, dir) = offering(CONFIG).await;
    let kubelet = Kubelet::start(&dir).await;
    let again = kubelet.knows(6).await[LIGHT].registered + 1;
    kubelet.forget(LIGHT);
    kubelet.until(|all| all[LIGHT].registered == again && !all[LIGHT].devices.is_empty()).await;
}

#[tokio::test]
async fn a_daemon_that_is_started_anew_is_offered_as_before() {
    let (mut rig, dir) = offering(CONFIG).await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(6).await;
    rig.daemon.take().unwrap().signal(Signal::SIGKILL).await;
    kubelet.until(|all| all.values().all(|known| known.devices.is_empty())).await;
    rig.start_daemon().await;
    kubelet.knows(6).await;
    rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    let left: Vec<_> =
        std::fs::read_dir(plugins(&dir)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["kubelet.sock"]);
}

#[tokio::test]
async fn groups_that_come_and_go_are_offered_and_taken_back_while_the_others_stay() {
    let (rig, dir) = offering(CONFIG).await;
    let kubelet = Kubelet::start(&dir).await;
    let before = kubelet.knows(6).await[LIGHT].registered;
    let door = "[[group]]\nname = \"door\"\nlines.lock = { line = \"GPIO21\", direction = \"output\" }\n";
    rig.edit(|text| text.replace("name = \"light-sensor\"", "name = \"other\"") + door);
    let known = kubelet.until(|all| all.get("gpiod.local/door").is_some_and(|d| !d.devices.is_empty())).await;
    let known_now = kubelet
        .until(|all| {
            all["gpiod.local/light-sensor"].devices.is_empty() && !all["gpiod.local/other"].devices.is_empty()
        })
        .await;
    assert_eq!((known[LIGHT].registered, known_now[LIGHT].registered), (before, before));
    let gone = plugins(&dir).join(&known_now["gpiod.local/light-sensor"].endpoint);
    assert!(!gone.exists());
    // Without the section nothing is offered.
    rig.edit(|text| text.split("\n[kubernetes]").next().unwrap().to_owned());
    kubelet.until(|all| all.values().all(|known| known.devices.is_empty())).await;
}

const READY: &str = r#"
[[group]]
name = "door"
lines.free = { line = "GPIO20", direction = "output", one_shot = true }
lines.kept = { line = "GPIO21", direction = "output", one_shot = true, on_release = "keep" }
lines.held = { line = "GPIO10", direction = "output" }

[[group]]
name = "other"
lines.lamp = { line = "GPIO9", direction = "output", one_shot = true }
"#;

#[tokio::test]
async fn before_a_container_starts_free_lines_are_as_on_release_says_and_nothing_else_moves() {
    let (rig, dir) = offering(READY).await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    let door = rig.client("door").await;
    let holder = door.session().output("held").open().await.unwrap();
    holder.write([("held", Value::Active)]).await.unwrap();
    door.write([("free", Value::Active), ("kept", Value::Active)]).await.unwrap();
    rig.client("other").await.write([("lamp", Value::Active)]).await.unwrap();
    let before = rig.saw(0, |entry| became(entry, "GPIO9", true)).await;
    // Whoever only watches makes nothing ready.
    kubelet.pre_start("gpiod.local/door.watch", &["door-watch-0"]).await.unwrap();
    kubelet.pre_start("gpiod.local/door", &["door"]).await.unwrap();
    let moved = rig.board().await.record(before.seq).await.unwrap().entries;
    let moved: Vec<String> = moved.iter().map(|entry| format!("{} {}", entry.line, entry.high)).collect();
    assert_eq!(moved, ["GPIO20 false"]);
    assert!(rig.log().contains("\"audit\":\"readied\""), "{}", rig.log());
    kubelet.pre_start("gpiod.local/door", &["door"]).await.unwrap();
    holder.write([("held", Value::Inactive)]).await.unwrap();
    rig.saw(before.seq, |entry| became(entry, "GPIO10", false)).await;
}

#[tokio::test]
async fn lines_that_are_kept_for_somebody_who_is_away_are_not_made_ready() {
    let groups = READY.replace("name = \"door\"", "name = \"door\"\ngrace = \"1h\"");
    let (rig, dir) = offering(&groups).await;
    let kubelet = Kubelet::start(&dir).await;
    kubelet.knows(4).await;
    let mut child = fixture::gpiod();
    let mut child = child
        .args(["set", "--hold", "held=active", "--socket"])
        .arg(rig.socket("door"))
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lit = rig.saw(0, |entry| became(entry, "GPIO10", true)).await;
    child.kill().await.unwrap();
    let client = rig.client("door").await;
    let away = async {
        while client
            .lines()
            .await
            .unwrap()
            .get("held")
            .unwrap()
            .holder
            .as_ref()
            .unwrap()
            .away_until_ns
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, away).await.unwrap();
    kubelet.pre_start("gpiod.local/door", &["door"]).await.unwrap();
    assert_eq!(rig.board().await.record(lit.seq).await.unwrap().entries, []);
}
