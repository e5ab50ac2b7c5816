//! The command line of the real program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn traffic_light(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_traffic-light")).args(args).output().unwrap()
}

#[test]
fn nonsense_ends_with_64_and_one_line() {
    for args in [&["--speed", "0"][..], &["--speed", "1e9"], &["--pin", "9"], &["red"], &["--socket", ""]] {
        let output = traffic_light(args);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{args:?}: {message}");
        assert!(
            message.starts_with("traffic-light: ") && message.lines().count() == 1,
            "{args:?}: {message}"
        );
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn help_names_every_option_and_exit_code() {
    let output = traffic_light(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for word in ["--speed", "--socket", "--group", "--version", "64", "65", "69", "70", "75", "77"] {
        assert!(help.contains(word), "{word}:\n{help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = traffic_light(&["--version"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("traffic-light {}\n", env!("CARGO_PKG_VERSION"))
    );
}
