//! `gpiod release`: lets go of a group's lines, whoever holds them.

use super::connect::{Target, with_client};
use super::lines::holder_name;
use super::output::{json, print};
use crate::failure::Failure;
use gpiod_sdk::ReleasedHolder;
use serde_json::json;

/// Arguments of `gpiod release`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The lines do what on_release says, at once and whatever the group's grace; their holders' sessions end and are told the \
reason. For root, on the admin socket. Exit codes: 0 also where nothing was held, 65 there is no such group, 69 the \
daemon can not be reached, 77 another socket than the admin's.

Examples:
  gpiod release traffic-light
  gpiod release heater --reason \"maintenance until noon\"")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The line group
    #[arg(value_name = "GROUP")]
    released: String,
    /// Why, for the holders: at most 64 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Print what was let go as JSON
    #[arg(long)]
    json: bool,
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
