//! What `gpiod board` and the commands below it take.

use super::{Args, Command, Lux, light};
use crate::board::Line;
use crate::board::model::{Fault, Kernel};
use crate::cli;
use crate::cli::arguments::{Argument, Declaration, Needed};
use crate::cli::given::Given;
use crate::cli::words::{named, number, text};
use crate::failure::{Exit, Failure};

/// The commands, as `--help` tells of them.
pub(in crate::cli) static DECLARATION: Declaration = Declaration {
    name: "board",
    about: "A simulated Raspberry Pi: runs it, drives it from outside, shows what its pins did",
    tables: &[&DIR, &BOARD],
    heading: "Commands for a board that runs",
    commands: &[&STATE, &RECORD, &PRESS, &RELEASE, &LIGHT, &PULSE, &FAULT],
    read: Some(|given| {
        let circuit = given.maybe_path("circuit")?;
        let kernel = given.maybe("kernel", |word| named(word, &Kernel::ALL, Kernel::name))?;
        Ok(cli::Command::Board(Args { dir: given.path("dir")?, circuit, kernel, command: None }))
    }),
    more: "\
Without a command it is the board, until SIGTERM or Ctrl-C. A daemon is on it with [backend] kind = \"sim\" and board = DIR.

Examples: the board, and in another terminal what is done to it
  gpiod board --dir /tmp/board --circuit circuit.toml
  gpiod board --dir /tmp/board state                     lines and components
  gpiod board --dir /tmp/board press crossing --for 200  a button, for 200 ms
  gpiod board --dir /tmp/board light window 5            5 lux on a light sensor
  gpiod board --dir /tmp/board fault stuck-low GPIO17    a short to ground
  gpiod board --dir /tmp/board record --follow           changes, as they come",
};

/// Taken before a command below as well as behind it.
static DIR: [Argument; 1] =
    [Argument::value("dir", "DIR", "Where the board's sockets are").or("/run/gpiod-board")];

static BOARD: [Argument; 2] = [
    Argument::value(
        "circuit",
        "FILE",
        "What is wired to the board: a circuit file (TOML). Without it, nothing is",
    ),
    Argument::value(
        "kernel",
        "KERNEL",
        "Whose manners it has where GPIO drivers differ, in what a line does that nobody drives any more:\n\
         - raspberry-pi: Raspberry Pi's: an output whose claim ends stays as it is\n\
         - upstream: upstream's: an output whose claim ends becomes an input\n\
         - gpio-sim: the kernel's GPIO simulator: a line whose claim ends falls to its pull\n\
         [default: raspberry-pi]",
    )
    .among(&["raspberry-pi", "upstream", "gpio-sim"]),
];

/// A command for a board that runs.
fn control(given: &Given, command: Command) -> Result<cli::Command, Failure> {
    if given.switch("circuit") || given.switch("kernel") {
        let reason = "--circuit and --kernel are for starting a board, not for one that runs";
        return Err(Failure::new(Exit::Usage, reason));
    }
    let dir = given.path("dir")?;
    Ok(cli::Command::Board(Args { dir, circuit: None, kernel: None, command: Some(command) }))
}

fn fault(given: &Given, fault: Fault) -> Result<cli::Command, Failure> {
    control(given, Command::Fault(fault))
}

fn line(word: &str) -> Result<Line, String> {
    word.parse().map_err(|error: crate::board::NoSuchLine| error.to_string())
}

static STATE: Declaration = Declaration {
    name: "state",
    about: "Shows every line and every component",
    tables: &[&DIR, &[Argument::switch("json", "As JSON")]],
    read: Some(|given| control(given, Command::State { json: given.switch("json") })),
    ..Declaration::NONE
};

static RECORD: Declaration = Declaration {
    name: "record",
    about: "Shows what every line did: one change on a line",
    tables: &[
        &DIR,
        &[
            Argument::switch("follow", "Goes on as the record grows"),
            Argument::value("since", "SEQ", "Only what came after this entry").or("0"),
            Argument::switch("json", "As JSON, one entry on a line"),
        ],
    ],
    read: Some(|given| {
        let since = given.one("since", |word| number(word, 0, u64::MAX))?;
        let (follow, json) = (given.switch("follow"), given.switch("json"));
        control(given, Command::Record { follow, since, json })
    }),
    ..Declaration::NONE
};

static PRESS: Declaration = Declaration {
    name: "press",
    about: "Presses a button",
    tables: &[
        &DIR,
        &[
            Argument::word("NAME", "The button"),
            Argument::value("for", "MS", "For so many ms; else until it is released"),
        ],
    ],
    read: Some(|given| {
        let during = given.maybe("for", |word| number(word, 1, 86_400_000))?;
        control(given, Command::Press { name: given.one("NAME", text)?, during })
    }),
    ..Declaration::NONE
};

static RELEASE: Declaration = Declaration {
    name: "release",
    about: "Lets a button go",
    tables: &[&DIR, &[Argument::word("NAME", "The button")]],
    read: Some(|given| control(given, Command::Release { name: given.one("NAME", text)? })),
    ..Declaration::NONE
};

static LIGHT: Declaration = Declaration {
    name: "light",
    about: "Puts a light sensor into so much light, or back into the light of its circuit",
    tables: &[
        &DIR,
        &[
            Argument::word("NAME", "The light sensor"),
            Argument::word(
                "LUX|curve",
                "Lux, from 0.001 to 200000, or `curve` for the light that its circuit gives it by now",
            ),
        ],
    ],
    read: Some(|given| {
        let light: Lux = given.one("LUX|curve", light)?;
        control(given, Command::Light { name: given.one("NAME", text)?, light })
    }),
    ..Declaration::NONE
};

static PULSE: Declaration = Declaration {
    name: "pulse",
    about: "Switches a pulse source",
    tables: &[
        &DIR,
        &[
            Argument::word("NAME", "The pulse source"),
            Argument::word("SWITCH", "On or off").among(&["on", "off"]),
        ],
    ],
    read: Some(|given| {
        let on = given.one("SWITCH", text)? == "on";
        control(given, Command::Pulse { name: given.one("NAME", text)?, on })
    }),
    ..Declaration::NONE
};

static FAULT: Declaration = Declaration {
    name: "fault",
    about: "Breaks something, or mends it",
    tables: &[&DIR],
    commands: &[&STUCK_HIGH, &STUCK_LOW, &DISCONNECT, &SWALLOW, &TAKE, &CLEAR],
    ..Declaration::NONE
};

const LINE: Argument = Argument::word("LINE", "Such as GPIO17");

static STUCK_HIGH: Declaration = Declaration {
    name: "stuck-high",
    about: "Shorts a line to the supply",
    tables: &[&DIR, &[LINE]],
    read: Some(|given| fault(given, Fault::StuckHigh(given.one("LINE", line)?))),
    ..Declaration::NONE
};

static STUCK_LOW: Declaration = Declaration {
    name: "stuck-low",
    about: "Shorts a line to ground",
    tables: &[&DIR, &[LINE]],
    read: Some(|given| fault(given, Fault::StuckLow(given.one("LINE", line)?))),
    ..Declaration::NONE
};

static DISCONNECT: Declaration = Declaration {
    name: "disconnect",
    about: "Pulls a component loose",
    tables: &[&DIR, &[Argument::word("NAME", "The component")]],
    read: Some(|given| fault(given, Fault::Disconnect(given.one("NAME", text)?))),
    ..Declaration::NONE
};

static SWALLOW: Declaration = Declaration {
    name: "swallow",
    about: "Hides the next edges of a line from its holder, as a chip does that was too slow for them",
    tables: &[&DIR, &[LINE, Argument::word("N", "How many").or("1")]],
    read: Some(|given| {
        let edges = given.one("N", |word| number(word, 1, u32::MAX.into()))?;
        fault(given, Fault::Swallow { line: given.one("LINE", line)?, edges })
    }),
    ..Declaration::NONE
};

static TAKE: Declaration = Declaration {
    name: "take",
    about: "Takes a line away from programs, as a driver in the kernel does",
    tables: &[&DIR, &[LINE, Argument::value("consumer", "NAME", "Who takes it").needed(Needed::Yes)]],
    read: Some(|given| {
        let consumer = given.one("consumer", text)?;
        fault(given, Fault::Take { line: given.one("LINE", line)?, consumer })
    }),
    ..Declaration::NONE
};

static CLEAR: Declaration = Declaration {
    name: "clear",
    about: "Mends all faults, or those of one line or component",
    tables: &[&DIR, &[Argument::word("TARGET", "A line such as GPIO17, or a component").needed(Needed::No)]],
    read: Some(|given| control(given, Command::Clear { target: given.maybe("TARGET", text)? })),
    ..Declaration::NONE
};
