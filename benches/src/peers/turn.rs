//! One turn of one program: all that is measured of it.

use super::arguments::Arguments;
use crate::Fallible;
use crate::chip::{Chip, interrupt_threads};
use crate::hand::Hand;
use crate::now_ns;
use crate::process::{Process, Usage, keep_on_one_processor};
use serde::Serialize;
use std::time::Duration;

/// The lines of a turn, by their BCM numbers. They are all on one chip, and the same for everybody.
pub(crate) const OUTPUT: u32 = 5;
/// Only read.
pub(crate) const INPUT: u32 = 6;
/// Only watched.
pub(crate) const WATCHED: u32 = 13;
/// An output that nobody holds, for calls that set free lines.
pub(crate) const FREE: u32 = 19;

/// After this long without an edge, no more will come.
pub(crate) const QUIET: Duration = Duration::from_secs(3);

/// How many calls are made before any is measured: programs reach their stride.
const WARM_UP: u32 = 100;

/// A client of a program, with an output, an input and a watch.
pub(crate) trait Subject {
    /// The output that [`write`](Self::write) sets.
    fn output(&self) -> u32 {
        OUTPUT
    }

    /// Sets the output; done when the program says that it is.
    fn write(&mut self, high: bool) -> Fallible<()>;

    /// Reads the input.
    fn read(&mut self) -> Fallible<bool>;

    /// Waits for the next word of the watch; `None` after [`QUIET`].
    fn heard(&mut self) -> Fallible<Option<Heard>>;

    /// Does nothing, but what a client does anyway to stay one.
    fn idle(&mut self, span: Duration) {
        #[expect(clippy::disallowed_methods, reason = "what is measured is this span of time")]
        std::thread::sleep(span);
    }

    /// The processes that serve this client.
    fn processes(&self) -> Vec<&Process>;
}

/// A word of a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// An edge, and when the kernel saw it.
    pub(crate) edge_ns: Option<u64>,
    /// How many edges are told to be lost before it.
    pub(crate) lost: u64,
}

/// What came out of a turn. Durations in ns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) write: Vec<u64>,
    pub(crate) read: Vec<u64>,
    pub(crate) edge: Vec<u64>,
    pub(crate) burst: Burst,
    pub(crate) idle: Vec<Idle>,
}

/// Edges in bursts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Burst {
    pub(crate) made: u64,
    pub(crate) arrived: u64,
    pub(crate) told_lost: u64,
    /// From the first edge made to the last one heard of.
    pub(crate) ns: u64,
}

/// What a process used while nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Idle {
    pub(crate) process: &'static str,
    pub(crate) span_ns: u64,
    pub(crate) processor_ns: u64,
    pub(crate) waits: u64,
}

/// Measures a program that is started for it; `None` where its watch is deaf from the beginning.
pub(crate) fn measure(
    start: impl FnOnce() -> Fallible<Box<dyn Subject>>,
    chip: &Chip,
    wanted: &Arguments,
) -> Fallible<Option<Outcome>> {
    // Moved low before anybody watches.
    let mut input = chip.pull(INPUT)?;
    let mut watched = chip.pull(WATCHED)?;
    let mut subject = start()?;
    let subject = subject.as_mut();
    if !wanted.spread {
        for thread in interrupt_threads()? {
            keep_on_one_processor(thread.parse()?)?;
        }
    }
    let mut outcome = Outcome::default();
    for number in 0..WARM_UP + wanted.calls {
        let high = number % 2 == 0;
        let begin = now_ns();
        subject.write(high)?;
        let took = now_ns() - begin;
        if number < WARM_UP {
            // What says that it was done has done it.
            if chip.is_high(subject.output())? != high {
                return Err("a write was answered, and the line was not set".into());
            }
        } else {
            outcome.write.push(took);
        }
    }
    for number in 0..WARM_UP + wanted.calls {
        if number < WARM_UP {
            input.set(number % 2 == 0)?;
        }
        let begin = now_ns();
        let high = subject.read()?;
        let took = now_ns() - begin;
        if number < WARM_UP {
            if high != (number % 2 == 0) {
                return Err("a read was answered, and not with the line's level".into());
            }
        } else {
            outcome.read.push(took);
        }
    }
    // The first two: as above.
    for number in 0..2 + wanted.edges {
        watched.toggle()?;
        let heard = subject.heard()?;
        let now = now_ns();
        let Some(heard) = heard else {
            return if number == 0 {
                Ok(None)
            } else {
                Err(format!("edge {number} was not heard of").into())
            };
        };
        let edge_ns = heard.edge_ns.ok_or("a single edge was told to be lost")?;
        if number >= 2 {
            outcome.edge.push(now.checked_sub(edge_ns).ok_or("an edge is stamped with another clock")?);
        }
    }
    let hand = Hand::on(watched)?;
    outcome.burst = burst(subject, &hand, wanted.burst)?;
    outcome.idle = idle(subject, wanted.idle)?;
    Ok(Some(outcome))
}

fn burst(subject: &mut dyn Subject, hand: &Hand, edges: u32) -> Fallible<Burst> {
    let mut burst = Burst { made: edges.into(), ..Burst::default() };
    let begin = now_ns();
    hand.make(edges)?;
    let mut made = false;
    while burst.arrived + burst.told_lost < burst.made {
        match subject.heard()? {
            Some(heard) => {
                burst.arrived += u64::from(heard.edge_ns.is_some());
                burst.told_lost += heard.lost;
                burst.ns = now_ns() - begin;
            }
            // Quiet once more after the last edge was made: it had its time.
            None if made => break,
            None => made = hand.rests()?,
        }
    }
    if !made {
        hand.rest()?;
    }
    Ok(burst)
}

fn idle(subject: &mut dyn Subject, span: Duration) -> Fallible<Vec<Idle>> {
    let usage = |subject: &dyn Subject| -> Fallible<Vec<Usage>> {
        subject.processes().into_iter().map(Process::usage).collect()
    };
    let (before, begin) = (usage(subject)?, now_ns());
    subject.idle(span);
    let (after, span_ns) = (usage(subject)?, now_ns() - begin);
    let used = subject.processes().into_iter().zip(before.iter().zip(&after));
    Ok(used
        .map(|(process, (before, after))| Idle {
            process: process.name(),
            span_ns,
            processor_ns: after.processor_ns - before.processor_ns,
            waits: after.waits_since(before),
        })
        .collect())
}
