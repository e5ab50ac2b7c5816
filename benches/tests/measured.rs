//! What is measured in a short while comes to an end, with all that was to be measured. Whether it is fast is for
//! `make bench` to say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn measured(arguments: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("measured.json");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_gpiod-bench"));
    let output = bench.args(arguments).arg("--json").arg(&json).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap()
}

#[test]
fn every_call_and_edge_is_measured_beside_its_floor() {
    let table = measured(&["speed", "--rounds", "1"]);
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["ratio"].is_object()).count(), 5, "{rows:?}");
    assert!(rows.iter().all(|row| row["took"]["n"].as_u64().unwrap() >= 300), "{rows:?}");
    assert_eq!(table["rates"].as_array().unwrap().len(), 3);
}

#[test]
fn memory_is_measured_while_clients_and_watches_come() {
    let gpiod = Path::new(env!("CARGO_BIN_EXE_gpiod-bench")).with_file_name("gpiod");
    assert!(gpiod.exists(), "{} is missing: run cargo build --workspace", gpiod.display());
    let report = measured(&["footprint", "--gpiod", gpiod.to_str().unwrap()]);
    assert!(report["idle_kib"].as_u64().unwrap() > 0);
    for growth in report["growths"].as_array().unwrap() {
        let steps = growth["steps"].as_array().unwrap();
        assert!(steps.len() == 4 && steps[0][1].as_u64() < steps[3][1].as_u64(), "{growth}");
    }
}

#[test]
fn every_sample_of_each_rate_is_taken_or_accounted_for() {
    let rates = measured(&["sampling", "--seconds", "1"]);
    for reached in rates.as_array().unwrap() {
        let of = |key: &str| reached[key].as_u64().unwrap();
        let missed: u64 = ["late", "over_limit", "unread"].map(of).iter().sum();
        assert!(of("taken") > 0 && of("taken") + missed == of("asked"), "{reached}");
    }
}
