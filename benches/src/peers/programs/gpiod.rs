//! gpiod with its own client library, as an app would use it: a session, or calls of their own.

use crate::Fallible;
use crate::peers::turn::{FREE, Heard, INPUT, OUTPUT, QUIET, Subject, WATCHED};
use crate::process::Process;
use gpiod_sdk::{Client, Input, Output, Session, Value, Watch, WatchItem};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Fields are dropped in this order: client, daemon, its directory.
#[derive(Debug)]
pub(super) struct Gpiod {
    watch: Watch,
    way: Way,
    reactor: Runtime,
    daemon: Process,
    _dir: TempDir,
}

#[derive(Debug)]
enum Way {
    Session { output: Output, input: Input, _session: Session },
    Unary(Client),
}

impl Gpiod {
    /// With a session, whose lines are read, written and watched.
    pub(super) fn session(path: &Path) -> Fallible<Self> {
        Self::start(path, async |client| {
            let session = client.session().output("out").input("in").input("watched").open().await?;
            let (output, input, watched) =
                (session.output("out")?, session.input("in")?, session.input("watched")?);
            let watch = session.watch([&watched]).open().await?;
            Ok((watch, Way::Session { output, input, _session: session }))
        })
    }

    /// Without one: each read and each write is a call of its own.
    pub(super) fn unary(path: &Path) -> Fallible<Self> {
        Self::start(path, async |client| Ok((client.watch(["watched"]).open().await?, Way::Unary(client))))
    }

    fn start(
        path: &Path,
        open: impl AsyncFnOnce(Client) -> Result<(Watch, Way), gpiod_sdk::Error>,
    ) -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let (run, config) = (dir.path().join("run"), dir.path().join("gpiod.toml"));
        let text = format!(
            r#"
run_dir = {run:?}
backend.kind = "cdev"
[[group]]
name = "bench"
lines.out = {{ line = "GPIO{OUTPUT}", direction = "output" }}
lines.in = {{ line = "GPIO{INPUT}", direction = "input" }}
lines.watched = {{ line = "GPIO{WATCHED}", direction = "input" }}
lines.free = {{ line = "GPIO{FREE}", direction = "output", one_shot = true }}
"#
        );
        std::fs::write(&config, text)?;
        let serve = &mut Command::new(path);
        let mut daemon =
            Process::start("gpiod", serve.arg("serve").arg("--config").arg(&config), dir.path())?;
        let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let socket = run.join("groups/bench/gpiod.sock");
        let connect = || Ok(reactor.block_on(Client::at(&socket).name("bench").connect())?);
        let client = daemon.until(connect)?;
        let (mut watch, way) = reactor.block_on(open(client))?;
        match reactor.block_on(watch.next()) {
            Some(Ok(WatchItem::Values(_))) => Ok(Self { watch, way, reactor, daemon, _dir: dir }),
            other => Err(format!("a watch that does not begin with values: {other:?}").into()),
        }
    }
}

impl Subject for Gpiod {
    fn output(&self) -> u32 {
        match self.way {
            Way::Session { .. } => OUTPUT,
            Way::Unary(_) => FREE,
        }
    }

    fn write(&mut self, high: bool) -> Fallible<()> {
        let value = if high { Value::Active } else { Value::Inactive };
        match &self.way {
            Way::Session { output, .. } => self.reactor.block_on(output.set(value))?,
            Way::Unary(client) => self.reactor.block_on(client.write([("free", value)]))?,
        };
        Ok(())
    }

    fn read(&mut self) -> Fallible<bool> {
        let value = match &self.way {
            Way::Session { input, .. } => self.reactor.block_on(input.read())?,
            Way::Unary(client) => {
                self.reactor.block_on(client.read(["in"]))?.get("in").ok_or("values without the line")?
            }
        };
        Ok(value.is_active())
    }

    fn heard(&mut self) -> Fallible<Option<Heard>> {
        let next = async { tokio::time::timeout(QUIET, self.watch.next()).await };
        match self.reactor.block_on(next) {
            Err(_) => Ok(None),
            Ok(None) => Err("the watch has ended".into()),
            Ok(Some(item)) => Ok(Some(match item? {
                WatchItem::Edge(edge) => Heard { edge_ns: Some(edge.timestamp_ns), lost: 0 },
                WatchItem::Lost(loss) => Heard { edge_ns: None, lost: loss.count.unwrap_or(1) },
                WatchItem::Values(_) => Heard::default(),
            })),
        }
    }

    /// The client answers the daemon's pings meanwhile.
    fn idle(&mut self, span: Duration) {
        self.reactor.block_on(async { tokio::time::sleep(span).await });
    }

    fn processes(&self) -> Vec<&Process> {
        vec![&self.daemon]
    }
}
