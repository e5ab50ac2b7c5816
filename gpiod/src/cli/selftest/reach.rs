//! How the board under test is reached, by this process and by the one that it starts.

use crate::backend::Backend;
use crate::cli::arguments::Argument;
use crate::cli::given::Given;
use crate::cli::words;
use crate::config::BackendChoice;
use crate::failure::{Exit, Failure};
use crate::serve;
use std::ffi::OsString;
use std::path::PathBuf;

/// What says how the board is reached.
pub(super) static TABLE: [Argument; 2] = [
    Argument::value(
        "backend",
        "KIND",
        "The backend to test: auto takes gpiomem where it can be had, else cdev",
    )
    .or("auto")
    .among(&Kind::NAMES),
    Argument::value(
        "board",
        "DIR",
        "With --backend sim, the simulated board's directory [default: /run/gpiod-board]",
    ),
];

/// How the board is reached.
#[derive(Debug)]
pub(super) struct Reach {
    backend: Kind,
    board: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Auto,
    Gpiomem,
    Cdev,
    Sim,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Auto, Self::Gpiomem, Self::Cdev, Self::Sim];
    const NAMES: [&str; 4] = ["auto", "gpiomem", "cdev", "sim"];

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl Reach {
    pub(super) fn read(given: &Given) -> Result<Self, Failure> {
        let backend = given.one("backend", |word| words::named(word, &Kind::ALL, Kind::name))?;
        Ok(Self { backend, board: given.maybe_path("board")? })
    }

    /// The board, and why it is reached so.
    pub(super) fn backend(&self) -> Result<(Box<dyn Backend>, String), Failure> {
        let choice = match (self.backend, &self.board) {
            (Kind::Sim, Some(dir)) => BackendChoice::Sim(dir.clone()),
            (Kind::Sim, None) => BackendChoice::Sim(PathBuf::from("/run/gpiod-board")),
            (_, Some(_)) => {
                let text = "--board is the simulated board's directory: add --backend sim";
                return Err(Failure::new(Exit::Usage, text));
            }
            (Kind::Auto, None) => BackendChoice::Auto,
            (Kind::Gpiomem, None) => BackendChoice::Gpiomem,
            (Kind::Cdev, None) => BackendChoice::Cdev,
        };
        serve::reach(&choice, "--backend names it")
    }

    /// The same for another process.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--backend".into(), self.backend.name().into()];
        if let Some(dir) = &self.board {
            arguments.extend(["--board".into(), dir.into()]);
        }
        arguments
    }
}
