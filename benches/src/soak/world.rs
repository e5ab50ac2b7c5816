//! A board and a daemon as processes in a directory of their own, and the board's record as it grows.

use crate::{Fallible, now_ns};
use futures_util::{Stream, StreamExt};
use gpiod::board::client::{Client as Board, Error};
use gpiod::board::record::{Change, Entry, Page};
use gpiod_sdk::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

/// The longest that anything may take before it counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must come.
pub(crate) async fn in_time<T>(what: &str, wait: impl Future<Output = T>) -> Fallible<T> {
    tokio::time::timeout(PATIENCE, wait).await.map_err(|_| format!("stuck: {what}").into())
}

/// A process that told that it is ready; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program(Child);

impl Program {
    async fn start(dir: &Path, name: &str, command: &mut Command) -> Fallible<Self> {
        let path = dir.join(format!("{name}.notify"));
        let _ = fs::remove_file(&path);
        let notify = UnixDatagram::bind(&path)?;
        let log = dir.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        command.env("NOTIFY_SOCKET", &path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut said = [0; 256];
        tokio::select! {
            received = in_time(name, notify.recv(&mut said)) => { received??; }
            status = child.wait() => {
                return Err(format!("{name} ended with {}: {}", status?, fs::read_to_string(log)?).into());
            }
        }
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> Fallible<Pid> {
        let pid = self.0.id().ok_or("it has ended")?;
        Ok(Pid::from_raw(i32::try_from(pid)?))
    }

    /// Sends a signal. Answers the moment just before.
    pub(crate) fn signal(&self, signal: Signal) -> Fallible<u64> {
        let pid = self.pid()?;
        let at_ns = now_ns();
        kill(pid, signal)?;
        Ok(at_ns)
    }

    pub(crate) async fn ended(&mut self) -> Fallible<ExitStatus> {
        Ok(in_time("a process that does not end", self.0.wait()).await??)
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Fallible<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }
}

/// A board with its daemon.
#[derive(Debug)]
pub(crate) struct World {
    dir: TempDir,
    gpiod: PathBuf,
    _board: Program,
    pub(crate) daemon: Option<Program>,
}

impl World {
    /// A board that has what `circuit` says, and the configuration of a daemon that is not started yet.
    pub(crate) async fn new(gpiod: &Path, config: &str, circuit: &str) -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let board = dir.path().join("board");
        let file = dir.path().join("circuit.toml");
        fs::write(&file, circuit)?;
        let run = dir.path().join("run");
        let backend = format!("\n[backend]\nkind = \"sim\"\nboard = {board:?}\n");
        fs::write(dir.path().join("gpiod.toml"), format!("run_dir = {run:?}\n{config}{backend}"))?;
        let mut command = Command::new(gpiod);
        command.args(["board", "--kernel", "raspberry-pi", "--dir"]).arg(&board).arg("--circuit").arg(&file);
        let board = Program::start(dir.path(), "board", &mut command).await?;
        Ok(Self { dir, gpiod: gpiod.to_owned(), _board: board, daemon: None })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) async fn start_daemon(&mut self) -> Fallible<()> {
        self.start_daemon_by(Command::new(&self.gpiod)).await
    }

    /// By a command to which the daemon's arguments are added.
    pub(crate) async fn start_daemon_by(&mut self, mut command: Command) -> Fallible<()> {
        command.arg("serve").arg("--config").arg(self.path("gpiod.toml"));
        self.daemon = Some(Program::start(self.dir.path(), "daemon", &mut command).await?);
        Ok(())
    }

    pub(crate) async fn start_guard(&self, wait: &str) -> Fallible<Program> {
        let mut command = Command::new(&self.gpiod);
        command.args(["guard", "--wait", wait, "--config"]).arg(self.path("gpiod.toml"));
        Program::start(self.dir.path(), "guard", &mut command).await
    }

    /// Ends the daemon, and waits until it is gone. Answers the moment just before the signal, and how it ended.
    pub(crate) async fn end_daemon(&mut self, signal: Signal) -> Fallible<(u64, ExitStatus)> {
        let mut daemon = self.daemon.take().ok_or("there is no daemon")?;
        let at_ns = daemon.signal(signal)?;
        Ok((at_ns, daemon.ended().await?))
    }

    pub(crate) fn socket(&self, group: &str) -> PathBuf {
        self.path(&format!("run/groups/{group}/gpiod.sock"))
    }

    pub(crate) async fn client(&self, group: &str) -> Fallible<Client> {
        Ok(Client::at(self.socket(group)).name("soak").wait(PATIENCE).connect().await?)
    }

    pub(crate) async fn board(&self) -> Fallible<Board> {
        Ok(Board::connect(&self.path("board")).await?)
    }

    /// The record from now on.
    pub(crate) async fn follow(&self) -> Fallible<Follow> {
        let mut board = self.board().await?;
        let seen = board.state().await?.last_seq;
        Ok(Follow { pages: Box::new(board.follow(seen).await?), seen })
    }

    /// Holds that are left, told by the daemon and by its state file.
    pub(crate) async fn leaked(&self) -> Fallible<Vec<String>> {
        let admin = Client::at(self.path("run/admin/gpiod.sock")).connect().await?;
        let lines = admin.lines().await?.lines;
        let of = |line: gpiod_sdk::Line| {
            line.holder.map(|holder| format!("{} is held by {}", line.name, holder.name))
        };
        let mut leaked: Vec<String> = lines.into_iter().filter_map(of).collect();
        let state = gpiod::state_file::parse(&fs::read(self.path("run/state"))?)?;
        leaked.extend(state.sessions.iter().map(|session| format!("the state file has {}", session.name)));
        Ok(leaked)
    }
}

/// The record as it grows.
pub(crate) struct Follow {
    pages: Box<dyn Stream<Item = Result<Page, Error>> + Send + Unpin>,
    /// The newest entry that was taken.
    pub(crate) seen: u64,
}

impl Follow {
    /// What is new, as soon as there is something.
    pub(crate) async fn next(&mut self) -> Fallible<Vec<Entry>> {
        let page = self.pages.next().await.ok_or("the board has gone")??;
        if page.dropped > 0 {
            return Err(
                format!("{} entries of the record were dropped before they were read", page.dropped).into()
            );
        }
        self.seen = page.entries.last().map_or(self.seen, |entry| entry.seq);
        Ok(page.entries)
    }
}

/// Whether an entry is a change of this line's level.
pub(crate) fn is_level(entry: &Entry, line: &str) -> bool {
    entry.change == Change::Level && entry.line.to_string() == line
}
