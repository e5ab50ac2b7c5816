//! What a flood at one socket does to a well-behaved session at another: its round trips before and meanwhile.

mod flood;

pub(crate) use flood::Flood;

use crate::Fallible;
use crate::daemon::Daemon;
use crate::now_ns;
use crate::process::Process;
use crate::series::{Series, Summary};
use gpiod_sdk::{Client, Value};
use lexopt::prelude::*;
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Floods one socket of gpiod with clients and measures a session of another socket, on the simulated board.

usage: gpiod-bench hostile --gpiod PATH [OPTION]...

  --gpiod PATH     the gpiod to measure
  --clients N      clients that flood [8]
  --seconds N      how long each measurement takes [5]
  --flood KIND     batches, calls, resets or connections; may be repeated [all of them]
  --json PATH      write the figures there

The session sets its line a thousand times a second. The clients that flood are one process, of the same priority: on a
machine with two processors or fewer the session competes with it for them, too.
";

/// What is measured.
#[derive(Debug)]
pub(crate) struct Arguments {
    gpiod: PathBuf,
    clients: usize,
    seconds: u64,
    floods: Vec<Flood>,
    json: Option<PathBuf>,
    /// The socket to flood, in the process that does it.
    at: Option<PathBuf>,
}

/// Round trips of the session, in ns.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    flood: Flood,
    before: Summary,
    during: Summary,
}

/// Reads the command line; `None` when help was asked for.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut gpiod, mut clients, mut seconds, mut floods) = (None, 8, 5, Vec::new());
    let (mut json, mut at) = (None, None);
    let told = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(told)? {
        match argument {
            Long("gpiod") => gpiod = Some(PathBuf::from(parser.value().map_err(told)?)),
            Long("clients") => clients = parser.value().and_then(|value| value.parse()).map_err(told)?,
            Long("seconds") => seconds = parser.value().and_then(|value| value.parse()).map_err(told)?,
            Long("flood") => {
                let name = parser.value().and_then(ValueExt::string).map_err(told)?;
                floods.push(Flood::named(&name).ok_or(format!("there is no flood '{name}'"))?);
            }
            Long("json") => json = Some(PathBuf::from(parser.value().map_err(told)?)),
            Long("at") => at = Some(PathBuf::from(parser.value().map_err(told)?)),
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().to_string()),
        }
    }
    if floods.is_empty() {
        floods = Flood::ALL.to_vec();
    }
    let gpiod = gpiod.ok_or("--gpiod is missing")?;
    Ok(Some(Arguments { gpiod, clients, seconds, floods, json, at }))
}

/// Measures, and prints what came out; or floods, in the process that is for that.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    if let (Some(socket), [flood, ..]) = (&wanted.at, &wanted.floods[..]) {
        return flood.run(socket, wanted.clients);
    }
    let mut outcomes = Vec::new();
    println!("| flood | before, µs p50 / p99 | during | p50 |\n|---|---|---|---|");
    for flood in &wanted.floods {
        let outcome = measure(&wanted.gpiod, *flood, wanted.clients, Duration::from_secs(wanted.seconds))?;
        let us = |ns: u64| ns as f64 / 1000.0;
        let Outcome { before, during, .. } = &outcome;
        println!(
            "| {} × {flood} | {:.0} / {:.0} | {:.0} / {:.0} | {:.1}× |",
            wanted.clients,
            us(before.p50_ns),
            us(before.p99_ns),
            us(during.p50_ns),
            us(during.p99_ns),
            during.p50_ns as f64 / before.p50_ns as f64
        );
        outcomes.push(outcome);
    }
    if let Some(path) = &wanted.json {
        fs::write(path, serde_json::to_string_pretty(&outcomes)? + "\n")?;
    }
    Ok(())
}

/// Floods a daemon of its own and measures a session of another socket before and meanwhile.
pub(crate) fn measure(gpiod: &Path, flood: Flood, clients: usize, long: Duration) -> Fallible<Outcome> {
    let groups = "[[group]]\nname = \"good\"\nlines.lamp = { line = \"GPIO9\", direction = \"output\" }\n\
                  [[group]]\nname = \"bad\"\nlines.in = { line = \"GPIO10\", direction = \"input\" }\n";
    let daemon = Daemon::on_board(gpiod, "", "", groups)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let good = daemon.socket("groups/good");
    let before = runtime.block_on(session(&good, long))?;
    let mut flooding = Command::new(std::env::current_exe()?);
    flooding.args(["hostile", "--gpiod", "-", "--flood"]);
    flooding
        .arg(flood.to_string())
        .arg("--at")
        .arg(daemon.socket("groups/bad"))
        .args(["--clients", &clients.to_string()]);
    let _flooding = Process::start("flood", &mut flooding, daemon.dir())?;
    // It is to be under way.
    runtime.block_on(session(&good, Duration::from_secs(1)))?;
    let during = runtime.block_on(session(&good, long))?;
    Ok(Outcome { flood, before, during })
}

/// Sets a line a thousand times a second, for so long.
async fn session(socket: &Path, long: Duration) -> Fallible<Summary> {
    let client = Client::at(socket).wait(crate::process::PATIENCE).connect().await?;
    let session = client.session().output("lamp").open().await?;
    let lamp = session.output("lamp")?;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut trips, end_ns) = (Vec::new(), now_ns() + u64::try_from(long.as_nanos())?);
    while now_ns() < end_ns {
        tick.tick().await;
        let value = if trips.len() % 2 == 0 { Value::Active } else { Value::Inactive };
        let begin_ns = now_ns();
        lamp.set(value).await?;
        trips.push(now_ns() - begin_ns);
    }
    session.close().await?;
    let mut series = Series::default();
    series.add(trips);
    series.summary().ok_or_else(|| "nothing was measured".into())
}
