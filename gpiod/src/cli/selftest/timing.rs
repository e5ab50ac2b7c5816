//! Edges that must not be: of a first value, and of what does not last; and when a line that is let go turns.

use super::bench::{Bench, Heard, PATIENCE_NS, Side, input, output, watched};
use super::latency::{Latency, micros};
use super::report::Outcome;
use super::stop::Trouble;
use crate::line::{Bias, Edge, LineConfig};

const MS: u64 = 1_000_000;
/// The debounce period that is tried, and a pulse on either side of it.
const DEBOUNCE_NS: u64 = 5 * MS;
const SHORT_NS: u64 = MS;
const LONG_NS: u64 = 20 * MS;
/// How often a short pulse may be tried where the machine makes it too long.
const TRIES: u32 = 10;
/// How long to look for an edge that must not come.
const NONE_NS: u64 = 20 * MS;
/// How often a line is turned round.
const TURNS: u32 = 20;

fn kinds(heard: &[Heard]) -> Vec<Edge> {
    heard.iter().map(|heard| heard.event.edge).collect()
}

/// A line that is taken as an output has its first value from the first moment: the listener hears the change to it, if
/// it is one, and nothing else.
pub(super) fn first_value(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    if !bench.pulls {
        return Ok(Outcome::not_applicable("with --no-pulls it is not known where a free line stands"));
    }
    let mut faults = Vec::new();
    for (before, first) in [(false, true), (false, false), (true, false), (true, true)] {
        let pull = Some(if before { Bias::PullUp } else { Bias::PullDown });
        bench.set(Side::Driver, input(pull))?;
        bench.set(Side::Listener, watched(pull))?;
        bench.listen()?;
        bench.take_driver(LineConfig { bias: pull, ..output(first) })?;
        let expected: &[Edge] = match (before, first) {
            (false, true) => &[Edge::Rising],
            (true, false) => &[Edge::Falling],
            _ => &[],
        };
        let mut heard = bench.hear(expected.len(), PATIENCE_NS)?;
        heard.extend(bench.overhear(NONE_NS)?);
        if kinds(&heard) != expected {
            faults.push(format!(
                "from {} to {} the listener heard {:?}",
                u8::from(before),
                u8::from(first),
                kinds(&heard)
            ));
        }
    }
    Ok(Outcome::judged(&faults, "an output begins with its first value: no other edge was heard, four times"))
}

/// A pulse that is shorter than the debounce period is not heard, a longer one is.
pub(super) fn debounce(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    let pull = bench.pull(Bias::PullDown);
    bench.set(Side::Driver, output(false))?;
    bench.set(Side::Listener, LineConfig { debounce_ns: DEBOUNCE_NS, ..watched(pull) })?;
    // The period may have begun with what was before.
    bench.stop.pass(2 * DEBOUNCE_NS)?;
    let mut short_ns = u64::MAX;
    let mut tries = 0;
    while short_ns >= DEBOUNCE_NS {
        if tries == TRIES {
            return Ok(Outcome::not_applicable("this machine is too busy for a pulse of 1 ms"));
        }
        tries += 1;
        bench.stop.pass(2 * DEBOUNCE_NS)?;
        bench.listen()?;
        let rose = bench.write(true)?;
        // A pulse lasts: that is what is tried here.
        bench.stop.pass(SHORT_NS)?;
        short_ns = bench.write(false)?.latest_ns().saturating_sub(rose.earliest_ns());
    }
    let unwanted = bench.overhear(4 * DEBOUNCE_NS)?;
    bench.listen()?;
    let rose = bench.write(true)?;
    bench.stop.pass(LONG_NS)?;
    let fell = bench.write(false)?;
    let heard = bench.hear(2, PATIENCE_NS)?;
    let mut faults = Vec::new();
    if !unwanted.is_empty() {
        faults.push(format!("a pulse of {} us was heard", micros(short_ns)));
    }
    if kinds(&heard) != [Edge::Rising, Edge::Falling] {
        faults.push(format!("of a pulse of 20 ms {:?} was heard", kinds(&heard)));
    }
    let mut after = Latency::default();
    for (heard, moment) in heard.iter().zip([rose, fell]) {
        after.add(heard.event.timestamp_ns.saturating_sub(moment.earliest_ns()));
    }
    let says = format!("with 5 ms, a pulse of {} us is not heard and one of 20 ms is", micros(short_ns));
    Ok(Outcome::judged(&faults, says)
        .and(format!("stamped after the change: {}", after.text()))
        .measure("change_to_stamp_ns", after.json()))
}

/// As a sensor is read: a line is driven low and let go, then the other end raises it.
pub(super) fn turn_round(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    let low = bench.pull(Bias::PullDown);
    let (mut measured, mut uncertain) = (Latency::default(), Latency::default());
    let mut faults = Vec::new();
    for n in 1..=TURNS {
        bench.set(Side::Driver, input(low))?;
        bench.set(Side::Listener, output(false))?;
        bench.listen()?;
        let let_go = bench.set(Side::Listener, watched(bench.pull(Bias::Disabled)))?;
        let raised = bench.set(Side::Driver, output(true))?;
        let heard = bench.hear(1, PATIENCE_NS)?;
        let [Heard { event, .. }] = heard[..] else {
            faults.push(format!("at turn {n} {:?} was heard", kinds(&heard)));
            break;
        };
        if event.edge != Edge::Rising || event.timestamp_ns < raised.earliest_ns() {
            faults.push(format!("at turn {n} an edge came before the line was raised"));
            break;
        }
        measured.add(event.timestamp_ns.saturating_sub(let_go.timestamp_ns));
        uncertain.add(let_go.uncertainty_ns);
        // Low again, and seen to be, before the next turn.
        bench.listen()?;
        bench.write(false)?;
        let heard = bench.hear(1, PATIENCE_NS)?;
        if kinds(&heard) != [Edge::Falling] {
            faults.push(format!("after turn {n} {:?} was heard", kinds(&heard)));
            break;
        }
    }
    Ok(Outcome::judged(&faults, format!("{TURNS} times driven low, let go, and raised by the other end"))
        .and(format!("let go to edge {}", measured.text()))
        .and(format!("known to       {}", uncertain.text()))
        .measure("let_go_to_edge_ns", measured.json())
        .measure("uncertainty_ns", uncertain.json()))
}
