//! The daemon that is measured, in a directory of its own: `gpiod` on the simulated board, or all of `gpiod serve` within
//! this program, on pins in its own memory.

use crate::Fallible;
use crate::pins::Pins;
use crate::process::Process;
use gpiod::config::Config;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The bench that is a daemon: its arguments are its configuration and where edges come from.
pub(crate) const NAME: &str = "daemon";

/// Limits that no measurement reaches.
pub(crate) const NO_LIMITS: &str = "\
connections = 512
total_connections = 1024
streams = 1024
total_streams = 2048
sessions = 512
watches = 2048
total_watches = 4096
socket_events_per_s = 10000000
";

/// A group with an output to be held, one to be set without, and an input.
const BENCH: &str = "\
[[group]]
name = \"bench\"
lines.out = { line = \"GPIO22\", direction = \"output\" }
lines.lamp = { line = \"GPIO23\", direction = \"output\", one_shot = true }
lines.in = { line = \"GPIO27\", direction = \"input\" }
";

/// Runs the daemon on pins of its own until it is told to stop.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> Fallible<()> {
    let mut path = || arguments.next().map(PathBuf::from).ok_or("which files?");
    let (config, edges) = (path()?, path()?);
    gpiod::log::init(None).map_err(|failure| failure.to_string())?;
    let config = Config::load(&config).map_err(|problems| problems.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reach = |_: &Config| Ok(Box::new(Pins::new(edges)) as Box<dyn gpiod::backend::Backend>);
    runtime.block_on(gpiod::serve::run_on(reach, config, None)).map_err(|failure| failure.to_string().into())
}

/// A daemon that serves.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Process,
    _board: Option<Process>,
    dir: TempDir,
}

impl Daemon {
    /// One on pins of its own with the group `bench`, run by this program, or by another that runs what it is given, such
    /// as `strace`.
    pub(crate) fn on_pins(by: &[&str]) -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let config = write_config(dir.path(), NO_LIMITS, BENCH)?;
        let itself = std::env::current_exe()?;
        let mut command = match by {
            [] => Command::new(&itself),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&itself);
                command
            }
        };
        command.arg(NAME).arg(config).arg(dir.path().join("edges"));
        Self::listening(command, None, dir)
    }

    /// A gpiod on the simulated board, whose circuit, limits and groups are given as they stand in their files.
    pub(crate) fn on_board(
        gpiod: &Path,
        circuit: &str,
        limits: impl Display,
        groups: &str,
    ) -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let config = write_config(dir.path(), limits, groups)?;
        let (board, circuit_file) = (dir.path().join("board"), dir.path().join("circuit.toml"));
        fs::write(&circuit_file, circuit)?;
        let mut command = Command::new(gpiod);
        command.arg("board").arg("--dir").arg(&board).arg("--circuit").arg(circuit_file);
        let mut simulated = Process::start("board", &mut command, dir.path())?;
        simulated.until(|| Ok(fs::metadata(board.join("lines.sock"))?))?;
        let mut command = Command::new(gpiod);
        command.args(["serve", "--config"]).arg(config);
        Self::listening(command, Some(simulated), dir)
    }

    fn listening(mut command: Command, board: Option<Process>, dir: TempDir) -> Fallible<Self> {
        let mut process = Process::start(NAME, &mut command, dir.path())?;
        let log = dir.path().join(format!("{NAME}.log"));
        process.until(|| {
            let text = fs::read_to_string(&log)?;
            if text.contains("listening") { Ok(()) } else { Err("it does not listen".into()) }
        })?;
        Ok(Self { process, _board: board, dir })
    }

    /// The socket of a group, or another below the run directory, such as `watch/bench`.
    pub(crate) fn socket(&self, below: &str) -> PathBuf {
        self.dir.path().join("run").join(below).join("gpiod.sock")
    }

    /// The socket of the group on pins.
    pub(crate) fn bench(&self) -> PathBuf {
        self.socket("groups/bench")
    }

    /// Where edges of pins come from.
    pub(crate) fn edges(&self) -> PathBuf {
        self.dir.path().join("edges")
    }

    /// Its configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("gpiod.toml")
    }

    /// A directory for what belongs to it.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

fn write_config(dir: &Path, limits: impl Display, groups: &str) -> Fallible<PathBuf> {
    let (path, run_dir, board) = (dir.join("gpiod.toml"), dir.join("run"), dir.join("board"));
    let text = format!(
        "run_dir = {run_dir:?}\n[backend]\nkind = \"sim\"\nboard = {board:?}\n[limits]\n{limits}\n{groups}"
    );
    fs::write(&path, text)?;
    Ok(path)
}
