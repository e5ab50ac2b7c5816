//! Each scene of the soak, a short while: what it counts must add up, here and now. How long things take is judged by
//! `make soak` alone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

/// The daemon lies beside the bench: `cargo build --workspace` makes it.
fn soak(arguments: &[&str]) {
    let bench = Path::new(env!("CARGO_BIN_EXE_gpiod-bench"));
    let gpiod = bench.with_file_name("gpiod");
    assert!(gpiod.exists(), "{} is missing: run cargo build --workspace", gpiod.display());
    let output = Command::new(bench)
        .args(["soak", "--untimed", "--gpiod"])
        .arg(gpiod)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("| scene |"), "{said}");
}

#[test]
fn killed_clients_leave_nothing_held_and_every_line_as_it_is_to_be() {
    soak(&["--only", "kill", "--rounds", "20"]);
}

#[test]
fn a_restarted_daemon_moves_nothing_has_its_clients_back_and_tells_all_edges_or_their_loss() {
    soak(&["--only", "restart", "--rounds", "6"]);
}

#[test]
fn without_its_daemon_the_guardian_makes_inputs_of_its_lines_and_moves_no_other() {
    soak(&["--only", "guard", "--rounds", "3"]);
}

#[test]
fn hostile_clients_take_nothing_from_one_that_means_well() {
    soak(&["--only", "hostile", "--seconds", "4", "--clients", "60"]);
}

#[test]
fn a_gpiod_that_can_not_be_started_is_no_success() {
    let bench = Path::new(env!("CARGO_BIN_EXE_gpiod-bench"));
    let output =
        Command::new(bench).args(["soak", "--only", "guard", "--gpiod", "/bin/false"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("guard | came to no end"));
}
