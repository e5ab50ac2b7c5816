//! A daemon on the board's registers.

use crate::fixture::{self, Process};
use gpiod_sdk::Client;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::Command;

/// Three lamps, as the traffic light has them.
pub(crate) const LIGHTS: &str = r#"
[[group]]
name = "lights"
lines.red    = { line = "GPIO9", direction = "output" }
lines.yellow = { line = "GPIO10", direction = "output" }
lines.green  = { line = "GPIO11", direction = "output" }
"#;

pub(crate) struct Rig {
    dir: TempDir,
    user: Option<u32>,
    pub(crate) daemon: Option<Process>,
}

/// A scene that fails shows what its daemon said: nobody can look for it on an emulated board.
impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the daemon said:\n{}", self.log());
        }
    }
}

impl Rig {
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_as(config, None).await
    }

    /// With the daemon as another user than root.
    pub(crate) async fn start_as(config: &str, user: Option<u32>) -> Self {
        let mut rig = Self::prepare(config, user);
        rig.start_daemon().await;
        rig
    }

    fn prepare(config: &str, user: Option<u32>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        chown(dir.path(), user, user).unwrap();
        let head = format!("run_dir = {:?}\n", dir.path().join("run"));
        std::fs::write(dir.path().join("gpiod.toml"), head + config).unwrap();
        Self { dir, user, daemon: None }
    }

    fn serve(&self) -> Command {
        let program = std::env::var_os("GPIOD").unwrap_or_else(|| env!("CARGO_BIN_EXE_gpiod").into());
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(self.dir.path().join("gpiod.toml"));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    pub(crate) async fn start_daemon(&mut self) {
        self.daemon = Some(Process::start(self.dir.path(), "daemon", &mut self.serve()).await);
    }

    /// Makes the daemon take another configuration.
    pub(crate) async fn reload(&self, old: &str, new: &str) {
        let path = self.dir.path().join("gpiod.toml");
        let text = fs::read_to_string(&path).unwrap().replace(old, new);
        fs::write(path, text).unwrap();
        let admin = Client::at(self.dir.path().join("run/admin/gpiod.sock")).connect().await.unwrap();
        admin.reload_config().await.unwrap();
    }

    pub(crate) async fn client(&self) -> Client {
        let socket = self.dir.path().join("run/groups/lights/gpiod.sock");
        Client::at(socket).name("test").connect().await.unwrap()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("daemon.log")).unwrap()
    }

    /// Starts a daemon that can not start, and answers its exit code and what it said.
    pub(crate) async fn refused(config: &str) -> (i32, String) {
        Self::refused_as(config, None).await
    }

    pub(crate) async fn refused_as(config: &str, user: Option<u32>) -> (i32, String) {
        let rig = Self::prepare(config, user);
        let mut command = rig.serve();
        command.stdin(Stdio::null()).kill_on_drop(true);
        let ended =
            tokio::time::timeout(fixture::PATIENCE, command.output()).await.expect("it ends").unwrap();
        (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
    }
}
