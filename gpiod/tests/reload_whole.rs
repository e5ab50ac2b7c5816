//! A changed configuration is taken whole or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, became, gpiod};
use gpiod_sdk::{Client, Error, Reason, Session, Value};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

const OLD: &str = "[[group]]\nname = \"lamp\"\nlines.lamp = { line = \"GPIO20\", direction = \"output\" }\n\
    [[group]]\nname = \"old\"\nlines.fan = { line = \"GPIO21\", direction = \"output\" }\n";
const NEW: &str = "[[group]]\nname = \"lamp\"\n\
    lines.lamp = { line = \"GPIO20\", direction = \"output\", active_low = true }\n\
    [[group]]\nname = \"first\"\nlines.x = { line = \"GPIO10\", direction = \"output\", at_start = \"active\" }\n\
    [[group]]\nname = \"second\"\nlines.x = { line = \"GPIO9\", direction = \"output\" }\n";

async fn reload(rig: &Rig) -> Result<gpiod_sdk::Reloaded, Error> {
    Client::at(rig.admin_socket()).connect().await.unwrap().reload_config().await
}

/// A daemon of the old configuration, whose lamp and fan are on, and whose file says the new one.
async fn started() -> (Rig, Session, Session) {
    let rig = Rig::with(OLD).await;
    let lamp = rig.client("lamp").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    let fan = rig.client("old").await.session().output_at("fan", Value::Active).open().await.unwrap();
    rig.saw(0, |e| became(e, "GPIO21", true)).await;
    (rig, lamp, fan)
}

fn write_new(rig: &Rig) {
    let path = rig.path("gpiod.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(rig.path("new.toml"), text.replace(OLD, NEW)).unwrap();
    fs::rename(rig.path("new.toml"), path).unwrap();
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// All of the old configuration is in force, and nothing of the new one.
async fn nothing_has_changed(rig: &Rig, lamp: &Session, fan: &Session) {
    lamp.write([("lamp", Value::Active)]).await.unwrap();
    fan.write([("fan", Value::Active)]).await.unwrap();
    rig.client("old").await.lines().await.unwrap();
    for group in ["first", "second"] {
        assert!(!is_socket(&rig.socket(group)) && !is_socket(&rig.watch_socket(group)), "{group}");
    }
    let record = rig.board().await.record(0).await.unwrap().entries;
    let moved = record.iter().filter(|e| ["GPIO9", "GPIO10"].contains(&e.line.to_string().as_str()));
    assert_eq!(moved.filter(|e| became(e, "GPIO10", true)).count(), 0, "it was never driven");
    assert!(rig.log().contains("the old one stays in force, whole"), "{}", rig.log());
}

/// What kept it away is gone.
async fn then_it_is_taken(rig: &Rig, lamp: Session) {
    let reloaded = reload(rig).await.unwrap();
    assert_eq!(
        (reloaded.added, reloaded.removed),
        (vec!["first".to_owned(), "second".to_owned()], vec!["old".to_owned()])
    );
    drop(lamp);
    for group in ["first", "second"] {
        rig.client(group).await.session().output_at("x", Value::Active).open().await.unwrap();
    }
    rig.saw(0, |e| became(e, "GPIO9", true)).await;
    rig.saw(0, |e| became(e, "GPIO21", false)).await;
}

#[tokio::test]
async fn a_line_that_another_process_holds_keeps_all_of_it_from_being_taken() {
    let (rig, lamp, fan) = started().await;
    let held = rig.claim(&["GPIO9"]);
    write_new(&rig);
    let refused = reload(&rig).await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::LineHeld), "{refused}");
    assert!(refused.to_string().contains("GPIO9 is held by \"somebody\""), "{refused}");
    nothing_has_changed(&rig, &lamp, &fan).await;
    rig.end_claim(held, "GPIO9").await;
    then_it_is_taken(&rig, lamp).await;
}

#[tokio::test]
async fn a_socket_that_can_not_be_bound_keeps_all_of_it_from_being_taken() {
    let (rig, lamp, fan) = started().await;
    // The full socket of the second group can be bound, the one to watch it can not.
    let in_the_way = rig.watch_socket("second").join("something");
    fs::create_dir_all(&in_the_way).unwrap();
    write_new(&rig);
    let refused = reload(&rig).await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::ConfigRefused), "{refused}");
    assert!(refused.to_string().contains("watch/second/gpiod.sock"), "{refused}");
    nothing_has_changed(&rig, &lamp, &fan).await;
    fs::remove_dir_all(rig.watch_socket("second")).unwrap();
    then_it_is_taken(&rig, lamp).await;
}

/// What `gpiod reload` says, and its exit code.
async fn ordered(rig: &Rig) -> (Option<i32>, String) {
    let output = gpiod().arg("reload").arg("--socket").arg(rig.admin_socket()).output().await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_socket_that_can_not_be_removed_at_last_is_told_and_the_rest_is_in_force() {
    let (rig, lamp, fan) = started().await;
    // Somebody has put a directory in its place: that is looked at no sooner than it is removed.
    fs::remove_file(rig.socket("old")).unwrap();
    fs::create_dir(rig.socket("old")).unwrap();
    write_new(&rig);
    let told = async {
        while !rig.log().contains("the configuration is in force, but for what this says") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(fixture::PATIENCE, told).await.expect("the change of the file is seen");
    assert!(rig.log().contains("groups/old/gpiod.sock"), "{}", rig.log());
    drop((lamp, fan));
    rig.saw(0, |e| became(e, "GPIO21", false)).await;
    for group in ["first", "second"] {
        rig.client(group).await.session().output_at("x", Value::Active).open().await.unwrap();
    }
    // What is left is done by hand: the next order finds nothing to do.
    fs::remove_dir(rig.socket("old")).unwrap();
    assert_eq!(ordered(&rig).await, (Some(0), String::new()));
}

#[tokio::test]
async fn rights_that_can_not_be_given_at_last_are_told_with_the_reason_and_tried_at_the_next_order() {
    let (rig, lamp, _fan) = started().await;
    fs::rename(rig.watch_socket("lamp"), rig.path("aside.sock")).unwrap();
    let path = rig.path("gpiod.toml");
    let text = fs::read_to_string(&path).unwrap();
    // Not closed, the write gives no sign: it is read by order.
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(text.replace("name = \"lamp\"\n", "name = \"lamp\"\nsocket_mode = 0o600\n").as_bytes())
        .unwrap();

    let refused = reload(&rig).await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::ConfigPartlyTaken), "{refused}");
    let named = "the configuration is in force, but this could not be done:\n";
    assert!(refused.to_string().starts_with(named), "{refused}");
    assert!(refused.to_string().contains("watch/lamp/gpiod.sock: No such file"), "{refused}");
    let (code, told) = ordered(&rig).await;
    assert_eq!(code, Some(74), "{told}");
    lamp.write([("lamp", Value::Active)]).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.socket("lamp")), 0o600, "what could be done is done");

    fs::rename(rig.path("aside.sock"), rig.watch_socket("lamp")).unwrap();
    assert_eq!(ordered(&rig).await, (Some(0), String::new()));
    assert_eq!(mode(&rig.watch_socket("lamp")), 0o600);
}
