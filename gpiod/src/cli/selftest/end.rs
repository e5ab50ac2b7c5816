//! The end of a test: the lines are let go, as inputs.

use super::bench::{Bench, PATIENCE_NS, usual_bias};
use super::lines::Pair;
use super::report::Outcome;
use super::stop::{Stop, Trouble};
use crate::backend::Backend;
use crate::clock::now_ns;
use crate::line::{Bias, Direction, LineInfo};

/// Lets both lines go, whatever was before, and looks whether they are free inputs.
pub(super) fn let_go(bench: Bench<'_>) -> Result<Outcome, Trouble> {
    let (backend, stop, pair, pulls) = (bench.backend, bench.stop, bench.pair, bench.pulls);
    bench.end()?;
    let begin_ns = now_ns();
    loop {
        let wrong = not_let_go(backend, pair)?;
        if wrong.is_empty() {
            break;
        }
        if now_ns() - begin_ns > PATIENCE_NS {
            return Ok(Outcome::failed(wrong.join("; ")));
        }
        wait(stop)?;
    }
    let pull = |info: &LineInfo| match usual_bias(info).filter(|_| pulls) {
        Some(Bias::PullUp) => "pull-up",
        Some(Bias::PullDown) => "pull-down",
        Some(Bias::Disabled) => "no pull",
        None => "no pull known",
    };
    let words =
        [&pair.driver, &pair.listener].map(|info| format!("{} with {}", info.name_or_place(), pull(info)));
    Ok(Outcome::passed(format!("both lines are free inputs: {} (as at power-on)", words.join(", "))))
}

/// A board of another process needs a moment to see that we have let go.
fn wait(stop: &Stop) -> Result<(), Trouble> {
    stop.pass(2_000_000)
}

fn not_let_go(backend: &dyn Backend, pair: &Pair) -> Result<Vec<String>, Trouble> {
    let ours = [pair.driver.id, pair.listener.id];
    let lines = backend.lines()?;
    let about = lines.iter().filter(|info| ours.contains(&info.id)).filter_map(|info| {
        let name = info.name_or_place();
        match (&info.consumer, info.direction) {
            (Some(consumer), _) => Some(format!("{name} is held by {consumer:?}")),
            (None, Direction::Output) => Some(format!("{name} is an output still")),
            (None, Direction::Input) => None,
        }
    });
    Ok(about.collect())
}
