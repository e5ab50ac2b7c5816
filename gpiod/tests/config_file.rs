//! The configuration's file changes, and the daemon sees it, however and whenever it is done.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::Rig;
use gpiod_sdk::Client;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

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

/// A daemon whose file is a link to one in another directory, which is behind a link too: `gpiod.toml` to
/// `etc/real.toml`, and `etc` to `etc-1`.
async fn linked() -> (Rig, String) {
    let mut rig = Rig::board_alone(LAMP, "").await;
    let text = fs::read_to_string(rig.path("gpiod.toml")).unwrap();
    fs::create_dir(rig.path("etc-1")).unwrap();
    fs::rename(rig.path("gpiod.toml"), rig.path("etc-1/real.toml")).unwrap();
    symlink("etc-1", rig.path("etc")).unwrap();
    symlink(rig.path("etc/real.toml"), rig.path("gpiod.toml")).unwrap();
    rig.start_daemon().await;
    served(&rig, "lamp").await;
    (rig, text)
}

/// Changes the file in a way of its own, and waits until that is seen; then writes to what it is now, which is seen too.
async fn seen(change: impl FnOnce(&Rig, &str, &Path)) {
    let (rig, text) = linked().await;
    let text = text + &group("fan", "GPIO21");
    // As from another file system: whoever writes there gives no sign here.
    let aside = rig.path("aside");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("new.toml"), &text).unwrap();
    change(&rig, &text, &aside.join("new.toml"));
    served(&rig, "fan").await;
    fs::write(rig.path("gpiod.toml"), text + &group("red", "GPIO9")).unwrap();
    served(&rig, "red").await;
}

#[tokio::test]
async fn what_is_written_to_the_file_that_a_link_names_is_seen() {
    seen(|rig, text, _| fs::write(rig.path("etc-1/real.toml"), text).unwrap()).await;
}

#[tokio::test]
async fn a_file_that_takes_the_place_of_the_one_that_a_link_names_is_seen() {
    seen(|rig, _, new| fs::rename(new, rig.path("etc-1/real.toml")).unwrap()).await;
}

#[tokio::test]
async fn a_link_that_is_made_anew_is_seen() {
    seen(|rig, _, new| {
        fs::remove_file(rig.path("gpiod.toml")).unwrap();
        symlink(new, rig.path("gpiod.toml")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_hard_link_that_is_made_in_the_place_of_the_file_is_seen() {
    seen(|rig, _, new| {
        fs::remove_file(rig.path("gpiod.toml")).unwrap();
        fs::hard_link(new, rig.path("gpiod.toml")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_write_by_another_name_of_the_same_file_is_seen() {
    seen(|rig, text, new| {
        let other = new.with_file_name("other.toml");
        fs::hard_link(rig.path("etc-1/real.toml"), &other).unwrap();
        fs::write(&other, text).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_directory_on_the_way_that_is_exchanged_is_seen() {
    seen(|rig, text, _| {
        fs::create_dir(rig.path("etc-2")).unwrap();
        fs::write(rig.path("etc-2/real.toml"), text).unwrap();
        symlink("etc-2", rig.path("etc-new")).unwrap();
        fs::rename(rig.path("etc-new"), rig.path("etc")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_directory_that_is_moved_away_and_made_anew_is_seen() {
    seen(|rig, text, _| {
        fs::rename(rig.path("etc-1"), rig.path("etc-old")).unwrap();
        fs::create_dir(rig.path("etc-1")).unwrap();
        fs::write(rig.path("etc-1/real.toml"), text).unwrap();
    })
    .await;
}
