//! The configuration: wiring and rights, written once by the node's owner.
//!
//! A [`Config`] is valid: whoever has one need not check it again. What only the board can tell, such as whether
//! a line exists, is checked when the configuration meets it, in [`wiring`](crate::wiring).

mod allowed;
mod ceiling;
mod check;
mod file;
mod fixed;
mod kubernetes;
mod limits;
mod problem;

pub use allowed::Allowed;
pub use ceiling::Term;
pub(crate) use check::MAX_GROUP_NAME;
pub use kubernetes::Kubernetes;
pub use limits::Limits;
pub use problem::{Problem, Problems};

use crate::line::{Bias, Drive, OnExit, Value};
use crate::operations::{Operation, Operations};
use fixed::Written;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// No file written by hand is longer; what is, is something else.
const MAX_BYTES: u64 = 1 << 20;

/// A valid configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where it was read from.
    pub path: PathBuf,
    /// What was read there.
    pub text: Arc<str>,
    /// Where sockets are made; `/run/gpiod` by default.
    pub run_dir: PathBuf,
    /// What stands behind the lines.
    pub backend: BackendChoice,
    /// Labels of chips whose accesses take long without that being known of them; each is served by a thread of its own.
    pub own_thread: Vec<String>,
    /// How long holders are waited for after a start, and outputs that are found driven are kept from when they were
    /// taken, by a start or by a changed configuration.
    pub resume_within: Duration,
    /// What clients may use up.
    pub limits: Limits,
    /// How groups are offered to a Kubernetes node; `None`: not at all.
    pub kubernetes: Option<Kubernetes>,
    /// What of it is fixed as long as a daemon runs, as it is written.
    written: Written,
    /// The line groups, in the file's order.
    pub groups: Vec<Group>,
}

/// Which backend to use.
#[derive(Clone, Debug, PartialEq)]
pub enum BackendChoice {
    /// What is really there: `gpiomem` on a Raspberry Pi, else `cdev`; never the simulated board.
    Auto,
    /// A Raspberry Pi's registers, with claims and edges of the GPIO character device.
    Gpiomem,
    /// The GPIO character device of any Linux board.
    Cdev,
    /// The simulated board whose sockets are in this directory.
    Sim(PathBuf),
}

/// Lines that one socket gives access to.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name: the name of its directory and, in a cluster, of its resource. At most 25 bytes, so that
    /// `gpiod:<group>` fits a kernel consumer name.
    pub name: String,
    /// Permission bits of its sockets; 0666 by default.
    pub socket_mode: u32,
    /// Unix group of its sockets; the daemon's own by default.
    pub socket_gid: Option<u32>,
    /// How long the lines of a holder whose connection broke are kept for it; 0, the default, lets them go at once.
    pub grace: Duration,
    /// Who may connect to its sockets; everybody by default.
    pub allowed: Allowed,
    /// Its lines, in the file's order; 1 to 64.
    pub lines: Vec<Line>,
}

/// One line of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What apps call it.
    pub name: String,
    /// What the board calls it, such as `GPIO17`.
    pub board_line: String,
    /// What may be done with it, and how it is driven.
    pub kind: Kind,
    /// Its pull; `None` leaves the board's.
    pub bias: Option<Bias>,
    /// Whether low is the active level.
    pub active_low: bool,
    /// A level must be stable for this long before its edge is reported.
    pub debounce: Duration,
    /// What may be done with it through the group's full socket; at least one, and only what its direction can have.
    pub operations: Operations,
    /// Whether it is taken from another function that its pin has, such as SPI.
    pub take_over: bool,
    /// Where it stands in the file, from 1.
    pub at: usize,
}

/// Which way a line may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It is only read and watched.
    Input,
    /// It is always driven.
    Output(Driven),
    /// It is driven and listened to in turn.
    Both(Driven),
}

impl Kind {
    /// What the configuration says of driving the line; `None` for an input.
    pub fn driven(&self) -> Option<&Driven> {
        match self {
            Self::Input => None,
            Self::Output(driven) | Self::Both(driven) => Some(driven),
        }
    }

    /// All that can be done with such a line: an input is neither driven nor configured by clients.
    pub fn operations(&self) -> Operations {
        match self {
            Self::Input => [Operation::Read, Operation::Watch, Operation::Program].into_iter().collect(),
            Self::Output(_) | Self::Both(_) => Operations::ALL,
        }
    }
}

/// What a line does that can be driven.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Driven {
    /// How it drives.
    pub drive: Drive,
    /// What it does before its first holder.
    pub at_start: AtStart,
    /// What it does when its holder has gone.
    pub on_release: OnRelease,
    /// What it is to do when the daemon has gone; `None`: to keep its level where the board can, else what it does.
    pub on_daemon_exit: Option<OnExit>,
    /// Whether it may be set without being held.
    pub one_shot: bool,
}

/// What a line does before its first holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtStart {
    /// It is driven inactive.
    Inactive,
    /// It is driven active.
    Active,
    /// It is an input.
    Input,
}

impl AtStart {
    /// The value that it is driven to; `None` for an input.
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Inactive => Some(Value::Inactive),
            Self::Active => Some(Value::Active),
            Self::Input => None,
        }
    }
}

/// What a line does when its holder has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRelease {
    /// It stays as its holder left it.
    Keep,
    /// It is driven inactive.
    Inactive,
    /// It is driven active.
    Active,
    /// It becomes an input.
    Input,
}

impl Config {
    /// How many sockets it has: the administrator's and two for each group.
    pub fn sockets(&self) -> usize {
        1 + 2 * self.groups.len()
    }

    /// How many of so many places each socket has for itself: of a half of all an equal part, and one at least.
    pub(crate) fn own_places(&self, total: u32) -> usize {
        (total as usize / (2 * self.sockets())).max(1)
    }

    /// For how many more sockets there are places, of those that all share: what is not the own of those it has.
    pub(crate) fn sockets_later(&self) -> usize {
        let Limits { total_connections, total_streams, total_watches, .. } = self.limits;
        let shared = |total: u32| (total as usize).saturating_sub(self.own_places(total) * self.sockets());
        [total_connections, total_streams, total_watches].map(shared).into_iter().min().unwrap_or(0)
    }

    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// All that is wrong with it, not only the first mistake.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let text = read(path).map_err(|error| Problems::unreadable(path, &error))?;
        Self::parse(path, &text)
    }

    /// Checks the text of a configuration file; `path` is for messages.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problems> {
        let file = file::File::parse(text).map_err(|problem| Problems::new(path, vec![problem]))?;
        check::check(path, text, file).map_err(|problems| Problems::new(path, problems))
    }
}

/// Reads a text file that somebody wrote by hand, a configuration or a circuit, and nothing longer than one can be.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`]; what the system says else.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // To open a pipe would wait for whoever writes to it.
    if fs::metadata(path)?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe"));
    }
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {MAX_BYTES} bytes"),
        ));
    }
    Ok(text)
}
