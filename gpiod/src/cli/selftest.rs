//! `gpiod selftest`: proves on a board, with one wire, what the daemon relies on.

mod about;
mod bench;
mod edges;
mod end;
mod exit;
mod holder;
mod latency;
mod levels;
mod lines;
mod reach;
mod report;
mod settings;
mod stop;
mod timing;
mod wire;

use super::Command;
use super::arguments::{Argument, Declaration, Needed};
use super::given::Given;
use super::output::{json, print};
use super::pinout::colour;
use super::words;
use crate::error::chain;
use crate::failure::{Exit, Failure};
use bench::Bench;
use holder::Held;
use lines::Pair;
use reach::Reach;
use report::{Outcome, Verdict};
use stop::{Stop, Trouble};

/// What it takes.
static TABLE: [Argument; 5] = [
    Argument::value(
        "loop",
        "LINE,LINE",
        "The two lines that the wire joins: the one that drives, the one that listens",
    )
    .needed(Needed::Unless(holder::HOLD)),
    Argument::value("count", "N", "How many levels and edges are tried").or("1000"),
    Argument::switch("take-over", "Take lines that are outputs which nobody holds, too"),
    Argument::switch(
        "no-pulls",
        "The board's pulls can not be switched (some chips, emulations). Then it is up to you that nobody else drives \
         the lines",
    ),
    Argument::switch("json", "Print the report as JSON, at the end"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "selftest",
    about: "Check a board with one wire between two of its lines",
    tables: &[&TABLE, &reach::TABLE, &holder::TABLE],
    read: Some(|given| Args::read(given).map(Command::Selftest)),
    more: "\
Put one wire between two lines of the header that nothing else is connected to, best with 1 kΩ in it: GPIO22 is pin \
15, GPIO27 is pin 13. No daemon is needed; one that has the lines must be stopped. The first line drives, the second \
listens. Before anything is driven both are listened to: a line that something else drives ends the test. In the end \
both are inputs again, also after Ctrl-C.

Each step is one entry of the report: passed, FAILED, or not applicable and why. Latencies are told and never fail \
the test. It takes some seconds, and a minute at most. Paste the report into an issue.

Exit codes: 0 all passed, 1 something FAILED, 64 wrong arguments, 65 no such line or one with another function, \
69 no board, 75 somebody has a line.

Examples:
  gpiod selftest --loop GPIO22,GPIO27
  gpiod selftest --loop GPIO27,GPIO22 --backend cdev --count 10000
  gpiod selftest --loop GPIO22,GPIO27 --json |
      jq '.steps[] | select(.verdict == \"failed\")'
  gpiod selftest --loop GPIO22,GPIO27 --backend sim --board /tmp/board",
    ..Declaration::NONE
};

/// Arguments of `gpiod selftest`.
#[derive(Debug)]
pub struct Args {
    wire: Option<Ends>,
    reach: Reach,
    count: u32,
    take_over: bool,
    no_pulls: bool,
    json: bool,
    holder: Held,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            wire: given.maybe("loop", lines::two)?,
            reach: Reach::read(given)?,
            count: given.one("count", |word| words::number(word, 1, 100_000))?,
            take_over: given.switch("take-over"),
            no_pulls: given.switch("no-pulls"),
            json: given.switch("json"),
            holder: Held::read(given)?,
        })
    }
}

/// The two lines' names.
type Ends = [String; 2];

/// Runs the command.
///
/// # Errors
/// Exit code 1 when a step failed; see [`Failure`] for the others.
pub fn run(args: &Args) -> Result<(), Failure> {
    if let Some(name) = &args.holder.hold_until_killed {
        return holder::run(&args.holder, name, &args.reach);
    }
    let Some(ends) = &args.wire else { return Err(Failure::new(Exit::Usage, "--loop is missing")) };
    let (backend, why) = args.reach.backend()?;
    let pair = Pair::find(backend.as_ref(), ends, args.take_over)?;
    let about = about::facts(backend.as_ref(), &why, &pair);
    let stop = Stop::listen().map_err(|error| Failure::new(Exit::Os, format!("signals: {error}")))?;
    let mut paper = Paper { silent: args.json, steps: Vec::new(), failure: None };
    for (name, says) in &about {
        paper.show(&report::fact(name, says));
    }
    paper.show("\n");
    let bench = Bench::take(backend.as_ref(), &stop, &pair, args.count, !args.no_pulls);
    let bench = bench.map_err(|trouble| failure(&trouble))?;
    let ended = test(bench, args, &mut paper);
    if args.json {
        print(&json(&report::json(&about, &paper.steps))?)?;
    }
    ended.map_err(|trouble| failure(&trouble))?;
    paper.failure.map_or(Ok(()), Err)?;
    verdict(&paper.steps)
}

/// Where the report is written.
struct Paper {
    /// Whether nothing is written before the end.
    silent: bool,
    steps: Vec<(&'static str, Outcome)>,
    /// Why nothing can be written any more. The test goes on to its end, so that the lines are let go.
    failure: Option<Failure>,
}

impl Paper {
    fn show(&mut self, text: &str) {
        if !self.silent && self.failure.is_none() {
            self.failure = print(text).err();
        }
    }

    fn note(&mut self, name: &'static str, outcome: Outcome) {
        self.show(&report::text(name, &outcome, colour()));
        self.steps.push((name, outcome));
    }
}

/// A step of the test.
type Step<'a> = &'a dyn Fn(&mut Bench<'_>) -> Result<Outcome, Trouble>;

/// All steps, then the lines are let go, however the steps ended.
fn test(mut bench: Bench<'_>, args: &Args, paper: &mut Paper) -> Result<(), Trouble> {
    let ended = steps(&mut bench, args, paper);
    let let_go = end::let_go(bench).unwrap_or_else(|trouble| Outcome::failed(chain(&trouble)));
    paper.note("let go", let_go);
    paper.show(&report::sum(&paper.steps));
    ended
}

fn steps(bench: &mut Bench<'_>, args: &Args, paper: &mut Paper) -> Result<(), Trouble> {
    let remembers = about::has_manners_of_gpio_sim(bench.backend, bench.pair);
    let first: [(&'static str, Step<'_>); 2] = [("undriven", &wire::undriven), ("wire", &wire::there)];
    let others: [(&'static str, Step<'_>); 11] = [
        ("levels", &levels::toggles),
        ("edges", &edges::single),
        ("burst", &edges::burst),
        ("bias", &settings::bias),
        ("open drain", &|bench| settings::open_drain(bench, remembers)),
        ("active-low", &settings::active_low),
        ("first value", &timing::first_value),
        ("debounce", &timing::debounce),
        ("turn-round", &timing::turn_round),
        ("killed", &|bench| exit::claimed(bench, &args.reach)),
        ("unclaimed", &|bench| exit::unclaimed(bench, &args.reach)),
    ];
    let mut goes_on = true;
    for (name, step) in first {
        let outcome = if goes_on { done(bench, step)? } else { skipped("something else drives a line") };
        goes_on &= outcome.verdict != Verdict::Failed;
        paper.note(name, outcome);
    }
    for (name, step) in others {
        let outcome = if goes_on { tried(bench, step)? } else { skipped("not tried without a sound wire") };
        paper.note(name, outcome);
    }
    Ok(())
}

fn skipped(why: &str) -> Outcome {
    Outcome::not_applicable(why)
}

/// One step, begun with both lines at rest.
fn tried(bench: &mut Bench<'_>, step: Step<'_>) -> Result<Outcome, Trouble> {
    done(bench, &|bench| {
        bench.rest()?;
        step(bench)
    })
}

/// One step. What the board or the system refuses fails the step alone.
fn done(bench: &mut Bench<'_>, step: Step<'_>) -> Result<Outcome, Trouble> {
    match step(bench) {
        Err(Trouble::Stopped(signal)) => Err(Trouble::Stopped(signal)),
        Err(trouble) => Ok(Outcome::failed(chain(&trouble))),
        Ok(outcome) => Ok(outcome),
    }
}

fn failure(trouble: &Trouble) -> Failure {
    let exit = match trouble {
        Trouble::Stopped(signal) => {
            return Failure { exit: 128 + signal, message: format!("{trouble}; the lines are let go") };
        }
        Trouble::Board(crate::backend::Error::Busy { .. }) => Exit::TempFail,
        Trouble::Board(crate::backend::Error::Failed { .. }) => Exit::Unavailable,
        Trouble::Os(_) => Exit::Os,
    };
    Failure::new(exit, chain(trouble))
}

/// What the whole of it says: exit code 1 and the first sentence of each step that failed.
fn verdict(steps: &[(&'static str, Outcome)]) -> Result<(), Failure> {
    let failed = steps.iter().filter(|(_, outcome)| outcome.verdict == Verdict::Failed);
    let said: Vec<String> = failed.map(|(name, outcome)| format!("{name}: {}", outcome.says[0])).collect();
    if said.is_empty() { Ok(()) } else { Err(Failure::new(Exit::Failed, said.join("\n"))) }
}
