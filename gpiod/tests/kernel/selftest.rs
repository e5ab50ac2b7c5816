//! `gpiod selftest` on the kernel's chip: no wire can join its lines, so what is seen here is how a test ends without
//! one, and that a line that somebody has is left alone.

use crate::chip::Chip;
use crate::fixture::{PATIENCE, gpiod};
use crate::{Scene, refusals, trace};
use serde_json::Value as Json;
use std::process::{Output, Stdio};

pub(crate) const ALL: &[(&str, Scene)] = &[
    ("a self-test without a wire says so and lets go", |chip| Box::pin(no_wire(chip))),
    ("a self-test refuses a line that somebody has and touches none", |chip| Box::pin(held(chip))),
];

async fn selftest() -> Output {
    // Lines that no other scene drives: gpio-sim goes on to call them outputs.
    let mut command = gpiod();
    command.args(["selftest", "--loop", "GPIO23,GPIO24", "--json", "--count", "30"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(4 * PATIENCE, command.output()).await.expect("it ends").unwrap()
}

fn report(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn verdict<'a>(report: &'a Json, step: &str) -> &'a str {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().find(|each| each["step"] == step).unwrap()["verdict"].as_str().unwrap()
}

async fn no_wire(_chip: &'static Chip) {
    let output = selftest().await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    for (step, expected) in [("undriven", "passed"), ("wire", "failed"), ("let go", "passed")] {
        assert_eq!(verdict(&report, step), expected, "{report:#}");
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is the jumper between header pins 16 and 18?"), "{said}");
}

async fn held(chip: &'static Chip) {
    let _other = refusals::take(chip, 24);
    trace::begin();
    let output = selftest().await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(75) && said.contains("GPIO24 is held by \"spi0 CS0\""),
        "{output:?}"
    );
    assert_eq!(trace::sets(), []);
}
