//! What gpiod takes when nothing happens: of memory, by how many clients and watches there are, and of the disk.

use crate::Fallible;
use crate::daemon::{Daemon, NO_LIMITS};
use crate::process::PATIENCE;
use crate::told::Told;
use gpiod_sdk::{Client, Session, Watch};
use lexopt::prelude::*;
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
What gpiod takes of memory when nothing happens: alone, with 1 to 200 clients that hold a session each, and with 1 to 1000
watches; and how large its file is. On the simulated board.

usage: gpiod-bench footprint --gpiod PATH [OPTION]...

  --gpiod PATH     the gpiod to measure
  --json PATH      write the figures there
  --markdown PATH  write the table there
";

/// What is measured.
#[derive(Debug)]
pub(crate) struct Arguments {
    gpiod: PathBuf,
    told: Told,
}

/// How many of each there are, one step after the other.
const CLIENTS: [usize; 4] = [1, 50, 100, 200];
const WATCHES: [usize; 4] = [1, 250, 500, 1000];
/// What one may take, in KiB.
const GOALS: [(&str, f64); 2] = [("a client with a session", 22.0), ("a watch", 5.0)];

#[derive(Debug, Serialize)]
struct Report {
    file_bytes: u64,
    idle_kib: u64,
    growths: Vec<Growth>,
}

/// How memory grows with the number of something.
#[derive(Debug, Serialize)]
struct Growth {
    what: &'static str,
    /// How many there were, and what the daemon had then, in KiB.
    steps: Vec<(usize, u64)>,
    goal_kib: f64,
}

impl Growth {
    /// What each takes, from the first step to that one, in KiB.
    fn each_kib(&self, step: usize) -> Option<f64> {
        let ((few, small), (many, large)) = (self.steps.first()?, self.steps.get(step)?);
        (many > few).then(|| (*large as f64 - *small as f64) / (many - few) as f64)
    }
}

/// Reads the command line; `None` when help was asked for.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut gpiod, mut told) = (None, Told::default());
    let mistake = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(mistake)? {
        match argument {
            Long("gpiod") => gpiod = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("json") => told.json = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("markdown") => told.markdown = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().to_string()),
        }
    }
    Ok(Some(Arguments { gpiod: gpiod.ok_or("--gpiod is missing")?, told }))
}

/// Measures, and prints what came out.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    let groups = "[[group]]\nname = \"bench\"\nlines.in = { line = \"GPIO27\", direction = \"input\" }\n";
    let daemon = Daemon::on_board(&wanted.gpiod, "", NO_LIMITS, groups)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = Report {
        file_bytes: fs::metadata(&wanted.gpiod)?.len(),
        idle_kib: daemon.process.settled_kib()?,
        growths: runtime.block_on(growths(&daemon))?,
    };
    wanted.told.tell(&report, &markdown(&report))
}

async fn growths(daemon: &Daemon) -> Fallible<Vec<Growth>> {
    let [(client, client_goal), (watch, watch_goal)] = GOALS;
    let mut clients = Growth { what: client, steps: Vec::new(), goal_kib: client_goal };
    let mut watches = Growth { what: watch, steps: Vec::new(), goal_kib: watch_goal };
    let (mut sessions, mut watching): (Vec<(Client, Session)>, Vec<Watch>) = Default::default();
    for count in CLIENTS {
        eprintln!("{count} of {client}");
        while sessions.len() < count {
            let client = Client::at(daemon.bench()).wait(PATIENCE).connect().await?;
            let session = client.session().input("in").open().await?;
            sessions.push((client, session));
        }
        clients.steps.push((count, daemon.process.settled_kib()?));
    }
    for count in WATCHES {
        eprintln!("{count} of {watch}");
        while watching.len() < count {
            let (client, _) = &sessions[watching.len() % sessions.len()];
            let mut watch = client.watch(["in"]).open().await?;
            watch.next().await.ok_or("a watch ended")??;
            watching.push(watch);
        }
        watches.steps.push((count, daemon.process.settled_kib()?));
    }
    Ok(vec![clients, watches])
}

fn markdown(report: &Report) -> String {
    let mut text = format!(
        "The file has {} bytes. Idle, the daemon has {} KiB of memory.\n\n\
         | what | how many | resident, KiB | each, KiB | goal, KiB |\n|---|---|---|---|---|\n",
        report.file_bytes, report.idle_kib
    );
    for growth in &report.growths {
        for (step, (count, kib)) in growth.steps.iter().enumerate() {
            let each = growth.each_kib(step).map_or(String::new(), |each| format!("{each:.1}"));
            text += &format!("| {} | {count} | {kib} | {each} | {} |\n", growth.what, growth.goal_kib);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_counted_from_the_first_step() {
        let growth = Growth { what: "x", steps: vec![(1, 100), (11, 150)], goal_kib: 1.0 };
        assert_eq!((growth.each_kib(0), growth.each_kib(1), growth.each_kib(2)), (None, Some(5.0), None));
    }
}
