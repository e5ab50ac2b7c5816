//! How fast gpiod is, beside the least that there can be, which is measured by turns in the same run.

pub(crate) mod calls;
pub(crate) mod edges;
pub(crate) mod floors;
mod table;

use crate::Fallible;
use crate::daemon::Daemon;
use crate::number;
use crate::process::{keep_on, keep_on_one_processor};
use crate::series::Series;
use crate::told::Told;
use calls::{BATCHES_IN_FLIGHT, Call, Caller, IN_FLIGHT};
use edges::Watchers;
use floors::{PingPong, Train, one_way};
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use table::{Rate, Row, Table};

pub(crate) const HELP: &str = "\
How long calls take and how late edges are heard, one at a time and with all processes on one processor, beside the least
that two processes can take; and how many go through, on one processor and on two. The daemon is all of gpiod, on pins
within its process.

usage: gpiod-bench speed [OPTION]...

  --rounds N       rounds, in each of which everything has its turn [10]
  --json PATH      write the figures there
  --markdown PATH  write the table there
  --gate           fail where a ratio is above one and a half times its goal

Ratios to the floor of the same run can be compared between machines; what goes through in a second can not.
";

/// What is measured.
#[derive(Debug)]
pub(crate) struct Arguments {
    rounds: u32,
    gate: bool,
    told: Told,
}

/// Calls of each kind in a round.
const CALLS: u32 = 2000;
/// Edges at 1 kHz in a round.
const LATE: Train = Train { count: 300, period_us: 1000, at_once: 1 };
/// Edges as fast as they are taken.
const MANY: Train = Train { count: 50_000, period_us: 0, at_once: 64 };
/// Watchers, where there are many.
const WATCHERS: usize = 100;

/// Reads the command line; `None` when help was asked for.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut wanted = Arguments { rounds: 10, gate: false, told: Told::default() };
    let mistake = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(mistake)? {
        match argument {
            Long("rounds") => wanted.rounds = number(&mut parser).map_err(mistake)?,
            Long("json") => wanted.told.json = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("markdown") => wanted.told.markdown = Some(PathBuf::from(parser.value().map_err(mistake)?)),
            Long("gate") => wanted.gate = true,
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().to_string()),
        }
    }
    Ok(Some(wanted))
}

/// Measures, and prints what came out.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    let table = measure(wanted.rounds)?;
    wanted.told.tell(&table, &table.markdown())?;
    if wanted.gate { table.gate() } else { Ok(()) }
}

pub(crate) fn measure(rounds: u32) -> Fallible<Table> {
    keep_on_one_processor(0)?;
    let daemon = Daemon::on_pins(&[])?;
    let mut floor = PingPong::start(daemon.dir())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caller = runtime.block_on(Caller::connect(&daemon.bench()))?;
    let mut series: [Series; 8] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        let [ping, set, read, write, packet, edge, packets, edges] = &mut series;
        ping.add(floor.trips(CALLS)?);
        for (calls, call) in [(set, Call::Set), (read, Call::Read), (write, Call::Write)] {
            calls.add(runtime.block_on(caller.trips(call, CALLS))?);
        }
        for (floor, ours, watchers) in [(packet, edge, 1), (packets, edges, WATCHERS)] {
            floor.add(one_way(watchers, LATE, daemon.dir())?);
            let mut watching = runtime.block_on(Watchers::open(&daemon, watchers))?;
            ours.add(runtime.block_on(watching.late(&daemon, LATE))?);
        }
    }
    let [ping, set, read, write, packet, edge, packets, edges] =
        series.map(|series| series.summary().ok_or("nothing was measured"));
    let (ping, packet, packets) = (ping?, packet?, packets?);
    let rows = vec![
        Row::ours("session command", set?, &ping, 2.5),
        Row::ours("unary Read", read?, &ping, 5.5),
        Row::ours("unary Write", write?, &ping, 5.5),
        Row::ours("edge at 1 kHz to the handler", edge?, &packet, 3.0),
        Row::ours("edge to 100 watchers on one connection", edges?, &packets, 1.3),
        Row::floor("floor: 16 bytes to and fro", ping),
        Row::floor("floor: a packet one way", packet),
        Row::floor("floor: a packet to each of 100 sockets", packets),
    ];
    let shared = rates(&runtime, &daemon, &caller, rounds)?;
    let rates_apart = match keep_on(0, 1) {
        Ok(()) => rates(&runtime, &daemon, &caller, rounds)?,
        Err(_) => Vec::new(),
    };
    Ok(Table { rows, rates: shared, rates_apart })
}

/// What goes through: the median and the best of several tries.
fn rates(
    runtime: &tokio::runtime::Runtime,
    daemon: &Daemon,
    caller: &Caller,
    tries: u32,
) -> Fallible<Vec<Rate>> {
    eprintln!("what goes through");
    let several = |what, goal, once: &mut dyn FnMut() -> Fallible<f64>| -> Fallible<Rate> {
        Ok(Rate::of(what, goal, (0..tries).map(|_| once()).collect::<Fallible<_>>()?))
    };
    let mut watchers = runtime.block_on(Watchers::open(daemon, WATCHERS))?;
    let mut worst_loss = 0f64;
    let mut rates = vec![
        several("session commands, 256 on their way", 2.4e6, &mut || {
            runtime.block_on(caller.pipelined(100_000, IN_FLIGHT))
        })?,
        several("operations in batches of 256, 4 on their way", 11e6, &mut || {
            runtime.block_on(caller.packed(1000, BATCHES_IN_FLIGHT))
        })?,
        several("edges heard by 100 watchers", 5e6, &mut || {
            let (rate, loss) = runtime.block_on(watchers.rate(daemon, MANY))?;
            worst_loss = worst_loss.max(loss);
            Ok(rate)
        })?,
    ];
    if let Some(last) = rates.last_mut() {
        last.lost = Some(worst_loss);
    }
    Ok(rates)
}
