//! Holds the boundaries that ARCHITECTURE.md draws, by reading the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The files of `dir`, below the workspace, outside of `allowed` whose code has one of the words.
fn offenders(dir: &str, words: &[&str], allowed: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    sources(&root.join(dir), &mut files);
    assert!(!files.is_empty());
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        if allowed.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(
            code.filter(|line| words.iter().any(|word| line.contains(word))).map(|l| format!("{name}: {l}")),
        );
    }
    found
}

#[test]
fn only_the_server_names_tonic_and_the_apis_messages() {
    let none: Vec<String> = Vec::new();
    assert_eq!(
        offenders(
            "gpiod/src",
            &["tonic::", "tonic_", "gpiod_proto", "prost"],
            &["gpiod/src/server", "gpiod/src/kubelet"]
        ),
        none
    );
}

#[test]
fn only_the_command_line_uses_the_client_library() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src", &["gpiod_sdk"], &["gpiod/src/cli"]), none);
}

#[test]
fn of_all_commands_the_selftest_alone_holds_lines_of_a_board_itself() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src/cli", &["crate::backend"], &["gpiod/src/cli/selftest"]), none);
    assert_eq!(
        offenders("gpiod/src", &["selftest::"], &["gpiod/src/cli.rs", "gpiod/src/cli/selftest"]),
        none
    );
}

#[test]
fn the_guardian_reaches_boards_by_the_seam_and_needs_no_daemon() {
    let none: Vec<String> = Vec::new();
    let daemon = [
        "crate::serve::",
        "crate::broker",
        "crate::board",
        "backend::sim",
        "backend::cdev",
        "backend::gpiomem",
    ];
    assert_eq!(offenders("gpiod/src/guard", &daemon, &[]), none);
    let calls = ["gpiod/src/guard/peer.rs", "gpiod/src/random.rs"];
    assert_eq!(offenders("gpiod/src", &["rustix::"], &calls), none);
    assert_eq!(
        offenders("gpiod/src", &["Pidfd"], &["gpiod/src/guard/peer.rs", "gpiod/src/server/caller.rs"]),
        none
    );
    // A library may wait for random bytes that nobody makes; see there.
    assert_eq!(offenders("gpiod/src", &["getrandom::", "rand::"], &calls[1..]), none);
}

#[test]
fn the_broker_knows_no_backend_and_no_server() {
    let none: Vec<String> = Vec::new();
    assert_eq!(
        offenders(
            "gpiod/src/broker",
            &[
                "backend::sim",
                "backend::cdev",
                "backend::gpiomem",
                "crate::server",
                "crate::board",
                "crate::cli"
            ],
            &[]
        ),
        none
    );
}

#[test]
fn each_crate_for_hardware_is_named_in_its_backend_alone() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src", &["gpiocdev"], &["gpiod/src/backend/cdev"]), none);
    assert_eq!(offenders("gpiod/src", &["rppal::"], &["gpiod/src/backend/gpiomem/registers.rs"]), none);
    assert_eq!(offenders("gpiod/src/backend/cdev", &["gpiomem", "sim::"], &[]), none);
}

#[test]
fn programs_run_on_their_thread_alone_and_only_it_asks_for_priority() {
    let none: Vec<String> = Vec::new();
    let thread = ["gpiod/src/programs.rs", "gpiod/src/pace.rs", "gpiod/src/alarm.rs"];
    let words = ["run::run(", "Paced", "alarm::", "budget::", "realtime::", "thread_priority"];
    let allowed: Vec<&str> = thread.into_iter().chain(["gpiod/src/realtime.rs"]).collect();
    assert_eq!(offenders("gpiod/src", &words, &allowed), none);
    // What a program is must not depend on where it runs.
    let above = ["crate::programs", "crate::pace", "crate::run"];
    assert_eq!(offenders("gpiod/src/broker", &above, &[]), none);
}

#[test]
fn toml_is_read_in_one_place() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src", &["toml::de", "toml::from_"], &["gpiod/src/tables"]), none);
}

#[test]
fn http_1_is_for_metrics_alone_and_they_know_no_server() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src", &["hyper::", "hyper_util", "httparse::"], &[]), none);
    assert_eq!(offenders("gpiod/src", &["gpiod_pages"], &["gpiod/src/metrics/http.rs"]), none);
    let http_2 = ["gpiod/src/server", "gpiod/src/kubelet"];
    assert_eq!(offenders("gpiod/src", &["h2::"], &http_2), none);
    assert_eq!(offenders("gpiod/src/metrics", &["crate::server", "crate::serve::"], &[]), none);
}

#[test]
fn pages_are_served_in_one_place_that_knows_nobody_whose_pages_they_are() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("pages/src", &["gpiod::", "gpiod_sdk", "gpiod_proto", "tonic", "h2::"], &[]), none);
    assert_eq!(offenders("pages/src", &["httparse::"], &["pages/src/request.rs"]), none);
    let app = "images/light-sensor/src";
    assert_eq!(offenders(app, &["hyper", "httparse", "TcpStream"], &[&format!("{app}/http.rs")]), none);
}

#[test]
fn the_client_library_names_http_2_below_its_calls_alone_and_no_other_client() {
    let none: Vec<String> = Vec::new();
    let client = ["transport", "calls", "answers", "outgoing"].map(|file| format!("sdk/src/client/{file}"));
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    assert_eq!(offenders("sdk/src", &["h2::"], &client), none);
    assert_eq!(
        offenders("sdk/src", &["hyper::", "hyper_util", "tonic::client", "tonic::transport"], &[]),
        none
    );
}

#[test]
fn a_kubelet_is_spoken_to_in_one_place_that_knows_neither_server_nor_api() {
    let none: Vec<String> = Vec::new();
    let above = ["crate::server", "crate::serve::", "crate::cli", "crate::backend", "gpiod_proto"];
    assert_eq!(offenders("gpiod/src/kubelet", &above, &[]), none);
    // Of tonic only the types that h2's interface has, and of h2 no more than `grpc` and what stands below it.
    let tonic: Vec<String> = offenders("gpiod/src/kubelet", &["tonic"], &["gpiod/src/kubelet/grpc.rs"]);
    assert_eq!(tonic, none);
    let users = ["gpiod/src/serve.rs", "gpiod/src/serve/control.rs"];
    assert_eq!(
        offenders("gpiod/src", &["crate::kubelet"], &[&users[..], &["gpiod/src/kubelet"]].concat()),
        none
    );
    // What is known of pods and of lines that can not be used is told from outside.
    for file in ["pods.rs", "health.rs"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
        let above = ["crate::broker", "crate::server", "crate::kubelet::", "h2::"];
        assert!(!above.iter().any(|word| text.contains(word)), "{file}");
    }
}

#[test]
fn the_audit_is_told_the_time_and_writes_in_one_place() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src/audit", &["crate::broker", "crate::server", "clock::"], &[]), none);
    assert_eq!(offenders("gpiod/src", &["keys::AUDIT", "gpiod::audit"], &["gpiod/src/audit/tell.rs"]), none);
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/audit.rs")).unwrap();
    assert!(!["crate::broker", "crate::server", "clock::", "Instant"].iter().any(|word| text.contains(word)));
}

#[test]
fn the_budget_is_told_the_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("src/budget.rs")).unwrap();
    assert!(!["crate::", "tokio", "Instant"].iter().any(|word| text.contains(word)));
}

#[test]
fn nothing_below_the_command_line_knows_it() {
    let none: Vec<String> = Vec::new();
    assert_eq!(offenders("gpiod/src", &["crate::cli"], &["gpiod/src/cli", "gpiod/src/board"]), none);
    let pure = ["crate::broker", "crate::server", "crate::backend", "tokio::", "clock::"];
    for file in ["program", "config"] {
        assert_eq!(offenders(&format!("gpiod/src/{file}"), &pure, &[]), none);
    }
}

#[test]
fn the_words_for_lines_use_nothing_of_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("src/line.rs")).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("use crate")));
}

#[test]
fn the_apps_and_the_client_library_know_nothing_of_the_daemon() {
    let none: Vec<String> = Vec::new();
    for dir in ["sdk/src", "images/traffic-light/src", "images/light-sensor/src"] {
        assert_eq!(offenders(dir, &["gpiod::"], &[]), none);
    }
}

/// Cells of the tables say `file.rs` and then the tests in it.
#[test]
fn every_claim_of_the_threat_model_names_tests_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = fs::read_to_string(root.parent().unwrap().join("SECURITY.md")).unwrap();
    let mut held = 0;
    for row in model.lines().filter(|row| row.contains(".rs` `")) {
        let mut text = String::new();
        for word in row.split('`').skip(1).step_by(2) {
            if word.ends_with(".rs") {
                text = fs::read_to_string(root.join("tests").join(word)).unwrap();
            } else if !text.is_empty() {
                assert!(text.contains(&format!("fn {word}()")), "{word} of: {row}");
                held += 1;
            }
        }
    }
    let claims = model.lines().filter(|row| row.starts_with("| ") && !row.contains("---")).count();
    // Three heads of tables, and the four rows that say which sockets there are.
    assert!(held >= 30 && claims - 7 <= held, "{claims} rows, {held} tests");
}
