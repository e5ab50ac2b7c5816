//! `gpiod get`: reads values.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::output::{json, print, printable};
use super::words;
use crate::failure::Failure;
use gpiod_sdk::Values;
use serde_json::{Map, Value as Json, json};

/// What it takes.
static TABLE: [Argument; 3] = [
    Argument::words("NAME", "The lines to read, 1 to 64, as `gpiod lines` calls them"),
    Argument::switch("numeric", "Print 1 or 0 for each line, in the order of the names, and nothing else")
        .not_with("json"),
    Argument::switch("json", "Print JSON"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "get",
    about: "Read values",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Get)),
    more: "\
All lines are read at one moment, held or not. Values are logical: on an active-low line, active is low. On the admin \
socket, which root speaks to unless another is named, a line is called GROUP/NAME.

Examples:
  gpiod get --group door button                          button=inactive
  gpiod get door/button                                  the same, for root
  gpiod get --group traffic-light red green --numeric    two lines: 1 and 0
  gpiod get --group traffic-light red --json | jq -r .values.red",
    ..Declaration::NONE
};

/// Arguments of `gpiod get`.
#[derive(Debug)]
pub struct Args {
    names: Vec<String>,
    numeric: bool,
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            names: given.each("NAME", words::text)?,
            numeric: given.switch("numeric"),
            json: given.switch("json"),
            target: Target::read(given)?,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// What the daemon refuses; see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod get", async |client| {
        let values = client.read(&args.names).await?;
        if args.json {
            return print(&json(&values_json(&values))?);
        }
        let lines = values.iter().map(|(name, value)| match args.numeric {
            true => format!("{}\n", u8::from(value.is_active())),
            false => format!("{}={value}\n", printable(name)),
        });
        print(&lines.collect::<String>())
    })
}

/// Values of lines and when they had them: `{"timestamp_ns":…,"values":{"red":"active"}}`.
pub(super) fn values_json(values: &Values) -> Json {
    let by_name: Map<String, Json> =
        values.iter().map(|(name, value)| (name.to_owned(), json!(value.to_string()))).collect();
    json!({ "timestamp_ns": values.timestamp_ns(), "values": by_name })
}

/// Values of lines in words: `red=active green=inactive`.
pub(super) fn values_text(values: &Values) -> String {
    let pairs: Vec<String> =
        values.iter().map(|(name, value)| format!("{}={value}", printable(name))).collect();
    pairs.join(" ")
}
