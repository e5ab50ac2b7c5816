//! The configuration's file changes, and the daemon sees it, however and whenever it is done.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::Rig;
use gpiod_sdk::Client;
use std::fs;
use std::os::unix::fs::symlink;

const LAMP: &str = "[[group]]\nname = \"lamp\"\nlines.lamp = { line = \"GPIO20\", direction = \"output\" }\n";

fn group(name: &str, line: &str) -> String {
    format!("[[group]]\nname = {name:?}\nlines.x = {{ line = {line:?}, direction = \"output\" }}\n")
}

/// Waits until a group is served. Nobody orders that the file be read.
async fn served(rig: &Rig, group: &str) {
    let client = Client::at(rig.socket(group)).wait(fixture::PATIENCE).connect().await.unwrap();
    client.lines().await.unwrap();
}

#[tokio::test]
async fn a_change_between_the_start_and_the_first_look_at_the_file_is_seen() {
    let mut rig = Rig::board_alone(LAMP, "").await;
    // It has read its file when it waits for a line that somebody still has.
    let held = rig.claim(&["GPIO20"]);
    let (path, new, log) = (rig.path("gpiod.toml"), rig.path("new.toml"), rig.path("daemon.log"));
    let changed = async {
        while !fs::read_to_string(&log).unwrap_or_default().contains("waiting for the line") {
            tokio::task::yield_now().await;
        }
        fs::write(&new, fs::read_to_string(&path).unwrap() + &group("fan", "GPIO21")).unwrap();
        fs::rename(&new, &path).unwrap();
        drop(held);
    };
    tokio::join!(rig.start_daemon(), changed);
    served(&rig, "lamp").await;
    served(&rig, "fan").await;
}

#[tokio::test]
async fn a_kubelet_that_exchanges_the_link_to_a_config_map_changes_the_file() {
    let mut rig = Rig::board_alone(LAMP, "").await;
    let mut text = fs::read_to_string(rig.path("gpiod.toml")).unwrap();
    let version = |number: u32, text: &str| {
        let dir = format!("..{number}");
        fs::create_dir(rig.path(&dir)).unwrap();
        fs::write(rig.path(&dir).join("gpiod.toml"), text).unwrap();
        symlink(&dir, rig.path("..data_tmp")).unwrap();
        fs::rename(rig.path("..data_tmp"), rig.path("..data")).unwrap();
    };
    fs::remove_file(rig.path("gpiod.toml")).unwrap();
    version(1, &text);
    symlink("..data/gpiod.toml", rig.path("gpiod.toml")).unwrap();
    let start = async {
        let mut command = fixture::gpiod();
        command.arg("serve").arg("--config").arg(rig.path("gpiod.toml"));
        fixture::Process::start(rig.dir.path(), "daemon", &mut command).await
    };
    let daemon = start.await;
    served(&rig, "lamp").await;
    for (number, (name, line)) in (2..).zip([("fan", "GPIO21"), ("red", "GPIO9")]) {
        text += &group(name, line);
        version(number, &text);
        fs::remove_dir_all(rig.path(&format!("..{}", number - 1))).unwrap();
        served(&rig, name).await;
    }
    rig.daemon = Some(daemon);
}
