//! The simulated board, as a process of its own; its control socket is the hand and the eye.

use super::Bench;
use gpiod::backend::Backend;
use gpiod::backend::sim::{self, Sim};
use gpiod::board::Line;
use gpiod::board::client::Client;
use gpiod::board::model::Fault;
use gpiod::board::record::Change;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(super) struct Simulated {
    dir: TempDir,
    child: Child,
    backend: Sim,
    reactor: Runtime,
    variant: Option<String>,
}

impl Simulated {
    /// Starts a board; `variant` is the kernel whose manners it has.
    pub(super) fn start(variant: Option<&str>) -> Self {
        let dir = TempDir::new().unwrap();
        let notify = dir.path().join("notify");
        let ready = UnixDatagram::bind(&notify).unwrap();
        ready.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gpiod"));
        command.arg("board").arg("--dir").arg(dir.path());
        if let Some(kernel) = variant {
            command.args(["--kernel", kernel]);
        }
        let child = command.env("NOTIFY_SOCKET", notify).stderr(Stdio::null()).spawn().unwrap();
        let mut word = [0; 64];
        assert!(ready.recv(&mut word).unwrap() > 0);
        let backend = sim::connect(dir.path()).unwrap();
        let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { dir, child, backend, reactor, variant: variant.map(str::to_owned) }
    }

    fn client<T>(&self, ask: impl AsyncFnOnce(&mut Client) -> T) -> T {
        self.reactor.block_on(async { ask(&mut Client::connect(self.dir.path()).await.unwrap()).await })
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bench for Simulated {
    fn name(&self) -> String {
        self.variant.as_ref().map_or_else(|| "sim".to_owned(), |variant| format!("sim as {variant}"))
    }

    fn begin(&self) {
        // Nothing to clear is not a mistake here.
        let _ = self.client(async |client| client.clear(None).await);
    }

    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn reach(&self) -> (&'static str, String) {
        ("sim", self.dir.path().display().to_string())
    }

    fn set(&self, bcm: u32, high: bool) -> Option<()> {
        let line = Line::new(bcm).unwrap();
        let fault = if high { Fault::StuckHigh(line) } else { Fault::StuckLow(line) };
        self.client(async |client| client.fault(fault).await.unwrap());
        Some(())
    }

    fn is_high(&self, bcm: u32) -> bool {
        self.client(async |client| client.state().await.unwrap().lines[bcm as usize].high)
    }

    fn levels_during(&self, bcm: u32, act: &mut dyn FnMut()) -> Vec<bool> {
        let mut levels = vec![self.is_high(bcm)];
        let since = self.client(async |client| client.state().await.unwrap().last_seq);
        act();
        let page = self.client(async |client| client.record(since).await.unwrap());
        let of_line =
            |entry: &&gpiod::board::record::Entry| entry.change == Change::Level && entry.line.bcm() == bcm;
        levels.extend(page.entries.iter().filter(of_line).map(|entry| entry.high));
        levels
    }

    fn has_manners_of_gpio_sim(&self) -> bool {
        self.variant.as_deref() == Some("gpio-sim")
    }
}
