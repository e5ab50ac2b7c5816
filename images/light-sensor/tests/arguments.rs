//! The command line of the real program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn light_sensor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_light-sensor")).args(args).output().unwrap()
}

#[test]
fn nonsense_ends_with_64_and_one_line() {
    for args in
        [&["--interval", "0s"][..], &["--interval", "5"], &["--pin", "4"], &["--once", "--listen", "[::1]:0"]]
    {
        let output = light_sensor(args);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{args:?}: {message}");
        assert!(message.starts_with("light-sensor: ") && message.lines().count() == 1, "{args:?}: {message}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn an_address_that_is_taken_is_said_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = light_sensor(&["--listen", &address]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(71), "{message}");
    assert!(message.contains(&address), "{message}");
}

#[test]
fn help_names_every_option_and_exit_code() {
    let output = light_sensor(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    let options = [
        "--json",
        "--interval",
        "--timeout",
        "--once",
        "--append",
        "--listen",
        "--socket",
        "--group",
        "--version",
    ];
    for word in options.into_iter().chain(["64", "65", "69", "70", "71", "74", "75", "77"]) {
        assert!(help.contains(word), "{word}:\n{help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = light_sensor(&["--version"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("light-sensor {}\n", env!("CARGO_PKG_VERSION"))
    );
}
