//! `gpiod sample`: values at a steady rate, as a logic analyser takes them.

mod report;
mod write;

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::output::print;
use super::words;
use crate::failure::Failure;
use gpiod_sdk::SampleItem;
use std::time::Duration;
use write::{Format, Writer};

/// What it takes.
static TABLE: [Argument; 6] = [
    Argument::words("NAME", "The lines to sample, 1 to 64, as `gpiod lines` calls them"),
    Argument::value(
        "every",
        "TIME",
        "How far samples are apart; the least is by the daemon's limits.samples_per_s, 10us unless configured",
    )
    .or("1ms"),
    Argument::value("count", "N", "End after so many samples, missed ones included"),
    Argument::value("for", "TIME", "End after so long").not_with("count"),
    Argument::value(
        "format",
        "FORMAT",
        "text: changes; vcd: changes, for other programs; csv: every sample; json: every sample, one object on a line",
    )
    .or("text")
    .among(&Format::NAMES),
    Argument::switch("json", "Short for --format json").not_with("format"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "sample",
    about: "Print values at a steady rate, as a logic analyser takes them",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Sample)),
    more: "\
The daemon reads all the lines at each moment, whoever holds or drives them, and needs no hold for it. `watch` tells \
every edge and costs nothing between them; `sample` tells what the lines were at moments that are fixed beforehand, and \
costs processor time for each. A sample that could not be taken in its time is counted where it is missing. How many there \
were, the rate reached and what it cost the daemon is told on standard error at the end.

As text there is one line for each change: its time (CLOCK_MONOTONIC of the node, s) and all values. VCD is what PulseView, \
sigrok and GTKWave read: missing samples are x there.

Examples:
  gpiod sample clock data --every 50us --for 2s
  gpiod sample clock data --every 50us --for 2s --format vcd > bus.vcd
  pulseview -I vcd -i bus.vcd                     shows what came of that
  gpiod sample button --every 1ms --format csv    until Ctrl-C
  gpiod sample button --every 10ms --count 100 --json",
    ..Declaration::NONE
};

/// Arguments of `gpiod sample`.
#[derive(Debug)]
pub struct Args {
    names: Vec<String>,
    every: Duration,
    count: Option<u64>,
    span: Option<Duration>,
    format: Format,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        let format = given.one("format", Format::named)?;
        Ok(Self {
            names: given.each("NAME", words::text)?,
            every: given.one("every", words::time)?,
            count: given.maybe("count", words::some)?,
            span: given.maybe("for", words::time)?,
            format: if given.switch("json") { Format::Json } else { format },
            target: Target::read(given)?,
        })
    }
}

impl Args {
    /// How many samples to ask for; 0 is without end.
    fn samples(&self) -> u64 {
        let in_span = |span: Duration| {
            let samples = span.as_nanos() / self.every.as_nanos().max(1);
            u64::try_from(samples).unwrap_or(u64::MAX).max(1)
        };
        self.count.or(self.span.map(in_span)).unwrap_or(0)
    }
}

/// Bytes that are gathered before they are written.
const GATHERED: usize = 16 * 1024;

/// Runs the command.
///
/// # Errors
/// What the daemon refuses; see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod sample", async |client| {
        let sampling = client.sample(&args.names).period(args.every).count(args.samples());
        let mut samples = sampling.open().await?;
        let mut writer = Writer::new(args.format, &args.names);
        let mut report = report::Report::default();
        let mut text = writer.head();
        let ended = loop {
            // What is there is gathered; what is waited for is not kept back.
            let next = tokio::select! {
                biased;
                next = samples.next() => next,
                () = std::future::ready(()), if !text.is_empty() => {
                    print(&std::mem::take(&mut text))?;
                    continue;
                }
                interrupted = tokio::signal::ctrl_c() => {
                    let _ = interrupted;
                    break Ok(());
                }
            };
            let item = match next {
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(item)) => item,
            };
            report.add(&item);
            match item {
                SampleItem::Sample { values, .. } => writer.sample(&values, &mut text),
                SampleItem::Missed(gap) => writer.missed(&gap, &mut text),
            }
            if text.len() >= GATHERED {
                print(&std::mem::take(&mut text))?;
            }
        };
        writer.end(&mut text);
        print(&text)?;
        eprint!("{}", report.text(args.every, samples.totals(), samples.max_lateness_ns()));
        Ok(ended?)
    })
}
