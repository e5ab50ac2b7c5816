//! `gpiod check`: tells whether a configuration is right, without starting anything.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::given::Given;
use super::output::{json, print};
use crate::config::{Config, Problem, Term};
use crate::failure::Failure;
use crate::serve;
use crate::wiring::Wiring;
use serde_json::json;
use std::path::PathBuf;

/// What it takes.
static TABLE: [Argument; 2] = [
    Argument::word("FILE", "The configuration to check").or("/etc/gpiod/gpiod.toml"),
    Argument::switch("json", "Print the result as JSON"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "check",
    about: "Tell whether a configuration is right, without starting anything",
    tables: &[&TABLE],
    read: Some(|given| Args::read(given).map(Command::Check)),
    more: "\
Every mistake is told with file, line, key and reason; a note is no mistake, but something that must be there when \
the daemon starts. Exit codes: 0 the configuration is right, 66 it can not be \
read, 78 it is wrong.

Examples:
  gpiod check gpiod.toml
  gpiod check gpiod.toml --json | jq .problems",
    ..Declaration::NONE
};

/// Arguments of `gpiod check`.
#[derive(Debug)]
pub struct Args {
    config: PathBuf,
    json: bool,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self { config: given.path("FILE")?, json: given.switch("json") })
    }
}

/// Runs the command.
///
/// # Errors
/// Exit code 78 with all mistakes, 66 for a file that can not be read.
pub fn run(args: &Args) -> Result<(), Failure> {
    let checked = Config::load(&args.config).and_then(|config| {
        // The board has the last word on which lines there are; without it the rest is still checked.
        let board = serve::connect(&config).ok().and_then(|backend| backend.lines().ok());
        let wiring = board.map(|board| Wiring::bind(&config, &board)).transpose()?;
        Ok((config, wiring))
    });
    let notes =
        checked.as_ref().map_or_else(|_| Vec::new(), |(config, wiring)| notes(config, wiring.as_ref()));
    if args.json {
        let problems = checked.as_ref().err().map_or(&[][..], |problems| &problems.problems);
        let list = |problems: &[Problem]| -> Vec<_> {
            problems.iter().map(|p| json!({"line": p.line, "key": p.key, "reason": p.reason})).collect()
        };
        let on_board = checked.as_ref().is_ok_and(|(_, wiring)| wiring.is_some());
        let ceiling = checked.as_ref().ok().map(|(config, _)| config.memory_ceiling_bytes());
        let terms = checked.as_ref().ok().map(|(config, _)| {
            let told = |term: Term| json!({"what": term.what, "count": term.count, "bytes": term.bytes});
            config.memory_terms().map(told)
        });
        let checked = json!({
            "file": args.config,
            "problems": list(problems),
            "notes": list(&notes),
            "checked_against_board": on_board,
            "memory_ceiling_bytes": ceiling,
            "memory_terms": terms,
        });
        print(&json(&checked)?)?;
    }
    let (config, wiring) = checked.map_err(|problems| serve::config_failure(&problems))?;
    if !args.json {
        let lines: usize = config.groups.iter().map(|group| group.lines.len()).sum();
        let board = if wiring.is_some() { "the board has them all" } else { "the board could not be asked" };
        let file = args.config.display();
        let mib = config.memory_ceiling_bytes().div_ceil(1 << 20);
        print(&format!(
            "{file}: {} groups, {lines} lines; {board}; needs at most {mib} MiB if clients reach all [limits] at once\n",
            config.groups.len()
        ))?;
        for note in notes {
            print(&format!("{file}:{}: note: {}: {}\n", note.line, note.key, note.reason))?;
        }
    }
    Ok(())
}

/// What must be there when the daemon starts.
fn notes(config: &Config, wiring: Option<&Wiring>) -> Vec<Problem> {
    let needs = wiring.map(Wiring::guardian_needs).unwrap_or_default();
    let guarded = |need: Problem| Problem {
        reason: format!("needs `gpiod guard` to be running: {}; {}", need.reason, serve::how_to(config)),
        ..need
    };
    needs.into_iter().map(guarded).collect()
}
