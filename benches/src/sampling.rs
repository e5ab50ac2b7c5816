//! What rate samples reach, what is missed on the way, and what one costs the daemon.

use crate::Fallible;
use crate::daemon::Daemon;
use crate::number;
use crate::process::PATIENCE;
use crate::told::Told;
use gpiod_sdk::{Client, SampleGapCause, SampleItem};
use lexopt::prelude::*;
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
At what rate the levels of lines are sampled: how many of those that were asked for were taken and why the others were
not, how late one was at most, and what one cost the daemon's thread. The daemon is all of gpiod, on pins within its
process, whose reading costs next to nothing.

usage: gpiod-bench sampling [OPTION]...

  --seconds N      how long at each rate [3]
  --json PATH      write the figures there
  --markdown PATH  write the table there
";

/// Samples per second, the last as many as the daemon allows.
const RATES: [u32; 5] = [1_000, 10_000, 20_000, 50_000, 100_000];

/// What is measured.
#[derive(Debug)]
pub(crate) struct Arguments {
    seconds: u32,
    told: Told,
}

/// What came of one rate.
#[derive(Debug, Default, Serialize)]
struct Reached {
    asked_per_s: u32,
    asked: u64,
    taken: u64,
    late: u64,
    over_limit: u64,
    unread: u64,
    max_lateness_ns: u64,
    thread_ns: u64,
}

/// Reads the command line; `None` when help was asked for.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut wanted = Arguments { seconds: 3, told: Told::default() };
    let mistake = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(mistake)? {
        match argument {
            Long("seconds") => wanted.seconds = number(&mut parser).map_err(mistake)?,
            Long("json") => wanted.told.json = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("markdown") => wanted.told.markdown = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().to_string()),
        }
    }
    Ok(Some(wanted))
}

/// Measures, and prints what came out.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    let daemon = Daemon::on_pins(&[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    for per_s in RATES {
        eprintln!("{per_s} in a second");
        all.push(runtime.block_on(sample(&daemon, per_s, wanted.seconds))?);
    }
    wanted.told.tell(&all, &markdown(&all))
}

async fn sample(daemon: &Daemon, per_s: u32, seconds: u32) -> Fallible<Reached> {
    let client = Client::at(daemon.bench()).wait(PATIENCE).connect().await?;
    let asked = u64::from(per_s) * u64::from(seconds);
    let period = Duration::from_secs(1) / per_s;
    let mut samples = client.sample(["in", "out"]).period(period).count(asked).open().await?;
    let mut reached = Reached { asked_per_s: per_s, asked, ..Reached::default() };
    while let Some(item) = samples.next().await {
        match item? {
            SampleItem::Sample { .. } => reached.taken += 1,
            SampleItem::Missed(gap) => match gap.cause {
                SampleGapCause::Late => reached.late += gap.count,
                SampleGapCause::Limit => reached.over_limit += gap.count,
                SampleGapCause::Client => reached.unread += gap.count,
                SampleGapCause::Unknown => return Err("samples are missing, and nobody knows why".into()),
            },
        }
    }
    reached.max_lateness_ns = samples.max_lateness_ns();
    reached.thread_ns = samples.totals().thread_ns;
    match reached.taken + reached.late + reached.over_limit + reached.unread {
        told if told == asked => Ok(reached),
        told => Err(format!("{asked} samples were asked for, and {told} are accounted for").into()),
    }
}

fn markdown(all: &[Reached]) -> String {
    let mut text = "| samples asked for in a second | taken, % | late, % | over the socket's share, % | not read, % | latest, µs | \
                    processor time of one, µs |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for reached in all {
        let part = |count: u64| count as f64 * 100.0 / reached.asked as f64;
        text += &format!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} |\n",
            reached.asked_per_s,
            part(reached.taken),
            part(reached.late),
            part(reached.over_limit),
            part(reached.unread),
            reached.max_lateness_ns as f64 / 1e3,
            reached.thread_ns as f64 / 1e3 / reached.taken.max(1) as f64,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_and_missed_is_told_in_parts_of_what_was_asked_for() {
        let reached = Reached { asked_per_s: 10, asked: 200, taken: 150, late: 50, ..Reached::default() };
        let table = markdown(&[Reached { thread_ns: 300_000, max_lateness_ns: 1_500, ..reached }]);
        assert_eq!(table.lines().last(), Some("| 10 | 75.0 | 25.0 | 0.0 | 0.0 | 1.5 | 2.00 |"));
    }
}
