//! What one call costs in instructions, allocations and system calls, of the daemon and of the client library: exact, and
//! the same on every machine of a kind. The difference of two runs of different length, so that neither start nor end
//! counts.

mod callgrind;
mod strace;

use crate::Fallible;
use crate::daemon::Daemon;
use crate::process::PATIENCE;
use crate::speed::calls::{BATCH, BATCHES_IN_FLIGHT, Call, Caller, IN_FLIGHT};
use crate::told::Told;
use callgrind::Counted;
use lexopt::prelude::*;
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) const HELP: &str = "\
What a call costs: user instructions and allocations by Valgrind's callgrind, system calls by strace; and how many system
calls there are when nothing happens.

usage: gpiod-bench counts [OPTION]...

  --json PATH      write the figures there
  --markdown PATH  write the table there
  --gate           fail where a figure is above its bound

Valgrind and strace must be installed.
exit codes: 0 measured; 1 something failed, or is above its bound; 64 wrong arguments
";

/// The bench that is a client: its arguments are a socket, a call and how many.
pub(crate) const NAME: &str = "calls";
/// Whether this program was optimised. What is not has bounds of its own, so that a change can be judged without a build of
/// its own; calls take ten times as long there.
const OPTIMISED: bool = !cfg!(debug_assertions);
/// Calls of the shorter and of the longer run; whole batches.
const LENGTHS: [u32; 2] = if OPTIMISED { [2048, 6144] } else { [256, 768] };
/// How long nothing is to happen, in s.
const IDLE: u32 = 10;

/// What is measured.
#[derive(Debug)]
pub(crate) struct Arguments {
    told: Told,
    gate: bool,
}

/// What one call costs.
#[derive(Debug, Serialize)]
struct Cost {
    call: &'static str,
    instructions: u64,
    allocations: f64,
    system_calls: f64,
    client_instructions: u64,
    client_allocations: f64,
    /// What it may take.
    bounds: Bounds,
}

/// What may not be exceeded.
#[derive(Clone, Copy, Debug, Serialize)]
struct Bounds {
    instructions: u64,
    allocations: f64,
    client_allocations: f64,
}

impl Bounds {
    /// Instructions of a program that was optimised, and of one that was not; allocations of daemon and client.
    const fn of(instructions: u64, unoptimised: u64, allocations: f64, client_allocations: f64) -> Self {
        let instructions = if OPTIMISED { instructions } else { unoptimised };
        Self { instructions, allocations, client_allocations }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    costs: Vec<Cost>,
    idle_seconds: u32,
    idle_system_calls: u64,
}

/// Reads the command line; `None` when help was asked for.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut wanted = Arguments { told: Told::default(), gate: false };
    let mistake = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(mistake)? {
        match argument {
            Long("json") => wanted.told.json = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("markdown") => wanted.told.markdown = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("gate") => wanted.gate = true,
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().to_string()),
        }
    }
    Ok(Some(wanted))
}

/// The client that is measured, and that calls the daemon that is.
pub(crate) fn client(mut arguments: impl Iterator<Item = OsString>) -> Fallible<()> {
    let mut next = || arguments.next().ok_or("a socket, a call and a number are needed");
    let (socket, name, count) = (PathBuf::from(next()?), next()?, next()?);
    let way = CALLS.into_iter().find(|(known, _, _)| name == *known).ok_or("there is no such call")?.1;
    let count: u32 = count.to_str().ok_or("no number")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let caller = Caller::connect(&socket).await?;
        match way {
            Way::One(call) => {
                for n in 0..count {
                    caller.call(call, n).await?;
                }
            }
            Way::InFlight => drop(caller.pipelined(count, IN_FLIGHT).await?),
            Way::Packed => drop(caller.packed(count / BATCH, BATCHES_IN_FLIGHT).await?),
        }
        Ok(caller.session.close().await?)
    })
}

/// How it is called.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// One at a time.
    One(Call),
    /// Commands of a session, as many on their way as may be.
    InFlight,
    /// The same in batches.
    Packed,
}

/// What is called, and what it may cost: what was measured and a little room.
const CALLS: [(&str, Way, Bounds); 5] = [
    ("set", Way::One(Call::Set), Bounds::of(13_000, 150_000, 0.1, 0.1)),
    ("read", Way::One(Call::Read), Bounds::of(40_000, 620_000, 21.0, 15.0)),
    ("write", Way::One(Call::Write), Bounds::of(40_000, 650_000, 22.0, 18.0)),
    ("set, 256 on their way", Way::InFlight, Bounds::of(1_600, 21_000, 0.1, 1.1)),
    ("set in batches of 256", Way::Packed, Bounds::of(450, 4_000, 0.1, 0.1)),
];

/// Measures, and prints what came out.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    let mut costs = Vec::new();
    for (name, _, bounds) in CALLS {
        eprintln!("{name}: the daemon");
        let ours = counted(name, under_callgrind)?;
        eprintln!("{name}: the client");
        let clients = counted(name, client_under_callgrind)?;
        eprintln!("{name}: system calls");
        // Of few calls the shorter run may have more, by chance.
        let system_calls = each(counted(name, under_strace)?.max(0.0));
        costs.push(Cost {
            call: name,
            instructions: whole(ours.instructions),
            allocations: each(ours.allocations as f64),
            system_calls,
            client_instructions: whole(clients.instructions),
            client_allocations: each(clients.allocations as f64),
            bounds,
        });
    }
    eprintln!("nothing, for {IDLE} s");
    let report = Report { costs, idle_seconds: IDLE, idle_system_calls: idle()? };
    wanted.told.tell(&report, &markdown(&report))?;
    if wanted.gate { report.gate() } else { Ok(()) }
}

impl Report {
    fn gate(&self) -> Fallible<()> {
        let mut above = Vec::new();
        for Cost { call, instructions, allocations, client_allocations, bounds, .. } in &self.costs {
            if *instructions > bounds.instructions {
                above.push(format!("{call}: {instructions} instructions, at most {}", bounds.instructions));
            }
            if *allocations > bounds.allocations {
                above.push(format!("{call}: {allocations:.2} allocations, at most {}", bounds.allocations));
            }
            if *client_allocations > bounds.client_allocations {
                let most = bounds.client_allocations;
                above.push(format!(
                    "{call}: {client_allocations:.2} allocations of the client, at most {most}"
                ));
            }
        }
        if self.idle_system_calls > 0 {
            above.push(format!(
                "{} system calls in {} s of nothing",
                self.idle_system_calls, self.idle_seconds
            ));
        }
        if above.is_empty() { Ok(()) } else { Err(above.join("; ").into()) }
    }
}

fn markdown(report: &Report) -> String {
    let mut text = "| call | daemon: instructions | at most | allocations | system calls | client: instructions | allocations |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    for cost in &report.costs {
        text += &format!(
            "| {} | {} | {} | {:.2} | {:.2} | {} | {:.2} |\n",
            cost.call,
            cost.instructions,
            cost.bounds.instructions,
            cost.allocations,
            cost.system_calls,
            cost.client_instructions,
            cost.client_allocations
        );
    }
    text + &format!(
        "\n{} system calls in {} s in which nothing happens.\n",
        report.idle_system_calls, report.idle_seconds
    )
}

/// How much more a longer run has.
fn counted<T: std::ops::Sub<Output = T>>(name: &str, run: fn(&str, u32) -> Fallible<T>) -> Fallible<T> {
    let [short, long] = LENGTHS;
    let (short, long) = (run(name, short)?, run(name, long)?);
    Ok(long - short)
}

/// For each call.
fn each(difference: f64) -> f64 {
    difference / f64::from(LENGTHS[1] - LENGTHS[0])
}

fn whole(difference: u64) -> u64 {
    difference / u64::from(LENGTHS[1] - LENGTHS[0])
}

const CALLGRIND: [&str; 3] = ["valgrind", "-q", "--tool=callgrind"];

fn calls(by: &[&str], socket: &Path, name: &str, count: u32) -> Fallible<()> {
    let itself = std::env::current_exe()?;
    let mut command = Command::new(by.first().map_or(itself.as_os_str(), |program| program.as_ref()));
    if let [_, arguments @ ..] = by {
        command.args(arguments).arg(itself);
    }
    let ran = command.arg(NAME).arg(socket).args([name, &count.to_string()]).output()?;
    if ran.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ran.stderr).into()) }
}

fn under_callgrind(name: &str, count: u32) -> Fallible<Counted> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("callgrind.out");
    let to = format!("--callgrind-out-file={}", out.display());
    let daemon = Daemon::on_pins(&[&CALLGRIND[..], &[&to]].concat())?;
    calls(&[], &daemon.bench(), name, count)?;
    drop(daemon);
    Counted::read(&out)
}

fn client_under_callgrind(name: &str, count: u32) -> Fallible<Counted> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("callgrind.out");
    let to = format!("--callgrind-out-file={}", out.display());
    let daemon = Daemon::on_pins(&[])?;
    calls(&[&CALLGRIND[..], &[&to]].concat(), &daemon.bench(), name, count)?;
    Counted::read(&out)
}

/// strace stands behind the daemon, which stays the child that is told to stop.
fn under_strace(name: &str, count: u32) -> Fallible<f64> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("strace.out");
    let daemon = Daemon::on_pins(&["strace", "-D", "-f", "-c", "-o", &out.display().to_string()])?;
    calls(&[], &daemon.bench(), name, count)?;
    drop(daemon);
    let begin = Instant::now();
    loop {
        match strace::sum(&out) {
            Ok(sum) => return Ok(sum as f64),
            Err(error) if begin.elapsed() > PATIENCE => return Err(error),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// How many system calls the daemon makes while ten sessions and ten watches are open and nothing happens.
fn idle() -> Fallible<u64> {
    const EACH: usize = 10;
    let dir = tempfile::tempdir()?;
    let daemon = Daemon::on_pins(&[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let open = async {
        let mut sessions = Vec::new();
        for _ in 0..EACH {
            let client = gpiod_sdk::Client::at(daemon.bench()).connect().await?;
            sessions.push(client.session().input("in").open().await?);
        }
        Fallible::Ok((sessions, crate::speed::edges::Watchers::open(&daemon, EACH).await?))
    };
    let (_sessions, _watchers) = runtime.block_on(open)?;
    // What a connection's beginning may still bring.
    runtime.block_on(async { tokio::time::sleep(Duration::from_secs(2)).await });
    let pid = daemon.process.pid()?.as_raw();
    let traced = runtime.block_on(async {
        let path = dir.path().to_path_buf();
        tokio::task::spawn_blocking(move || strace::within(IDLE, pid, &path)).await
    });
    traced?
}
