//! Before anything is driven: nobody else drives the lines. Then: the wire is there.

use super::bench::{Bench, Side, output, watched};
use super::report::Outcome;
use super::stop::Trouble;
use crate::line::{Bias, LineInfo};

/// How long a line must keep still under each pull.
const STILL_NS: u64 = 60_000_000;

/// How late an edge may be told.
const LATE_NS: u64 = 20_000_000;

/// How late the listener may follow.
const FOLLOWS_NS: u64 = 50_000_000;

fn word(high: bool) -> &'static str {
    if high { "high" } else { "low" }
}

/// Whether both lines follow their pulls, and move for nothing else.
///
/// Both have the same pull at a time: two against each other over the wire would be half of the supply.
pub(super) fn undriven(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    if !bench.pulls {
        return Ok(Outcome::not_applicable(
            "with --no-pulls nobody can tell whether something else drives the lines",
        ));
    }
    let mut stuck: Vec<String> = Vec::new();
    for (bias, expected) in [(Bias::PullUp, true), (Bias::PullDown, false)] {
        bench.set(Side::Driver, watched(Some(bias)))?;
        bench.set(Side::Listener, watched(Some(bias)))?;
        bench.listen()?;
        let names = bench.pair.names();
        let sides = [(Side::Driver, &names[0]), (Side::Listener, &names[1])];
        for (side, name) in sides {
            if bench.read(side)? != expected {
                stuck.push(format!("{name} reads {} with its pull-{}", word(!expected), pull(expected)));
            }
        }
        let mut moved = bench.overhear(STILL_NS)?.len();
        for (side, name) in sides {
            if bench.read(side)? != expected && stuck.is_empty() {
                stuck.push(format!("{name} became {} with its pull-{}", word(!expected), pull(expected)));
            }
        }
        // What a busy board is late to tell comes with what it was asked just now, at the latest.
        moved += bench.overhear(LATE_NS)?.len();
        if moved > 0 {
            stuck.push(format!("{moved} edges came while nobody here drove"));
        }
    }
    if stuck.is_empty() {
        let text = "both lines follow their pulls, and nothing moved them for 60 ms each";
        return Ok(Outcome::passed(text));
    }
    let mut outcome = Outcome::failed(stuck.join("; "));
    outcome = outcome.and(
        "Something else drives a line, or the board's pulls can not be switched. Nothing was driven. Take off all but \
         the wire; where there are no pulls: --no-pulls",
    );
    if [&bench.pair.driver, &bench.pair.listener].into_iter().any(has_fixed_pull) {
        outcome = outcome.and("GPIO2 and GPIO3 have a fixed pull-up on the board: take other lines");
    }
    Ok(outcome)
}

fn pull(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

fn has_fixed_pull(info: &LineInfo) -> bool {
    info.header_pin.is_some_and(|pin| pin == 3 || pin == 5)
}

/// Whether the listener follows the driver, against its own pull.
pub(super) fn there(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    let [driver, listener] = bench.pair.names();
    for (active, against) in [(true, Bias::PullDown), (false, Bias::PullUp)] {
        let against = bench.pull(against);
        bench.set(Side::Listener, watched(against))?;
        bench.listen()?;
        bench.set(Side::Driver, output(active))?;
        bench.settle()?;
        let mut levels = [bench.read(Side::Driver)?, bench.read(Side::Listener)?];
        if levels == [active, !active] {
            // Behind a filter it may follow later.
            bench.hear(1, FOLLOWS_NS)?;
            levels = [bench.read(Side::Driver)?, bench.read(Side::Listener)?];
        }
        if levels != [active; 2] {
            // At once, before anything is said.
            bench.rest()?;
            let level = word(active);
            return Ok(match levels[0] == active {
                true => {
                    Outcome::failed(format!("{listener} does not follow {driver}: {}", bench.pair.wire()))
                        .and(format!("{driver} was driven {level}, {listener} read {}", word(!active)))
                }
                false => Outcome::failed(format!(
                    "{driver} is driven {level} and does not become it: something stronger is connected to it"
                )),
            });
        }
    }
    let against = if bench.pulls { ", each against its own pull" } else { "" };
    Ok(Outcome::passed(format!("{listener} follows {driver} to both levels{against}")))
}
