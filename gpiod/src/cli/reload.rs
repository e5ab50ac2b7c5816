//! `gpiod reload`: makes the daemon read its configuration anew.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::output::{json, print};
use crate::failure::Failure;
use gpiod_sdk::Reloaded;
use serde_json::json;

/// What it takes.
static TABLE: [Argument; 1] = [Argument::switch("json", "Print what is different as JSON")];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "reload",
    about: "Make the daemon read its configuration anew",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Reload)),
    more: "\
Groups come and go while the sessions of others go on. A configuration that is wrong, or that changes what is decided \
at the start (run_dir, [backend], [limits], which lines the guardian has), is refused with all its mistakes, and \
the old one stays, whole; so it does when a new line or socket can not be had. The daemon also does this by itself when \
the file changes, and on SIGHUP. For root, on the admin socket. Exit codes: 69 the daemon can not be reached, 74 the \
board failed, or the configuration is in force but for what is told, 75 somebody holds a new line, 77 another socket than \
the admin's, 78 the configuration is refused.

Examples:
  gpiod check && gpiod reload",
    ..Declaration::NONE
};

/// Arguments of `gpiod reload`.
#[derive(Debug)]
pub struct Args {
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self { json: given.switch("json"), target: Target::read(given)? })
    }
}

/// Runs the command.
///
/// # Errors
/// What the daemon says.
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod reload", async |client| {
        let Reloaded { added, removed, changed } = client.reload_config().await?;
        if args.json {
            return print(&json(&json!({"added": added, "removed": removed, "changed": changed}))?);
        }
        let told = [("added", added), ("removed", removed), ("changed", changed)];
        let told: Vec<String> = told
            .iter()
            .filter(|(_, groups)| !groups.is_empty())
            .map(|(what, groups)| format!("{what} {}", groups.join(", ")))
            .collect();
        let told = if told.is_empty() { "nothing changed".to_owned() } else { told.join("; ") };
        print(&format!("{told}\n"))
    })
}
