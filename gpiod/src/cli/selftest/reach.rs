//! How the board under test is reached, by this process and by the one that it starts.

use crate::backend::Backend;
use crate::config::BackendChoice;
use crate::failure::{Exit, Failure};
use crate::serve;
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::PathBuf;

/// How the board is reached.
#[derive(Debug, clap::Args)]
pub(super) struct Reach {
    /// The backend to test: auto takes gpiomem where it can be had, else cdev
    #[arg(long, value_name = "KIND", default_value = "auto")]
    backend: Kind,
    /// With --backend sim, the simulated board's directory [default: /run/gpiod-board]
    #[arg(long, value_name = "DIR")]
    board: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Auto,
    Gpiomem,
    Cdev,
    Sim,
}

impl Reach {
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
        let kind = self.backend.to_possible_value().map(|value| value.get_name().to_owned());
        let mut arguments: Vec<OsString> = vec!["--backend".into(), kind.unwrap_or_default().into()];
        if let Some(dir) = &self.board {
            arguments.extend(["--board".into(), dir.into()]);
        }
        arguments
    }
}
