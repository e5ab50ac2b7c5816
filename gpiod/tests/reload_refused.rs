//! What a changed configuration can not change while the daemon runs is told, all of it, by file, line and key.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Process, Rig, gpiod};
use gpiod_sdk::{Reason, Value};

const LAMP: &str = "[[group]]\nname = \"lamp\"\nlines.lamp = { line = \"GPIO20\", direction = \"output\" }\n";
const HEATER: &str = "[[group]]\nname = \"heater\"\n\
    lines.coil = { line = \"GPIO9\", direction = \"output\", on_daemon_exit = \"input\" }\n\
    lines.fan = { line = \"GPIO10\", direction = \"both\", on_daemon_exit = \"input\" }\n\
    lines.pump = { line = \"GPIO11\", direction = \"output\", on_daemon_exit = \"input\" }\n\
    lines.valve = { line = \"GPIO12\", direction = \"output\", on_daemon_exit = \"input\" }\n\
    lines.lamp = { line = \"GPIO20\", direction = \"output\" }\n";

/// What a reload that is refused says, line by line, without the file's directory.
async fn refused(rig: &Rig) -> Vec<String> {
    let refused = rig.reload().await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::ConfigRefused), "{refused}");
    let gpiod_sdk::Error::Refused { message, .. } = refused else { panic!("{refused}") };
    let path = rig.path("gpiod.toml").display().to_string();
    message.lines().map(|line| line.replace(&path, "gpiod.toml")).collect()
}

#[tokio::test]
async fn all_that_is_fixed_at_the_start_is_told_at_once_and_with_it_what_is_wrong() {
    let rig = Rig::by_order(LAMP, "").await;
    rig.edit_unseen(|text| {
        let text = text.replacen("run_dir = \"", "run_dir = \"/elsewhere", 1).replace("GPIO20", "GPIO99");
        text + "own_thread = [\"x\"]\n[limits]\ntotal_streams = 99\nwatches = 1\n"
    });
    let at = |text: &str| rig.line_of(text);
    let anew = "it can only be changed by starting gpiod anew";
    assert_eq!(
        refused(&rig).await,
        [
            format!("gpiod.toml:{}: run_dir: {anew}", at("run_dir")),
            format!(
                "gpiod.toml:{}: group.lamp.lines.lamp: the board has no line \"GPIO99\"; it has GPIO0 to GPIO27",
                at("GPIO99")
            ),
            format!("gpiod.toml:{}: backend.own_thread: {anew}", at("[backend]")),
            format!("gpiod.toml:{}: limits.total_streams: {anew}", at("total_streams")),
            format!("gpiod.toml:{}: limits.watches: {anew}", at("watches")),
        ]
    );
    // Of another board nobody can say what lines it has.
    rig.edit_unseen(|text| {
        text.replace("kind = \"sim\"", "kind = \"cdev\"").replace("board = ", "# board = ")
    });
    let told = refused(&rig).await;
    assert!(told.iter().any(|line| line.ends_with(&format!(": backend: {anew}"))), "{told:?}");
    assert!(told.len() == 5 && !told.iter().any(|line| line.contains("GPIO99")), "{told:?}");
}

#[tokio::test]
async fn a_limit_that_is_written_out_is_what_it_says_and_not_what_it_would_be_without() {
    let limit = "[limits]\ntotal_connections = 24\n";
    // Three sockets: 24 is what is in force.
    let rig = Rig::by_order(LAMP, "").await;
    rig.edit_unseen(|text| text + limit);
    rig.reload().await.unwrap();
    rig.edit_unseen(|text| text.replace(limit, ""));
    rig.reload().await.unwrap();
    // Fifteen: it is 30.
    let group = |bcm: u32| {
        format!("[[group]]\nname = \"g{bcm}\"\nlines.x = {{ line = \"GPIO{bcm}\", direction = \"input\" }}\n")
    };
    let rig = Rig::by_order(&(2..9).map(group).collect::<String>(), "").await;
    rig.edit_unseen(|text| text + limit);
    let line = rig.line_of("total_connections");
    let told =
        format!("gpiod.toml:{line}: limits.total_connections: it can only be changed by starting gpiod anew");
    assert_eq!(refused(&rig).await, [told]);
}

#[tokio::test]
async fn what_the_guardian_was_given_stays_its_own_and_each_line_that_would_not_is_named() {
    let mut rig = Rig::board_alone(HEATER, "").await;
    let mut command = gpiod();
    command.arg("guard").arg("--config").arg(rig.path("gpiod.toml")).args(["--wait", "10m"]);
    let _guardian = Process::start(rig.dir.path(), "guard", &mut command).await;
    rig.start_daemon().await;
    let coil = rig.client("heater").await.session().output_at("coil", Value::Active).open().await.unwrap();
    let new = "lines.new = { line = \"GPIO21\", direction = \"output\", on_daemon_exit = \"input\" }\n";
    rig.edit_unseen(|text| {
        let text = text.replace(
            "\"GPIO9\", direction = \"output\", on_daemon_exit = \"input\"",
            "\"GPIO9\", direction = \"input\"",
        );
        let text = text.replace("direction = \"both\", ", "direction = \"both\", bias = \"pull-down\", ");
        let text = text.replace(
            "\"GPIO11\", direction = \"output\", on_daemon_exit = \"input\"",
            "\"GPIO11\", direction = \"output\"",
        );
        let text = text.replace("lines.valve = ", "# lines.valve = ");
        let lamp = "lines.lamp = { line = \"GPIO20\", direction = \"output\"";
        text.replace(lamp, &format!("{new}{lamp}, on_daemon_exit = \"input\""))
    });
    let told = refused(&rig).await;
    let at = |text: &str| format!("gpiod.toml:{}: group.heater.lines.", rig.line_of(text));
    let expected = [
        ("gpiod.toml: group.heater.lines.".to_owned(), "valve: it is gone from the file", "put it back"),
        (at("lines.coil"), "coil.direction: the guardian", "leave it one"),
        (at("lines.fan"), "fan.bias: the guardian", "leave that"),
        (at("lines.pump"), "pump.on_daemon_exit: the guardian", "leave it \"input\""),
        (at("lines.new"), "new.on_daemon_exit: \"input\" needs the guardian", "leave the line as it was"),
        (at("lines.lamp"), "lamp.on_daemon_exit: \"input\" needs the guardian", "leave the line as it was"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (line, (place, what, to_do)) in told.iter().zip(expected) {
        assert!(line.starts_with(&(place + what)), "{line}");
        assert!(line.contains(to_do) && line.contains("start gpiod anew"), "{line}");
    }
    // Nothing has changed.
    coil.write([("coil", Value::Inactive)]).await.unwrap();
    // What the guardian does not care about can be changed, also of its lines.
    rig.edit_unseen(|text| {
        let head = text.split("[[group]]").next().unwrap().to_owned();
        let tail = text.split("\n[backend]").nth(1).unwrap().to_owned();
        format!(
            "{head}{}\n[backend]{tail}",
            HEATER
                .replace("\"both\"", "\"output\"")
                .replace("GPIO20\", direction = \"output\"", "GPIO20\", direction = \"input\"")
        )
    });
    assert_eq!(rig.reload().await.unwrap().changed, ["heater"]);
}
