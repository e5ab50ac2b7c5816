//! `gpiod pinout`: the 40-pin header as a picture in the terminal.

mod picture;

pub use picture::draw;

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::lines::line_json;
use super::output::{json, print, printable};
use crate::failure::Failure;
use crate::header::{HEADER, Pin};
use gpiod_sdk::{Line, Lines};
use serde_json::{Value as Json, json};
use std::io::IsTerminal;

/// What it takes.
static TABLE: [Argument; 1] = [Argument::switch("json", "Print JSON")];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "pinout",
    about: "Draw the 40-pin header: which line is where, and what it does",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Pinout)),
    more: "\
Seen from above, pin 1 at the top left. A group's socket shows what the group may know; the other lines are there by \
their names alone. Arrows show which way a line goes: out of the header or into it. Colours are used on a terminal \
unless NO_COLOR is set.

Examples:
  gpiod pinout
  gpiod pinout --json | jq '.pins[] | select(.line.holder)'",
    ..Declaration::NONE
};

/// Arguments of `gpiod pinout`.
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
/// What the daemon refuses; see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod pinout", async |client| {
        let lines = client.lines().await?;
        if args.json {
            return print(&json(&pins_json(&lines))?);
        }
        let board = printable(&lines.backend.board);
        let picture = draw(&lines.lines, colour());
        print(&format!("{board} ({})\n\n{picture}\n● high  ○ low  · unknown\n", lines.backend.kind))
    })
}

/// Whether standard output takes colours and its user wants them (no-color.org).
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The line of a header pin, where it is known.
fn line_at(lines: &[Line], pin: u32) -> Option<&Line> {
    lines.iter().find(|line| line.header_pin == Some(pin))
}

fn pins_json(lines: &Lines) -> Json {
    let pins = (1..).zip(HEADER).map(|(number, pin)| match pin {
        Pin::Power3V3 | Pin::Power5V | Pin::Ground => json!({ "pin": number, "supply": supply(pin) }),
        Pin::Gpio(bcm) => {
            let line = line_at(&lines.lines, number).map(line_json);
            json!({ "pin": number, "board_line": format!("GPIO{bcm}"), "line": line })
        }
    });
    json!({
        "board": lines.backend.board,
        "backend": lines.backend.kind,
        "pins": pins.collect::<Vec<_>>(),
    })
}

/// What is written beside a pin that is no line; nothing for a line.
fn supply(pin: Pin) -> &'static str {
    match pin {
        Pin::Power3V3 => "3V3",
        Pin::Power5V => "5V",
        Pin::Ground => "GND",
        Pin::Gpio(_) => "",
    }
}
