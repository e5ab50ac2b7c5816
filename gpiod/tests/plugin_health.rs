//! Whether what is offered to a kubelet can be used, both ways: a line that another program takes and gives back, and
//! accesses that fail and no longer do. The board is a simulated one that is told when to fail.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;
mod kubelet;

use fixture::{PATIENCE, Rig};
use gpiod::backend::sim::{Sim, connect};
use gpiod::backend::{Backend, ChangeSource, Error, HeldLines, Request, Wanted};
use gpiod::config::Config;
use gpiod::line::{AtExit, LineConfig, LineId, LineInfo, Moment, OnExit, Values};
use gpiod::serve;
use kubelet::Kubelet;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const GROUPS: &str = r#"
[[group]]
name = "door"
lines.lock = { line = "GPIO20", direction = "output" }

[[group]]
name = "lamp"
lines.lamp = { line = "GPIO21", direction = "output" }
"#;

/// A board whose outputs are driven without a claim, so that others can take them, and whose accesses fail when told.
#[derive(Debug)]
struct Flaky {
    board: Sim,
    fails: Arc<AtomicBool>,
    others: UnixStream,
}

impl Backend for Flaky {
    fn kind(&self) -> &'static str {
        "sim"
    }

    fn board(&self) -> &str {
        self.board.board()
    }

    fn atomic_writes(&self) -> bool {
        true
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        let at_exit = AtExit { claimed: Some(OnExit::Input), unclaimed: true };
        Ok(self.board.lines()?.into_iter().map(|info| LineInfo { at_exit, ..info }).collect())
    }

    fn request(&self, consumer: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
        let flaky = |request: Request| {
            let lines = FlakyLines { held: request.lines, fails: Arc::clone(&self.fails) };
            Request { lines: Box::new(lines), ..request }
        };
        Ok(self.board.request(consumer, lines)?.into_iter().map(flaky).collect())
    }

    fn changes(&self, _: &[LineId]) -> Result<Vec<Box<dyn ChangeSource>>, Error> {
        let lock = self.lines()?.into_iter().find(|info| info.name == "GPIO20").unwrap();
        Ok(vec![Box::new(Others { told: self.others.try_clone().unwrap(), lock })])
    }
}

#[derive(Debug)]
struct FlakyLines {
    held: Box<dyn HeldLines>,
    fails: Arc<AtomicBool>,
}

impl FlakyLines {
    fn works(&self) -> Result<(), Error> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::Failed {
                operation: "asking the chip",
                source: io::Error::other("no answer"),
            });
        }
        Ok(())
    }
}

impl HeldLines for FlakyLines {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        self.works()?;
        self.held.read(mask)
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        self.works()?;
        self.held.write(mask, bits)
    }

    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        self.held.configure(lines)
    }
}

/// Others who take the lock, 1, and give it back, 0.
#[derive(Debug)]
struct Others {
    told: UnixStream,
    lock: LineInfo,
}

impl AsFd for Others {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

impl ChangeSource for Others {
    fn next(&mut self) -> Result<Option<LineInfo>, Error> {
        let mut byte = [0];
        match self.told.read_exact(&mut byte) {
            Ok(()) => {
                let consumer = (byte == [1]).then(|| "spi0".to_owned());
                Ok(Some(LineInfo { consumer, ..self.lock.clone() }))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(source) => Err(Error::Failed { operation: "hearing of others", source }),
        }
    }
}

#[tokio::test]
async fn a_group_whose_line_is_taken_or_fails_is_unhealthy_until_it_is_not() {
    let rig = Rig::board_alone(GROUPS, "").await;
    let dir = rig.path("kubelet");
    rig.edit(|text| format!("{text}\n[kubernetes]\nkubelet_dir = {dir:?}\nwatchers = 2\n"));
    let (mut others, told) = UnixStream::pair().unwrap();
    told.set_nonblocking(true).unwrap();
    let fails = Arc::<AtomicBool>::default();
    let board = connect(&rig.path("board")).unwrap();
    let board = Flaky { board, fails: Arc::clone(&fails), others: told };
    let config = Config::load(&rig.path("gpiod.toml")).unwrap();
    let daemon = serve::run_on(move |_| Ok(Box::new(board)), config, None);
    let scene = async {
        let kubelet = Kubelet::start(&dir).await;
        kubelet.knows(4).await;
        let health = async |door: &str, lamp: &str| {
            kubelet
                .until(|all| {
                    all.iter().all(|(name, known)| {
                        let expected = if name.contains("door") { door } else { lamp };
                        !known.devices.is_empty()
                            && known.devices.iter().all(|(_, health)| health == expected)
                    })
                })
                .await;
        };
        health("Healthy", "Healthy").await;
        others.write_all(&[1]).unwrap();
        health("Unhealthy", "Healthy").await;
        others.write_all(&[0]).unwrap();
        health("Healthy", "Healthy").await;
        fails.store(true, Ordering::Relaxed);
        rig.client("lamp").await.read(["lamp"]).await.unwrap_err();
        health("Healthy", "Unhealthy").await;
        // Nobody uses it: the daemon tries by itself.
        fails.store(false, Ordering::Relaxed);
        health("Healthy", "Healthy").await;
    };
    tokio::select! {
        ended = daemon => panic!("{ended:?}"),
        done = tokio::time::timeout(PATIENCE, scene) => done.unwrap(),
    }
}
