//! `gpiod board …` as a command: what it prints, and how it fails.

use crate::bench::{Board, command};
use gpiod::board::model::State;
use gpiod::board::record::Entry;
use std::path::Path;
use std::process::Output;

const CIRCUIT: &str = include_str!("../../demo/circuit.toml");

fn run(dir: &Path, arguments: &[&str]) -> Output {
    command(dir, arguments).output().unwrap()
}

/// The exit code and the message.
fn failure(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(dir, arguments);
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_board_is_worked_and_shown_by_commands() {
    let board = Board::start(CIRCUIT, &[]);
    for arguments in [
        vec!["press", "crossing"],
        vec!["release", "crossing"],
        vec!["press", "crossing", "--for", "5"],
        vec!["light", "window", "2.5"],
        vec!["light", "window", "curve"],
        vec!["fault", "stuck-high", "GPIO20"],
        vec!["fault", "stuck-low", "GPIO21"],
        vec!["fault", "disconnect", "red"],
        vec!["fault", "swallow", "GPIO23"],
        vec!["fault", "swallow", "GPIO24", "3"],
        vec!["fault", "take", "GPIO22", "--consumer", "spi0"],
    ] {
        let output = run(board.path(), &arguments);
        assert!(output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    let output = run(board.path(), &["state", "--json"]);
    let state: State = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(state.lines[20].stuck_high, Some(true));
    assert_eq!(state.lines[22].consumer.as_deref(), Some("spi0"));
    assert!(!state.components.iter().find(|component| component.name == "red").unwrap().connected);
    let output = run(board.path(), &["record", "--since", "9", "--json"]);
    let entries: Vec<Entry> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(entries.iter().any(|entry| entry.line.bcm() == 20 && entry.high));
    assert!(run(board.path(), &["fault", "clear"]).status.success());
    let text = String::from_utf8(run(board.path(), &["state"]).stdout).unwrap();
    assert!(text.contains("\nGPIO11   23  low    input      -            pull-down  -\n"), "{text}");
}

#[test]
fn a_mistake_gets_one_clear_message_and_its_exit_code() {
    let board = Board::start(CIRCUIT, &[]);
    let message = |text: &str| format!("gpiod: {text}\n");
    let told = failure(board.path(), &["press", "nobody"]);
    assert_eq!(told, (Some(65), message("the circuit has no button called \"nobody\"")));
    let told = failure(board.path(), &["light", "window", "-- -1"]);
    assert_eq!(told.0, Some(64));
    let told = failure(board.path(), &["light", "window", "1e9"]);
    assert_eq!(told, (Some(65), message("light goes from 0.001 to 200000 lux, not 1000000000")));
    for (light, told) in [("nan", "NaN"), ("inf", "inf"), ("-5", "-5"), ("0", "0")] {
        let text = format!("light goes from 0.001 to 200000 lux, not {told}");
        assert_eq!(failure(board.path(), &["light", "window", light]), (Some(65), message(&text)));
    }
    let told = failure(board.path(), &["fault", "clear", "GPIO9"]);
    assert_eq!(told, (Some(65), message("there is no fault on \"GPIO9\"")));
    let told = failure(board.path(), &[]);
    assert_eq!(told, (Some(75), message(&format!("another board runs in {}", board.path().display()))));
    let nowhere = board.path().join("nowhere");
    let (code, text) = failure(&nowhere, &["state"]);
    assert_eq!(code, Some(69));
    assert!(text.starts_with("gpiod: no board answers at "), "{text}");
    let told = failure(&nowhere, &["--circuit", "no-such-file"]);
    assert_eq!(
        told,
        (Some(66), message("can not read no-such-file: No such file or directory (os error 2)"))
    );
    let wrong = board.path().join("wrong.toml");
    std::fs::write(&wrong, "[[led]]\nname = 'a'\nline = 'GPIO40'\ncolour = 'red'\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    let (code, text) = failure(&nowhere, &["--circuit", wrong]);
    assert_eq!(
        (code, text),
        (
            Some(78),
            message(&format!(
                "{wrong}:3: line: there is no line \"GPIO40\" on this board, which has GPIO0 to GPIO27"
            ))
        )
    );
    assert!(!nowhere.exists(), "a board that does not start leaves nothing");
}

#[test]
fn a_kernel_is_one_of_three_and_is_chosen_when_the_board_starts() {
    let board = Board::start("", &[]);
    let told = failure(board.path(), &["--kernel", "upstream", "state"]);
    let reason = "gpiod: --circuit and --kernel are for starting a board, not for one that runs\n";
    assert_eq!(told, (Some(64), reason.to_owned()));
    let (code, text) = failure(board.path(), &["--kernel", "linux"]);
    assert!(code == Some(64) && text.contains("raspberry-pi, upstream, gpio-sim"), "{text}");
}
