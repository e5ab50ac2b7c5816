//! The daemon on a Raspberry Pi's registers, as far as an emulated one goes: model, outputs, functions, and what each
//! output does when the daemon is stopped, killed and started again.
//!
//! Where there is no `/dev/gpiomem` it says so and runs nothing; `scripts/hardware/raspi-guest.sh` boots a board that has
//! it. The daemon's program is the one that `GPIOD` names. Judged are the registers, by a mapping of this program's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod rig;

use gpiod::backend::gpiomem;
use gpiod::backend::{Backend, gpiomem::Gpiomem};
use gpiod::line::{Direction, LineInfo, OnExit};
use gpiod_sdk::Value;
use nix::sys::signal::Signal;
use rig::{LIGHTS, Rig};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};

type Scene = for<'a> fn(&'a Board) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

const ALL: &[(&str, Scene)] = &[
    ("auto takes the registers and knows the model", |board| Box::pin(model(board))),
    ("outputs are what the client sets", |board| Box::pin(outputs(board))),
    ("a pin that another function has is refused, by its name, unless it is taken over", |board| {
        Box::pin(functions(board))
    }),
    ("outputs that are to keep their levels keep them when the daemon is stopped", |board| {
        Box::pin(kept(board, Signal::SIGTERM))
    }),
    ("and when it is killed", |board| Box::pin(kept(board, Signal::SIGKILL))),
    ("an output that is to be an input at times by a reload is claimed and does not move", |board| {
        Box::pin(reloaded(board))
    }),
    ("outputs that are to let go do, or the wish is refused", |board| Box::pin(let_go(board))),
    ("registers that may not be opened say what to grant, and the devices alone are enough", |board| {
        Box::pin(denied(board))
    }),
    ("a container that hides the device tree gets the character device, and the reason", |board| {
        Box::pin(hidden(board))
    }),
];

fn main() -> ExitCode {
    if !Path::new("/dev/gpiomem").exists() {
        println!(
            "tests on a Pi's registers: not run, there is no /dev/gpiomem; make test-hardware emulates a board"
        );
        return ExitCode::SUCCESS;
    }
    let board = Board { eye: gpiomem::open().unwrap() };
    println!("claims here, when they end: {:?}", board.line(9).at_exit.claimed.unwrap());
    // A daemon of another user tells us when it is ready.
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failed = 0;
    for (name, scene) in ALL {
        let run = || reactor.block_on(scene(&board));
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok();
        println!("{} {name}", if passed { "passed" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    println!("tests on a Pi's registers: {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The registers, looked at from outside of the daemon.
struct Board {
    eye: Gpiomem,
}

impl Board {
    fn line(&self, bcm: u32) -> LineInfo {
        let lines = self.eye.lines().unwrap();
        lines.into_iter().find(|line| line.name == format!("GPIO{bcm}")).unwrap()
    }

    /// Whether a line is an output, and high.
    fn drives(&self, bcm: u32) -> Option<bool> {
        self.line(bcm).drives_high
    }
}

async fn model(_: &Board) {
    let rig = Rig::start(LIGHTS).await;
    let lines = rig.client().await.lines().await.unwrap();
    assert_eq!(lines.backend.kind, "gpiomem");
    assert!(lines.backend.board.starts_with("Raspberry Pi 3 Model B"), "{}", lines.backend.board);
    assert_eq!(lines.get("red").unwrap().header_pin, Some(21));
    assert!(rig.log().contains("a Raspberry Pi's registers and GPIO chip are here"), "{}", rig.log());
    assert!(!Path::new("/dev/mem").exists(), "it needs /dev/gpiomem alone");
}

async fn outputs(board: &Board) {
    let rig = Rig::start(LIGHTS).await;
    let client = rig.client().await;
    assert_eq!([9, 10, 11].map(|bcm| board.drives(bcm)), [Some(false); 3]);
    let session = client.session().output("red").output("green").open().await.unwrap();
    for value in [Value::Active, Value::Inactive, Value::Active] {
        session.output("red").unwrap().set(value).await.unwrap();
        assert_eq!(board.drives(9), Some(value == Value::Active));
        assert_eq!(session.output("red").unwrap().read().await.unwrap(), value);
    }
    session.output("green").unwrap().set(Value::Active).await.unwrap();
    assert_eq!(board.drives(11), Some(true));
    session.close().await.unwrap();
    assert_eq!([9, 10, 11].map(|bcm| board.drives(bcm)), [Some(false); 3]);
}

async fn functions(board: &Board) {
    let function = board.line(14).function.expect("the console's pin");
    assert_eq!(function, "TXD1 (alt5)");
    let console = "[[group]]\nname = \"lights\"\nlines.x = { line = \"GPIO15\", direction = \"output\" }\n";
    let (code, said) = Rig::refused(console).await;
    assert!(code == 78 && said.contains("GPIO15 is in use as RXD1 (alt5)"), "{code}: {said}");
    assert_eq!(board.line(15).function.as_deref(), Some("RXD1 (alt5)"), "it was not touched");
    let rig = Rig::start(&console.replace("\"output\"", "\"output\", take_over = true")).await;
    assert_eq!((board.drives(15), board.line(15).function), (Some(false), None));
    drop(rig);
}

/// A client's lamp, a stop or a kill, a pause without a daemon, a new daemon, and the client again.
async fn kept(board: &Board, signal: Signal) {
    let mut rig = Rig::start(LIGHTS).await;
    let client = rig.client().await;
    let session = client.session().output("red").output("green").open().await.unwrap();
    session.output("red").unwrap().set(Value::Active).await.unwrap();
    assert_eq!([9, 10, 11].map(|bcm| board.drives(bcm)), [Some(true), Some(false), Some(false)]);
    rig.daemon.take().unwrap().signal(signal).await;
    assert_eq!(
        [9, 10, 11].map(|bcm| board.drives(bcm)),
        [Some(true), Some(false), Some(false)],
        "nobody there"
    );
    rig.start_daemon().await;
    assert_eq!(
        [9, 10, 11].map(|bcm| board.drives(bcm)),
        [Some(true), Some(false), Some(false)],
        "taken over"
    );
    assert!(rig.log().contains("output found driven, kept"), "{}", rig.log());
    // The session is the same to its app: it waits until the daemon is back.
    while session.output("red").unwrap().set(Value::Inactive).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(board.drives(9), Some(false));
}

async fn reloaded(board: &Board) {
    let rig = Rig::start(LIGHTS).await;
    let session = rig.client().await.session().output("red").open().await.unwrap();
    let red = session.output("red").unwrap();
    red.set(Value::Active).await.unwrap();
    let ours = Some("gpiod:lights".to_owned());
    let before = [9, 10].map(|bcm| board.line(bcm).consumer);
    let lets_go = board.line(9).at_exit.claimed == Some(OnExit::Input);
    assert_eq!(before, if lets_go { [None, None] } else { [ours.clone(), ours.clone()] });
    let line = "\"GPIO9\", direction = \"output\"";
    rig.reload(line, &format!("{line}, on_release = \"input\"")).await;
    assert_eq!((board.drives(9), board.line(9).consumer), (Some(true), ours));
    assert_eq!((board.drives(10), board.line(10).consumer), (Some(false), before[1].clone()));
    // The same session, which has not noticed.
    red.set(Value::Inactive).await.unwrap();
    assert_eq!(board.drives(9), Some(false));
    session.close().await.unwrap();
    assert_eq!(board.line(9).direction, Direction::Input);
    rig.reload(&format!("{line}, on_release = \"input\""), &line.replace("output", "input")).await;
    assert_eq!(board.line(9).direction, Direction::Input);
}

async fn let_go(board: &Board) {
    let wish = LIGHTS.replace("direction = \"output\"", "direction = \"output\", on_daemon_exit = \"input\"");
    if board.line(9).at_exit.claimed == Some(OnExit::Keep) {
        let (code, said) = Rig::refused(&wish).await;
        assert!(
            code == 69 && said.contains("persist_gpio_outputs") && said.contains("gpiod guard"),
            "{code}: {said}"
        );
        return;
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut rig = Rig::start(&wish).await;
        let session = rig.client().await.session().output("red").open().await.unwrap();
        session.output("red").unwrap().set(Value::Active).await.unwrap();
        assert_eq!(board.drives(9), Some(true));
        assert_eq!(board.line(9).consumer.as_deref(), Some("gpiod:lights"), "claimed, so that it is let go");
        rig.daemon.take().unwrap().signal(signal).await;
        assert_eq!([9, 10, 11].map(|bcm| board.line(bcm).direction), [Direction::Input; 3], "{signal}");
    }
}

async fn denied(_: &Board) {
    const NOBODY: u32 = 65_532;
    let config = format!("[backend]\nkind = \"gpiomem\"\n{LIGHTS}");
    let mode = |device: &str, mode| fs::set_permissions(device, Permissions::from_mode(mode)).unwrap();
    for device in ["/dev/gpiochip0", "/dev/gpiochip1", "/dev/gpiomem"] {
        mode(device, 0o666);
    }
    for device in ["/dev/gpiomem", "/dev/gpiochip0"] {
        mode(device, 0o600);
        let (code, said) = Rig::refused_as(&config, Some(NOBODY)).await;
        let told = said.contains(device) && said.contains("give the daemon read and write access");
        assert!(code == 69 && told, "without {device} {code}: {said}");
        mode(device, 0o666);
    }
    // No capability, no group: the devices, and what every process may read.
    let rig = Rig::start_as(&config, Some(NOBODY)).await;
    assert_eq!(rig.client().await.lines().await.unwrap().backend.kind, "gpiomem");
}

async fn hidden(_: &Board) {
    let mount = |words: &[&str]| {
        assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success(), "{words:?}");
    };
    mount(&["mount", "-t", "tmpfs", "none", "/sys/firmware"]);
    let rig = Rig::start(LIGHTS).await;
    let backend = rig.client().await.lines().await.unwrap().backend;
    mount(&["umount", "/sys/firmware"]);
    assert_eq!(
        (&*backend.kind, &*backend.board),
        ("cdev", "Raspberry Pi 1, 2, 3 or Zero (by its GPIO chip)")
    );
    assert!(rig.log().contains("rppal does not know the board"), "{}", rig.log());
}
