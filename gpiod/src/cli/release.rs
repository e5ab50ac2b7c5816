//! `gpiod release`: lets go of a group's lines, whoever holds them.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::lines::holder_name;
use super::output::{json, print};
use super::words;
use crate::failure::Failure;
use gpiod_sdk::ReleasedHolder;
use serde_json::json;

/// What it takes.
static TABLE: [Argument; 3] = [
    Argument::word("GROUP", "The line group"),
    Argument::value("reason", "TEXT", "Why, for the holders: at most 64 bytes").or(""),
    Argument::switch("json", "Print what was let go as JSON"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "release",
    about: "Let go of a group's lines, whoever holds them",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Release)),
    more: "\
The lines do what on_release says, at once and whatever the group's grace; their holders' sessions end and are told the \
reason. For root, on the admin socket. Exit codes: 0 also where nothing was held, 65 there is no such group, 69 the \
daemon can not be reached, 77 another socket than the admin's.

Examples:
  gpiod release traffic-light
  gpiod release heater --reason \"maintenance until noon\"",
    ..Declaration::NONE
};

/// Arguments of `gpiod release`.
#[derive(Debug)]
pub struct Args {
    released: String,
    reason: String,
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            released: given.one("GROUP", words::text)?,
            reason: given.one("reason", words::text)?,
            json: given.switch("json"),
            target: Target::read(given)?,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// What the daemon says.
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod release", async |client| {
        let released = client.release_group(&args.released, &args.reason).await?;
        if args.json {
            let holders: Vec<_> = released
                .iter()
                .map(|ReleasedHolder { holder, lines }| {
                    json!({"name": holder.name, "uid": holder.uid, "pid": holder.pid, "lines": lines})
                })
                .collect();
            return print(&json(&json!({"group": args.released, "holders": holders}))?);
        }
        if released.is_empty() {
            return print(&format!("nobody holds a line of {}\n", args.released));
        }
        for ReleasedHolder { holder, lines } in &released {
            print(&format!(
                "{} (uid {}, pid {}) no longer holds {}\n",
                holder_name(holder),
                holder.uid,
                holder.pid,
                lines.join(", ")
            ))?;
        }
        Ok(())
    })
}
