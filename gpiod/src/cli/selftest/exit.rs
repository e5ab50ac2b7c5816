//! What an output does when its holder is killed: what the board says of it, held against what the wire does.

use super::bench::{Bench, PATIENCE_NS, Side, watched};
use super::holder::Holder;
use super::reach::Reach;
use super::report::{Outcome, Verdict};
use super::stop::Trouble;
use crate::backend::{Backend, Error};
use crate::clock::now_ns;
use crate::line::{Bias, LineId, OnExit};

/// How long an output that is to keep its level is looked at after its holder's end.
const KEEPS_NS: u64 = 200_000_000;
/// How long the board may take to notice that a holder has gone. A kernel knows it before anybody else.
const NOTICED_NS: u64 = 2 * PATIENCE_NS;

/// What the wire did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    high: bool,
    edges: usize,
}

/// A claimed output.
pub(super) fn claimed(bench: &mut Bench<'_>, reach: &Reach) -> Result<Outcome, Trouble> {
    let promised = bench.pair.driver.at_exit.claimed;
    if promised == Some(OnExit::Input) && !bench.pulls {
        return Ok(Outcome::not_applicable(
            "an output that becomes an input is seen by its pull, with --no-pulls not",
        ));
    }
    let seen = killed(bench, reach, true)?;
    Ok(judged(promised, seen, "claimed output"))
}

/// An output that is driven without a claim, where the board can: it is kept, always.
pub(super) fn unclaimed(bench: &mut Bench<'_>, reach: &Reach) -> Result<Outcome, Trouble> {
    if !bench.pair.driver.at_exit.unclaimed {
        let why = format!("backend {} drives no line without a claim", bench.backend.kind());
        return Ok(Outcome::not_applicable(why));
    }
    let seen = killed(bench, reach, false)?;
    Ok(judged(Some(OnExit::Keep), seen, "output without a claim"))
}

fn killed(bench: &mut Bench<'_>, reach: &Reach, claim: bool) -> Result<Option<Seen>, Trouble> {
    let pull = bench.pull(Bias::PullDown);
    bench.set(Side::Listener, watched(pull))?;
    bench.free_driver();
    let driver = &bench.pair.driver;
    await_free(bench, driver.id)?;
    let mut holder = Holder::start(bench.stop, reach, driver, claim, bench.pulls)?;
    bench.settle()?;
    if !bench.read(Side::Listener)? {
        return Ok(None);
    }
    bench.listen()?;
    holder.kill()?;
    await_free(bench, driver.id)?;
    let edges = bench.hear(1, KEEPS_NS)?.len();
    let high = bench.read(Side::Listener)?;
    Ok(Some(Seen { high, edges }))
}

/// Waits until the board shows nobody who holds the line.
fn await_free(bench: &Bench<'_>, line: LineId) -> Result<(), Trouble> {
    let begin_ns = now_ns();
    while held(bench.backend, line)? && now_ns() - begin_ns < NOTICED_NS {
        // Not every board tells when a line is let go.
        bench.stop.pass(2_000_000)?;
    }
    Ok(())
}

fn held(backend: &dyn Backend, line: LineId) -> Result<bool, Error> {
    Ok(backend.lines()?.into_iter().any(|info| info.id == line && info.consumer.is_some()))
}

fn judged(promised: Option<OnExit>, seen: Option<Seen>, what: &str) -> Outcome {
    let Some(Seen { high, edges }) = seen else {
        return Outcome::failed(format!("the {what} of another process was not seen at the other end"));
    };
    let did = match (high, edges) {
        (true, 0) => "kept its level without a blink",
        (true, _) => "blinked",
        (false, 0 | 1) => "fell to its pull",
        (false, _) => "fell to its pull, not at once",
    };
    let does = match promised {
        Some(OnExit::Keep) if (high, edges) == (true, 0) => Verdict::Passed,
        Some(OnExit::Input) if (high, edges) == (false, 1) => Verdict::Passed,
        Some(_) => Verdict::Failed,
        None => Verdict::NotApplicable,
    };
    let told = match promised {
        Some(OnExit::Keep) => "as this board says",
        Some(OnExit::Input) => "as this board says (it becomes an input)",
        None => "the board promises nothing",
    };
    match does {
        Verdict::Passed => Outcome::passed(format!("its holder killed, a {what} {did}, {told}")),
        Verdict::NotApplicable => {
            Outcome::not_applicable(format!("{told}; its holder killed, a {what} {did} this time"))
        }
        Verdict::Failed => {
            let expected = if promised == Some(OnExit::Keep) { "keep its level" } else { "become an input" };
            Outcome::failed(format!(
                "its holder killed, a {what} {did}; the board says that it is to {expected}"
            ))
        }
    }
    .measure("high", high)
    .measure("edges", edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_kept_only_by_what_it_says() {
        let verdict = |promised, high, edges| judged(promised, Some(Seen { high, edges }), "output").verdict;
        assert_eq!(verdict(Some(OnExit::Keep), true, 0), Verdict::Passed);
        assert_eq!(verdict(Some(OnExit::Input), false, 1), Verdict::Passed);
        for (promised, high, edges) in [
            (OnExit::Keep, false, 1),
            (OnExit::Keep, true, 2),
            (OnExit::Input, true, 0),
            (OnExit::Input, false, 3),
        ] {
            assert_eq!(verdict(Some(promised), high, edges), Verdict::Failed, "{promised} {high} {edges}");
        }
        assert_eq!(verdict(None, true, 0), Verdict::NotApplicable);
        assert_eq!(judged(Some(OnExit::Keep), None, "output").verdict, Verdict::Failed);
    }
}
