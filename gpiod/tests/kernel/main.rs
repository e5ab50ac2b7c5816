//! Board, daemon and apps on a real kernel: its GPIO simulator stands for the chip, this program for the world outside.
//!
//! Where the kernel has no gpio-sim it says so and runs nothing; `scripts/hardware/sim-guest.sh` boots one that has it.
//! Judged are the levels in sysfs, the kernel's trace, and its time stamps; never the daemon's word alone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod chip;
#[path = "../fixture/mod.rs"]
mod fixture;
#[path = "../contract/bench/irq.rs"]
mod irq;
mod photoresistor;
mod refusals;
mod rig;
mod scenes;
mod selftest;
#[path = "../contract/bench/trace.rs"]
mod trace;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if !Path::new("/sys/kernel/config/gpio-sim").exists() {
        println!(
            "kernel tests: not run, this kernel has no gpio-sim; make test-hardware runs them in a guest"
        );
        return ExitCode::SUCCESS;
    }
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    // It is there for as long as this program, and so are those who play on it.
    let chip: &'static chip::Chip = Box::leak(Box::new(chip::Chip::new()));
    // A daemon of another user tells us when it is ready.
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failed = 0;
    let all = scenes::ALL.iter().chain(refusals::ALL).chain(selftest::ALL);
    for (name, scene) in all.filter(|(name, _)| wanted(name)) {
        chip.quiet();
        let run = || reactor.block_on(scene(chip));
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok();
        println!("{} {name}", if passed { "passed" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    println!("kernel tests: {failed} failed");
    ExitCode::from(failed)
}

/// A scene is a future on the chip.
type Scene = fn(&'static chip::Chip) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;
