//! A process that holds a line until it is killed, as a daemon that dies does.

use crate::bench::{self, Bench, output, wanted};
use gpiod::line::{LineConfig, Value};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};

/// Holds a line as an active output, says so, and waits for its end.
pub(crate) fn hold(kind: &str, dir: &str, bcm: u32) -> ExitCode {
    let backend = bench::backend(kind, dir);
    let active = LineConfig { value: Value::Active, ..output() };
    let _held = backend.request("gpiod:victim", &[wanted(backend.as_ref(), bcm, active)]).unwrap();
    println!("held");
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::FAILURE
}

/// Starts such a process and waits until it holds the line.
pub(crate) fn start(bench: &dyn Bench, bcm: u32) -> Child {
    let (kind, dir) = bench.reach();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["hold", kind, &dir, &bcm.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    child
}
