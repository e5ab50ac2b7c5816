//! What the soak starts of itself: a client that holds lines until it is killed, a processor kept busy, hostile clients.

use super::dice::Dice;
use super::hostile::client::Hostile;
use crate::Fallible;
use gpiod_sdk::{Assignment, Client, Value};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The lines of a holder, in the order of the bits of what it asks for.
pub(crate) const LINES: [&str; 4] = ["inactive", "active", "keep", "input"];
/// A holder says this when its lines are open.
pub(crate) const OPENED: u8 = 0x80;

/// Does the part; returns only when it fails.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> Fallible<()> {
    // However the soak ends: nobody is left holding, or spinning.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let mut next = || arguments.next().ok_or("this part of the soak is started by the soak alone");
    let part = next()?;
    match part.to_str() {
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        Some("hold") => {
            let (socket, megabytes) = (next()?, number(&next()?)?);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(hold(Path::new(&socket), megabytes))
        }
        Some("flood") => {
            let (socket, clients, line) = (next()?, number(&next()?)?, next()?);
            let line = line.into_string().map_err(|_| "a line has a name")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(Hostile::flood(Path::new(&socket), clients, &line));
            Ok(())
        }
        _ => Err("there is no such part of the soak".into()),
    }
}

fn number(text: &OsString) -> Fallible<usize> {
    Ok(text.to_str().ok_or("a number is no number")?.parse()?)
}

/// Holds the lines and writes them at random moments. Each pattern is told on stdout before it is asked for.
async fn hold(socket: &Path, megabytes: usize) -> Fallible<()> {
    // Written to, so that it is truly there.
    let memory = vec![1_u8; megabytes << 20];
    std::hint::black_box(&memory);
    let mut told = std::io::stdout();
    let mut dice = Dice::new();
    let mut pattern = dice.below(16);
    let client = Client::at(socket).name("victim").connect().await?;
    told.write_all(&[u8::try_from(pattern)?])?;
    told.flush()?;
    let open = |session: gpiod_sdk::SessionBuilder, (bit, line): (usize, &&str)| {
        session.output_at(*line, value(pattern, bit))
    };
    let session = LINES.iter().enumerate().fold(client.session(), open).open().await?;
    let outputs = LINES.iter().map(|line| session.output(line)).collect::<Result<Vec<_>, _>>()?;
    told.write_all(&[OPENED])?;
    told.flush()?;
    loop {
        if dice.coin() {
            dice.wait_us(2000).await;
        }
        pattern = dice.below(16);
        told.write_all(&[u8::try_from(pattern)?])?;
        told.flush()?;
        let wanted: Vec<Assignment> =
            outputs.iter().enumerate().map(|(bit, output)| output.to(value(pattern, bit))).collect();
        session.write(wanted).await?;
    }
}

/// The value of one line in a pattern.
pub(crate) fn value(pattern: u64, bit: usize) -> Value {
    if pattern >> bit & 1 == 1 { Value::Active } else { Value::Inactive }
}

/// A command that does such a part.
pub(crate) fn command() -> Fallible<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("soak-part").stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

/// Processes that are killed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<Child>);

impl Parts {
    pub(crate) fn add(&mut self, mut command: Command) -> Fallible<()> {
        self.0.push(command.spawn()?);
        Ok(())
    }

    /// All processors busy, by one process for each.
    pub(crate) fn load() -> Fallible<Self> {
        let mut load = Self::default();
        for _ in 0..std::thread::available_parallelism()?.get() {
            let mut command = command()?;
            command.arg("spin");
            load.add(command)?;
        }
        Ok(load)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// So long a turn of a client that is to wait.
pub(crate) const TURN: Duration = Duration::from_secs(1);
