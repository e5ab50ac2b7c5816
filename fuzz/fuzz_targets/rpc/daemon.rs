//! A daemon in this process, on a board in memory.

use crate::calls::{Call, Client};
use board::Board;
use gpiod::backend::Backend;
use gpiod::broker::{Broker, Scope};
use gpiod::config::Config;
use gpiod::error::Error;
use gpiod::programs::Programs;
use gpiod::server::admin::Order;
use gpiod::server::socket::RunDir;
use gpiod::server::{self, Served};
use gpiod::state_file::StateFile;
use gpiod::wiring::Wiring;
use gpiod_proto::v1::ListLinesRequest;
use gpiod_proto::v1::gpio_service_client::GpioServiceClient;
use nix::sys::signal::{SigSet, Signal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[path = "../../../gpiod/tests/model/board.rs"]
#[allow(dead_code, reason = "another test uses all of it")]
mod board;

const CONFIG: &str = r#"
[limits]
sessions = 4
watches = 8
programs = 2
program_steps = 16
program_ms = 5
message_bytes = 4096
watch_events = 16

[[group]]
name = "swift"
lines.red = { line = "L0", direction = "output" }
lines.shot = { line = "L1", direction = "output", one_shot = true, on_release = "keep" }
lines.either = { line = "L2", direction = "both", bias = "disabled" }
lines.in = { line = "L3", direction = "input" }

[[group]]
name = "patient"
grace = "5ms"
lines.up = { line = "L4", direction = "output", on_release = "active" }
lines.in = { line = "L3", direction = "input" }
"#;

/// What a line may take to be free again before it is taken for lost.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Daemon {
    _dir: TempDir,
    board: Board,
    /// Those of the groups, to watch them, and the administrator's.
    sockets: Vec<PathBuf>,
    admin: PathBuf,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

impl Daemon {
    /// Starts it on a thread of its own, for as long as this process lives.
    pub(crate) fn start() -> Self {
        // Rust's own start of a program, which libFuzzer replaces, would ignore it: an answer to a client that has
        // gone is an error and no signal.
        SigSet::from(Signal::SIGPIPE).thread_block().expect("it may be blocked");
        let dir = tempfile::tempdir().expect("a directory");
        let board = Board::new();
        let (path, on) = (dir.path().to_owned(), board.clone());
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            runtime().block_on(async {
                tell.send(serve(&path, on).await).expect("somebody waits for it");
                std::future::pending::<()>().await;
            });
        });
        let (sockets, admin) = told.recv().expect("it serves");
        Self { _dir: dir, board, sockets, admin }
    }

    /// Lets a client do all this, and then go.
    pub(crate) fn suffer(&self, calls: &[Call]) {
        let clients = runtime();
        clients.block_on(async {
            let mut client = Client::new(&self.sockets);
            for call in calls.iter().take(12) {
                client.call(call).await;
            }
        });
        // As when a client is killed: its sockets are closed, whatever its library still had in hand. A client that
        // only drops the answers, and whose own requests do not end, has not gone: nothing tells the daemon of it.
        drop(clients);
        let freed = runtime().block_on(async { tokio::time::timeout(PATIENCE, self.all_is_free()).await });
        freed.expect("a line is held although all clients have gone");
        assert!(!self.board.pins()[0].high, "swift/red is not held, and on");
    }

    async fn all_is_free(&self) {
        let channel = crate::calls::connect(&self.admin).await.expect("the daemon takes connections");
        let mut client = GpioServiceClient::new(channel);
        loop {
            let list = client.list_lines(ListLinesRequest {}).await.expect("the daemon answers").into_inner();
            if list.lines.iter().all(|line| line.holder.is_none()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn serve(dir: &Path, board: Board) -> (Vec<PathBuf>, PathBuf) {
    let config = Config::parse(Path::new("gpiod.toml"), CONFIG).expect("valid");
    let wiring = Wiring::bind(&config, &board.lines().expect("in memory")).expect("its lines are there");
    let run_dir = RunDir::take(&dir.join("run")).expect("ours");
    let (file, _) = StateFile::open(run_dir.path());
    let (broker, _) =
        Broker::new(Arc::new(board), wiring, config.limits, file.section(), Vec::new(), 0).expect("free");
    let programs = Programs::start(config.limits.program_burst_ns()).await.expect("a thread");
    let sockets = run_dir.bind(&config).expect("sockets");
    let (orders, mut given) = mpsc::channel(4);
    let (_, changes) = mpsc::channel(1);
    let paths = sockets.iter().map(|socket| socket.path.clone()).collect();
    let admin = sockets.iter().find(|socket| socket.scope == Scope::Admin).map(|socket| socket.path.clone());
    tokio::spawn(release_away(Arc::clone(&broker)));
    let ordered = Arc::clone(&broker);
    tokio::spawn(async move {
        while let Some(order) = given.recv().await {
            match order {
                Order::Release { group, reason, answer, .. } => {
                    let released = ordered.release_group(&group, &reason);
                    let none = || Error::GroupNotFound { group, known: Vec::new() };
                    drop(answer.send(released.ok_or_else(none)));
                }
                Order::Reload { answer } => {
                    drop(answer.send(Err(Error::ConfigRefused("there is no file".to_owned()))));
                }
            }
        }
    });
    let served = Served { broker, programs, orders };
    tokio::spawn(async move {
        let _lock = run_dir;
        server::run(served, sockets, changes, CancellationToken::new()).await.expect("it serves");
        panic!("nobody told it to stop");
    });
    (paths, admin.expect("it has one"))
}

/// As the daemon does it.
async fn release_away(broker: Arc<Broker>) {
    let changed = broker.away_changed();
    loop {
        let Some(until_ns) = broker.away_until() else {
            changed.notified().await;
            continue;
        };
        let left = Duration::from_nanos(until_ns.saturating_sub(gpiod::clock::now_ns()));
        tokio::select! {
            () = tokio::time::sleep(left) => broker.release_away(gpiod::clock::now_ns()),
            () = changed.notified() => {}
        }
    }
}
