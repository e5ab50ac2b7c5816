//! A daemon on the kernel's chip, and the apps beside it.

use crate::chip::Chip;
use crate::fixture::{self, Process};
use gpiod_sdk::Client;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::Command;

/// The wiring of the demo, a button and a jumper, on whatever board there is.
pub(crate) const CONFIG: &str = r#"
# More than the kernel keeps for a daemon that is stopped.
[limits]
watch_events = 2048

[[group]]
name = "traffic-light"
lines.red    = { line = "GPIO9",  direction = "output" }
lines.yellow = { line = "GPIO10", direction = "output" }
lines.green  = { line = "GPIO11", direction = "output" }

[[group]]
name = "light-sensor"
lines.light = { line = "GPIO4", direction = "both", bias = "disabled" }

[[group]]
name = "bench"
lines.out    = { line = "GPIO22", direction = "output" }
lines.wave   = { line = "GPIO27", direction = "input" }
lines.button = { line = "GPIO17", direction = "input", active_low = true, debounce = "2ms" }
"#;

pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) daemon: Option<Process>,
}

impl Rig {
    pub(crate) async fn start(_chip: &Chip) -> Self {
        let mut rig = Self::prepare(CONFIG);
        rig.start_daemon().await;
        rig
    }

    /// A configuration in a directory, and no daemon yet.
    pub(crate) fn prepare(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let head = format!("run_dir = {:?}\n", dir.path().join("run"));
        std::fs::write(dir.path().join("gpiod.toml"), head + config).unwrap();
        Self { dir, daemon: None }
    }

    pub(crate) fn serve(&self) -> Command {
        let mut command = fixture::gpiod();
        command.arg("serve").arg("--config").arg(self.path("gpiod.toml"));
        command
    }

    pub(crate) async fn start_daemon(&mut self) {
        self.daemon = Some(Process::start(self.dir.path(), "daemon", &mut self.serve()).await);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self, group: &str) -> PathBuf {
        self.path(&format!("run/groups/{group}/gpiod.sock"))
    }

    pub(crate) async fn client(&self, group: &str) -> Client {
        Client::at(self.socket(group)).name("test").connect().await.unwrap()
    }

    /// An app on its group.
    pub(crate) fn app(&self, name: &str, arguments: &[&str]) -> Command {
        let path = Path::new(env!("CARGO_BIN_EXE_gpiod")).with_file_name(name);
        assert!(path.exists(), "{} is missing: run cargo build --workspace", path.display());
        let mut command = Command::new(path);
        command.env("GPIOD_SOCKET", self.socket(name)).args(arguments);
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap()
    }

    /// Starts a daemon that can not start, and answers its exit code and what it said.
    pub(crate) async fn refused(mut command: Command) -> (i32, String) {
        command.stdin(Stdio::null()).kill_on_drop(true);
        let ended =
            tokio::time::timeout(fixture::PATIENCE, command.output()).await.expect("it ends").unwrap();
        (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
    }
}
