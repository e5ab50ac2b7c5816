//! What a line can be asked to be: pulls, open drain, active-low. The other end of the wire is the judge.

use super::bench::{Bench, PATIENCE_NS, Side, input, output, watched};
use super::report::Outcome;
use super::stop::Trouble;
use crate::line::{Bias, Drive, Edge, LineConfig};

const NO_PULLS: &str = "with --no-pulls";

/// The listener's pulls, while nobody drives the wire.
pub(super) fn bias(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    if !bench.pulls {
        return Ok(Outcome::not_applicable(NO_PULLS));
    }
    bench.set(Side::Driver, input(Some(Bias::Disabled)))?;
    let mut faults = Vec::new();
    for (bias, high, name) in [
        (Bias::PullUp, true, "pull-up"),
        (Bias::PullDown, false, "pull-down"),
        (Bias::PullUp, true, "pull-up again"),
    ] {
        bench.set(Side::Listener, input(Some(bias)))?;
        bench.settle()?;
        if bench.read(Side::Listener)? != high {
            faults.push(format!("with {name} it reads {}", if high { "low" } else { "high" }));
        }
    }
    let says = "with nothing driven the listener reads high with pull-up, low with pull-down";
    Ok(Outcome::judged(&faults, says))
}

/// An open drain drives low, and leaves high to the pulls of both ends.
pub(super) fn open_drain(bench: &mut Bench<'_>, remembers: bool) -> Result<Outcome, Trouble> {
    if !bench.pulls {
        return Ok(Outcome::not_applicable(NO_PULLS));
    }
    let mut faults = Vec::new();
    for (pull, name) in [(Bias::PullUp, "up"), (Bias::PullDown, "down")] {
        let open = LineConfig { drive: Drive::OpenDrain, bias: Some(pull), ..output(false) };
        bench.set(Side::Listener, input(Some(pull)))?;
        bench.set(Side::Driver, open)?;
        for (active, high) in [(false, false), (true, pull == Bias::PullUp), (false, false)] {
            bench.write(active)?;
            bench.settle()?;
            if bench.read(Side::Listener)? != high {
                let (value, level) =
                    (if active { "active" } else { "inactive" }, if high { "low" } else { "high" });
                faults.push(format!("pulled {name} and {value} it is {level}"));
            }
        }
    }
    if remembers && !faults.is_empty() {
        return Ok(Outcome::not_applicable(format!(
            "gpio-sim leaves an open drain that is let go at its level ({})",
            faults.join("; ")
        )));
    }
    Ok(Outcome::judged(
        &faults,
        "inactive is driven low, active is left to the pulls: high with up, low with down",
    ))
}

/// Active-low turns round what is written, and what is read and heard.
pub(super) fn active_low(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    let pull = bench.pull(Bias::PullDown);
    let mut faults = Vec::new();
    for (driver_low, listener_low, name) in
        [(true, false, "driver"), (false, true, "listener"), (true, true, "pair")]
    {
        bench.set(Side::Driver, input(pull))?;
        bench.set(Side::Listener, LineConfig { active_low: listener_low, ..watched(pull) })?;
        bench.set(Side::Driver, LineConfig { active_low: driver_low, ..output(false) })?;
        bench.listen()?;
        for written in [true, false] {
            bench.write(written)?;
            let heard = bench.hear(1, PATIENCE_NS)?;
            let seen = written != (driver_low != listener_low);
            let edge = if seen { Edge::Rising } else { Edge::Falling };
            let edges: Vec<Edge> = heard.iter().map(|heard| heard.event.edge).collect();
            if bench.read(Side::Listener)? != seen || edges != [edge] {
                faults.push(format!("with an active-low {name}, {written} arrives wrongly ({edges:?})"));
            }
        }
    }
    Ok(Outcome::judged(&faults, "values and edges are turned round by either end, and back by both"))
}
