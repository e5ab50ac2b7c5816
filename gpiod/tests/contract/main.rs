//! The contract: what the daemon relies on in a board, rule by rule, on every kind of board.
//!
//! `cargo test --test contract` runs it on the simulated board, with the manners of each kernel in turn, or only of
//! `--variant KERNEL`. `contract --bench cdev` runs it on the kernel's gpio-sim, `contract --bench gpiomem` on a
//! Raspberry Pi's registers, both where those are, as in the guests of `scripts/hardware`. `contract table FILE...`
//! shows what several runs wrote with `--results FILE` as one table.
//!
//! A rule holds, or does not apply (and says why), or can not be proven on that bench (and says why); anything else is
//! a failure of the run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod holder;
mod rules;
mod table;

use bench::Bench;
use gpiod::board::model::Kernel;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use table::{Result, Row};

/// How a rule ended that did not fail.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It holds.
    Passed,
    /// It says nothing about this kind of board.
    NotApplicable(&'static str),
    /// This bench has not what is needed to see it.
    NotProvable(&'static str),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["table", ..] => table::show(&words[1..]),
        ["hold", kind, dir, bcm] => holder::hold(kind, dir, bcm.parse().unwrap()),
        _ => {
            let after =
                |word| words.iter().position(|each| *each == word).and_then(|i| words.get(i + 1).copied());
            let benches: Vec<(&str, Option<&str>)> = match (after("--bench"), after("--variant")) {
                (None, None) => Kernel::ALL.map(|kernel| ("sim", Some(kernel.name()))).to_vec(),
                (kind, variant) => vec![(kind.unwrap_or("sim"), variant)],
            };
            let mut all = Vec::new();
            for (kind, variant) in benches {
                let rows = run(bench::open(kind, variant).as_ref(), after("--only"));
                let failed = rows.iter().filter(|row| row.result == Result::Failed).count();
                println!("contract on {}: {} rules, {failed} failed", rows[0].bench, rows.len());
                all.extend(rows);
            }
            if let Some(file) = after("--results") {
                table::write(file, &all);
            }
            let passed = all.iter().all(|row| row.result != Result::Failed);
            if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn run(bench: &dyn Bench, only: Option<&str>) -> Vec<Row> {
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let mut rows = Vec::new();
    for (name, rule) in rules::ALL.iter().filter(|(name, _)| wanted(name)) {
        bench.begin();
        let verdict = catch_unwind(AssertUnwindSafe(|| rule(bench)));
        let (result, why) = match verdict {
            Ok(Verdict::Passed) => (Result::Passed, String::new()),
            Ok(Verdict::NotApplicable(why)) => (Result::NotApplicable, why.to_owned()),
            Ok(Verdict::NotProvable(why)) => (Result::NotProvable, why.to_owned()),
            // What went wrong stands on standard error already.
            Err(_) => (Result::Failed, String::new()),
        };
        println!(
            "{:14} {name}{}",
            result.word(),
            if why.is_empty() { why.clone() } else { format!(": {why}") }
        );
        rows.push(Row { rule: (*name).to_owned(), bench: bench.name(), result, why });
    }
    assert!(!rows.is_empty(), "there is no such rule");
    rows
}
