//! Edges: one at a time, none missing; and as many as can be at once, with what was lost told apart.

use super::bench::{Bench, Heard, PATIENCE_NS, Side, output, watched};
use super::latency::Latency;
use super::levels::TIME_NS;
use super::report::Outcome;
use super::stop::Trouble;
use crate::clock::now_ns;
use crate::line::{Bias, Edge, Moment};
use std::num::Wrapping;

/// How many edges a burst has: fewer than the kernel keeps (1,024), so that a late reader loses none.
const BURST: u32 = 1000;
/// After so much silence a burst is over.
const SILENCE_NS: u64 = 1_000_000_000;

fn begin(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let pull = bench.pull(Bias::PullDown);
    bench.set(Side::Listener, watched(pull))?;
    bench.set(Side::Driver, output(false))?;
    bench.listen()
}

fn expected(level: bool) -> Edge {
    if level { Edge::Rising } else { Edge::Falling }
}

/// Drives edges one by one, each awaited.
pub(super) fn single(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    begin(bench)?;
    let (mut to_stamp, mut to_reader) = (Latency::default(), Latency::default());
    let (mut done, mut faults) = (0u32, Vec::new());
    let mut last: Option<u32> = None;
    let begin_ns = now_ns();
    while done < bench.count && now_ns() - begin_ns < TIME_NS && faults.is_empty() {
        let level = done % 2 == 0;
        let written = bench.write(level)?;
        let heard = bench.hear(1, PATIENCE_NS)?;
        done += 1;
        let fault = match heard[..] {
            [one] => fault(&one, level, written, last),
            [] => Some("did not come".to_owned()),
            _ => Some(format!("came {} times", heard.len())),
        };
        faults.extend(fault.map(|fault| format!("edge {done} of {} {fault}", bench.count)));
        for Heard { event, read_ns } in heard {
            last = Some(event.line_seqno);
            to_stamp.add(event.timestamp_ns.saturating_sub(written.earliest_ns()));
            to_reader.add(read_ns.saturating_sub(event.timestamp_ns));
        }
    }
    let mut says = format!("{done} edges, all there, in order, their numbers without a gap");
    if done < bench.count {
        says += &format!(" (of {}; then time was over)", bench.count);
    }
    Ok(Outcome::judged(&faults, says)
        .and(format!("write to kernel's stamp {}", to_stamp.text()))
        .and(format!("stamp to reader         {}", to_reader.text()))
        .measure("edges", done)
        .measure("write_to_stamp_ns", to_stamp.json())
        .measure("stamp_to_reader_ns", to_reader.json()))
}

fn fault(heard: &Heard, level: bool, written: Moment, last: Option<u32>) -> Option<String> {
    let event = heard.event;
    if event.edge != expected(level) {
        return Some("is the wrong edge".to_owned());
    }
    if event.timestamp_ns < written.earliest_ns() || event.timestamp_ns > heard.read_ns {
        return Some("is stamped with a moment at which it was not".to_owned());
    }
    let gap = last.filter(|last| Wrapping(event.line_seqno) != Wrapping(*last) + Wrapping(1));
    gap.map(|last| format!("has number {} after {last}", event.line_seqno))
}

/// What became of the edges of a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Account {
    delivered: u32,
    /// Gaps in the numbers: the kernel's buffer was full.
    lost: u32,
    /// Two equal edges in a row, with no gap between them: the one between was never seen.
    doubled: u32,
    /// Numbers that do not rise.
    disorder: u32,
}

fn account(numbers_and_edges: impl IntoIterator<Item = (u32, Edge)>, before: Option<u32>) -> Account {
    let mut account = Account::default();
    let mut last: Option<(u32, Option<Edge>)> = before.map(|number| (number, Some(Edge::Falling)));
    for (number, edge) in numbers_and_edges {
        account.delivered += 1;
        if let Some((last_number, last_edge)) = last {
            match number.wrapping_sub(last_number) {
                0 => account.disorder += 1,
                1 => account.doubled += u32::from(last_edge == Some(edge)),
                step if step > u32::MAX / 2 => account.disorder += 1,
                step => account.lost += step - 1,
            }
        }
        last = Some((number, Some(edge)));
    }
    account
}

/// Drives edges as fast as this board can, and reads them only then.
pub(super) fn burst(bench: &mut Bench<'_>) -> Result<Outcome, Trouble> {
    begin(bench)?;
    // One to know the number by, then back to low.
    bench.write(true)?;
    bench.write(false)?;
    let first = bench.hear(2, PATIENCE_NS)?;
    let before = first.last().map(|heard| heard.event.line_seqno).filter(|_| first.len() == 2);
    bench.listen()?;
    let begin_ns = now_ns();
    for n in 0..BURST {
        bench.write(n % 2 == 0)?;
    }
    let took_ns = now_ns() - begin_ns;
    let heard = bench.hear(BURST as usize, SILENCE_NS)?;
    let all = account(heard.iter().map(|heard| (heard.event.line_seqno, heard.event.edge)), before);
    let swallowed = BURST.saturating_sub(all.delivered + all.lost);
    let mut faults = Vec::new();
    if all.delivered + all.lost > BURST {
        faults.push(format!("{} edges for {BURST} that were driven", all.delivered + all.lost));
    }
    if all.disorder > 0 {
        faults.push(format!("{} edges out of order", all.disorder));
    }
    if all.delivered == 0 {
        faults.push("no edge came".to_owned());
    }
    let says = format!(
        "{BURST} edges in {} ms: {} delivered, {} lost by the kernel, {swallowed} swallowed by the chip ({} times \
         two equal edges in a row)",
        took_ns / 1_000_000,
        all.delivered,
        all.lost,
        all.doubled
    );
    Ok(Outcome::judged(&faults, says)
        .measure("driven", BURST)
        .measure("took_ns", took_ns)
        .measure("delivered", all.delivered)
        .measure("lost_by_kernel", all.lost)
        .measure("swallowed_by_chip", swallowed)
        .measure("equal_in_a_row", all.doubled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Edge::{Falling, Rising};

    #[test]
    fn what_the_kernel_lost_is_told_from_what_the_chip_swallowed() {
        let all = [(6, Rising), (7, Falling), (8, Rising)];
        assert_eq!(account(all, Some(5)), Account { delivered: 3, ..Account::default() });
        let gap = [(7, Falling), (10, Falling)];
        assert_eq!(account(gap, Some(5)), Account { delivered: 2, lost: 3, ..Account::default() });
        let swallowed = [(6, Rising), (7, Rising), (8, Falling)];
        assert_eq!(account(swallowed, Some(5)), Account { delivered: 3, doubled: 1, ..Account::default() });
        let disorder = [(6, Rising), (6, Falling), (5, Rising)];
        assert_eq!(account(disorder, Some(5)), Account { delivered: 3, disorder: 2, ..Account::default() });
    }

    #[test]
    fn numbers_that_begin_anew_after_the_largest_are_no_gap() {
        let all = [(u32::MAX, Rising), (0, Falling)];
        assert_eq!(account(all, None), Account { delivered: 2, ..Account::default() });
    }
}
