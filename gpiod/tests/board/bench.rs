//! A board on the bench: started for one test, in a directory of its own, gone with it.

use gpiod::backend::sim::Sim;
use gpiod::backend::{Backend, EdgeSource, HeldLines, Wanted};
use gpiod::board::client::Client;
use gpiod::line::{Bias, Direction, Drive, EdgeEvent, LineConfig, LineId, Value};
use gpiod::reactor::{self, Descriptor};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::unix::AsyncFd;

/// Longer than anything here should take, and shorter than anybody's patience.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Board {
    pub(crate) dir: TempDir,
    pub(crate) child: Child,
}

impl Board {
    /// Starts a board with this circuit and waits until it says that it is ready.
    pub(crate) fn start(circuit: &str, arguments: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let (file, notify) = (dir.path().join("circuit.toml"), dir.path().join("notify"));
        std::fs::write(&file, circuit).unwrap();
        let ready = UnixDatagram::bind(&notify).unwrap();
        ready.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = command(dir.path(), arguments)
            .arg("--circuit")
            .arg(file)
            .env("NOTIFY_SOCKET", notify)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let board = Self { dir, child };
        let mut word = [0; 64];
        let n = ready.recv(&mut word).unwrap();
        assert_eq!(&word[..n], b"READY=1\n");
        board
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn backend(&self) -> Sim {
        gpiod::backend::sim::connect(self.path()).unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.path()).await.unwrap()
    }

    /// Holds these lines as `test`.
    pub(crate) fn hold(&self, lines: &[(u32, LineConfig)]) -> (Box<dyn HeldLines>, Edges) {
        let request = self.backend().request("test", &wanted(lines)).unwrap().pop().unwrap();
        (request.lines, Edges::new(request.edges.unwrap()))
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `gpiod board` for the board in this directory.
pub(crate) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpiod"));
    command.arg("board").arg("--dir").arg(dir).args(arguments);
    command
}

/// Edges as the daemon awaits them: in a reactor.
pub(crate) struct Edges(AsyncFd<Descriptor<Box<dyn EdgeSource>>>);

impl Edges {
    fn new(edges: Box<dyn EdgeSource>) -> Self {
        Self(reactor::readable(edges).unwrap())
    }

    /// Waits until so many edges have come, and returns all that have.
    pub(crate) async fn next(&mut self, count: usize) -> Vec<EdgeEvent> {
        let mut edges = Vec::new();
        let all = async {
            while edges.len() < count {
                let mut ready = self.0.readable_mut().await.unwrap();
                ready.get_inner_mut().0.read(&mut edges).unwrap();
                ready.clear_ready();
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("edges come");
        edges
    }

    /// The edges that have arrived, without waiting.
    pub(crate) fn now(&mut self) -> Result<Vec<EdgeEvent>, gpiod::backend::Error> {
        let mut edges = Vec::new();
        self.0.get_mut().0.read(&mut edges).map(|_| edges)
    }
}

pub(crate) fn wanted(lines: &[(u32, LineConfig)]) -> Vec<Wanted> {
    let wanted =
        |(bcm, config): &(u32, _)| Wanted { id: line(*bcm), config: *config, as_found: false, claim: true };
    lines.iter().map(wanted).collect()
}

pub(crate) fn line(bcm: u32) -> LineId {
    LineId { chip: 0, offset: bcm }
}

pub(crate) fn input() -> LineConfig {
    LineConfig {
        direction: Direction::Input,
        value: Value::Inactive,
        bias: None,
        drive: Drive::PushPull,
        active_low: false,
        edges: true,
        debounce_ns: 0,
    }
}

pub(crate) fn output() -> LineConfig {
    LineConfig { direction: Direction::Output, edges: false, ..input() }
}

pub(crate) fn with_bias(bias: Bias, config: LineConfig) -> LineConfig {
    LineConfig { bias: Some(bias), ..config }
}
