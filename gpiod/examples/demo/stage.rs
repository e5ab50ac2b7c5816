//! Where the demo plays: a temporary directory with the configuration, and the four processes.

use crate::Failure;
use crate::process::Process;
use futures_util::future::select_all;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::mpsc;

/// What is wired to the board.
const CIRCUIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/circuit.toml");
/// The daemon's configuration, but for where it runs.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/gpiod.toml");
/// How many lines of readings may wait for the show.
const READINGS: usize = 64;

/// The directory and the processes in it. Nothing of it is left after [`Stage::clear`].
#[derive(Debug)]
pub(crate) struct Stage {
    dir: TempDir,
    programs: PathBuf,
    /// In the order in which they were started.
    processes: Vec<Process>,
}

impl Stage {
    /// An empty stage.
    pub(crate) fn new() -> Result<Self, Failure> {
        let dir = tempfile::Builder::new().prefix("gpiod-demo-").tempdir();
        let dir = dir.map_err(|error| format!("no temporary directory: {error}"))?;
        Ok(Self { dir, programs: programs()?, processes: Vec::new() })
    }

    /// Where the board's sockets are.
    pub(crate) fn board_dir(&self) -> PathBuf {
        self.dir.path().join("board")
    }

    /// The socket that sees all lines.
    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.dir.path().join("run/admin/gpiod.sock")
    }

    /// Starts board and daemon.
    pub(crate) async fn start_board_and_daemon(&mut self) -> Result<(), Failure> {
        let config = self.dir.path().join("gpiod.toml");
        self.write_config(&config)?;
        let mut board = self.command("gpiod")?;
        board.arg("board").arg("--dir").arg(self.board_dir()).arg("--circuit").arg(CIRCUIT);
        self.start("board", board).await?;
        let mut daemon = self.command("gpiod")?;
        daemon.arg("serve").arg("--config").arg(&config);
        self.start("daemon", daemon).await
    }

    /// Starts the apps, each with nothing but the socket of its own line group. Gives the light sensor's lines.
    pub(crate) fn start_apps(&mut self) -> Result<mpsc::Receiver<String>, Failure> {
        let (sender, readings) = mpsc::channel(READINGS);
        self.start_app("traffic-light", &[], None)?;
        self.start_app("light-sensor", &["--json"], Some(sender))?;
        Ok(readings)
    }

    /// Done when a process has ended that should not: says which, and its last lines.
    pub(crate) async fn died(&mut self) -> Failure {
        if self.processes.is_empty() {
            return std::future::pending().await;
        }
        let waiting = self.processes.iter_mut().map(|process| Box::pin(process.ended()));
        let (status, which, _) = select_all(waiting).await;
        self.processes[which].obituary(status).await
    }

    /// Ends the apps, and leaves board and daemon for a last look.
    pub(crate) async fn stop_apps(&mut self) -> Result<(), Failure> {
        self.stop_to(2).await
    }

    /// Ends what still runs, the last started first, and removes the directory.
    pub(crate) async fn clear(mut self) -> Result<(), Failure> {
        let stopped = self.stop_to(0).await;
        let path = self.dir.path().to_owned();
        let removed = self.dir.close().map_err(|error| format!("{} is left: {error}", path.display()));
        stopped.and(removed)
    }

    async fn stop_to(&mut self, left: usize) -> Result<(), Failure> {
        let mut result = Ok(());
        while self.processes.len() > left
            && let Some(mut process) = self.processes.pop()
        {
            result = result.and(process.stop().await);
        }
        result
    }

    async fn start(&mut self, name: &'static str, command: Command) -> Result<(), Failure> {
        let process = Process::spawn_ready(name, command, self.dir.path()).await?;
        self.processes.push(process);
        Ok(())
    }

    fn start_app(
        &mut self,
        name: &'static str,
        args: &[&str],
        lines: Option<mpsc::Sender<String>>,
    ) -> Result<(), Failure> {
        let socket = self.dir.path().join("run/groups").join(name).join("gpiod.sock");
        let mut command = self.command(name)?;
        command.args(args).env("GPIOD_SOCKET", socket);
        self.processes.push(Process::spawn(name, command, lines)?);
        Ok(())
    }

    fn command(&self, program: &str) -> Result<Command, Failure> {
        let path = self.programs.join(program);
        if !path.exists() {
            return Err(format!("{} is not built: `make demo` builds it", path.display()));
        }
        let mut command = Command::new(path);
        command.current_dir(self.dir.path());
        Ok(command)
    }

    /// The configuration as it stands in the project, but run here.
    fn write_config(&self, to: &Path) -> Result<(), Failure> {
        let fail = |error: &dyn std::fmt::Display| format!("{CONFIG}: {error}");
        let text = fs::read_to_string(CONFIG).map_err(|error| fail(&error))?;
        let mut config: toml::Table = text.parse().map_err(|error| fail(&error))?;
        let path = |name: &str| toml::Value::from(self.dir.path().join(name).to_string_lossy().into_owned());
        config.insert("run_dir".to_owned(), path("run"));
        if let Some(backend) = config.get_mut("backend").and_then(toml::Value::as_table_mut) {
            backend.insert("board".to_owned(), path("board"));
        }
        let text = toml::to_string(&config).map_err(|error| fail(&error))?;
        fs::write(to, text).map_err(|error| format!("{}: {error}", to.display()))
    }
}

/// Where cargo puts programs: one directory above its examples.
fn programs() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let dir = own.parent().and_then(Path::parent);
    dir.map(Path::to_owned).ok_or_else(|| format!("{} is in no target directory", own.display()))
}
