//! Levels through the wire, each read back, and how long writing and reading take.

use super::bench::{Bench, PATIENCE_NS, Side, input, output};
use super::latency::Latency;
use super::report::Outcome;
use super::stop::Trouble;
use crate::clock::now_ns;
use crate::line::Bias;

/// How long all of it may take; what was done by then is told.
pub(super) const TIME_NS: u64 = 10_000_000_000;

/// Drives one level after the other.
pub(super) fn toggles(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    let pull = bench.pull(Bias::PullDown);
    bench.set(Side::Listener, input(pull))?;
    bench.set(Side::Driver, output(false))?;
    bench.settle()?;
    let (mut writes, mut reads) = (Latency::default(), Latency::default());
    let (mut done, mut late, mut wrong) = (0u32, 0u32, 0u32);
    let begin_ns = now_ns();
    while done < bench.count && now_ns() - begin_ns < TIME_NS && wrong < 3 {
        bench.stop.check()?;
        let level = done % 2 == 0;
        let start_ns = now_ns();
        bench.write(level)?;
        let written_ns = now_ns();
        let read = bench.read(Side::Listener)?;
        reads.add(now_ns() - written_ns);
        writes.add(written_ns - start_ns);
        done += 1;
        if read != level {
            let came = came_later(bench, level)?;
            late += u32::from(came);
            wrong += u32::from(!came);
        }
    }
    let mut faults = Vec::new();
    if wrong > 0 {
        faults.push(format!("{wrong} of {done} levels did not arrive"));
    }
    let mut says = format!("{done} levels driven, each read back at the other end");
    if done < bench.count {
        says += &format!(" (of {}; then time was over)", bench.count);
    }
    if late > 0 {
        says += &format!("; {late} of them not at the first look");
    }
    Ok(Outcome::judged(&faults, says)
        .and(format!("write {}", writes.text()))
        .and(format!("read  {}", reads.text()))
        .measure("levels", done)
        .measure("late", late)
        .measure("wrong", wrong)
        .measure("write_ns", writes.json())
        .measure("read_ns", reads.json()))
}

/// Whether a level arrives after all, as behind a slow filter.
fn came_later(bench: &mut Bench<'_>, level: bool) -> Result<bool, Trouble> {
    let begin_ns = now_ns();
    while now_ns() - begin_ns < PATIENCE_NS {
        bench.stop.check()?;
        if bench.read(Side::Listener)? == level {
            return Ok(true);
        }
    }
    Ok(false)
}
