//! Running a program that was checked: step after step, each stamped with when it truly took effect.

use crate::broker::{ProgramHold, Watch};
use crate::clock;
use crate::error::Error;
use crate::line::{Moment, Values};
use crate::pace::Pace;
use crate::program::{Step, StepResult};
use crate::watch::{EdgeFilter, Event};
use std::collections::VecDeque;
use std::future::poll_fn;

/// What a program did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One for each step that ran.
    pub steps: Vec<StepResult>,
    /// The values of all lines of the session at the end.
    pub values: Values,
    /// Edges that were lost while it ran.
    pub lost_edges: u64,
}

/// How long an edge of the kernel may be on its way before what the daemon saw in its place is taken for it.
const DOUBT_NS: u64 = 20_000_000;

/// Runs the steps on the lines that were reserved for them. Dropping the future ends the program where it is.
///
/// After each step the others that are due have their turn.
///
/// # Errors
/// [`Error::SessionEnded`], [`Error::Stopping`], [`Error::Hardware`].
pub async fn run(hold: ProgramHold, steps: &[Step], pace: &Pace) -> Result<Outcome, Error> {
    let mut done = Vec::with_capacity(steps.len());
    let mut edges = Edges { hold: &hold, pace, waiting: VecDeque::new(), lost: 0 };
    // When the step before had its effect, at the earliest: an edge counts from there on.
    let mut since_ns = hold.begun_ns;
    for step in steps {
        let result = match *step {
            Step::Set { mask, bits } => at(hold.set(mask, bits)?),
            Step::Direction { mask, direction, bits } => at(hold.direction(mask, direction, bits)?),
            Step::Wait { duration_ns } => at(pace.until(since_ns.saturating_add(duration_ns)).await),
            Step::Edge { mask, filter, timeout_ns } => {
                edges.gather(Wanted { mask, filter, since_ns, count: 1, timeout_ns }).await?
            }
            Step::Capture { mask, filter, count, timeout_ns } => {
                edges.gather(Wanted { mask, filter, since_ns, count: count as usize, timeout_ns }).await?
            }
        };
        since_ns = result.timestamp_ns.saturating_sub(result.uncertainty_ns);
        let timed_out = result.timed_out;
        done.push(result);
        if timed_out {
            break;
        }
        // A wait has just given way, and what it waited for should come now.
        if !matches!(step, Step::Wait { .. }) {
            pace.give_way().await;
        }
    }
    let lost_edges = edges.lost;
    Ok(Outcome { steps: done, values: hold.values()?, lost_edges })
}

struct Wanted {
    mask: u64,
    filter: EdgeFilter,
    since_ns: u64,
    count: usize,
    timeout_ns: u64,
}

/// The edges that came and that no step has used yet.
struct Edges<'a> {
    hold: &'a ProgramHold,
    pace: &'a Pace,
    waiting: VecDeque<Event>,
    lost: u64,
}

impl<'a> Edges<'a> {
    /// Waits until the wanted edges are there or their time is over. Edges that were stamped in time count even if
    /// they are read late: it is their time that was asked for, not ours.
    async fn gather(&mut self, wanted: Wanted) -> Result<StepResult, Error> {
        let deadline_ns = wanted.since_ns.saturating_add(wanted.timeout_ns);
        let pace = self.pace;
        let mut found = Vec::new();
        let mut over = false;
        // A change that the daemon saw and the kernel did not, yet: the kernel's stamp is better, if it comes.
        let unseen = self.hold.has_unseen(wanted.mask)?;
        let mut doubt_ns = unseen.then(|| clock::now_ns().saturating_add(DOUBT_NS));
        loop {
            self.refill();
            // Lines of several groups may come out of step: what does not fit now may be for a later step.
            for event in std::mem::take(&mut self.waiting) {
                let fits = wanted.mask >> event.position & 1 == 1 && wanted.filter.wants(event.edge);
                let in_time = wanted.since_ns <= event.timestamp_ns && event.timestamp_ns <= deadline_ns;
                if fits && in_time && found.len() < wanted.count {
                    found.push(event);
                } else if event.timestamp_ns >= wanted.since_ns {
                    self.waiting.push_back(event);
                }
            }
            if found.len() == wanted.count {
                let timestamp_ns = found.iter().map(|event| event.timestamp_ns).max().unwrap_or_default();
                let uncertainty_ns = found.iter().map(|event| event.uncertainty_ns).max().unwrap_or_default();
                return Ok(StepResult { timed_out: false, timestamp_ns, uncertainty_ns, edges: found });
            }
            if over {
                let timestamp_ns = clock::now_ns();
                return Ok(StepResult { timed_out: true, timestamp_ns, uncertainty_ns: 0, edges: found });
            }
            tokio::select! {
                () = self.arrival() => {}
                () = pace.alarm(doubt_ns.unwrap_or(deadline_ns)) => {
                    // What the board stamped in time may still be on its way through the reactor: let it arrive.
                    pace.settle().await;
                    self.waiting.extend(self.hold.take_unseen(wanted.mask)?);
                    over = doubt_ns.take().is_none();
                }
            }
        }
    }

    fn watch(&self) -> Option<&'a Watch> {
        self.hold.watch.as_ref()
    }

    fn refill(&mut self) {
        while let Some(batch) = self.watch().and_then(|watch| watch.queue().take()) {
            self.lost += batch.losses.counted();
            self.waiting.extend(batch.events);
        }
        self.waiting.make_contiguous().sort_by_key(|event| event.timestamp_ns);
        // A line that no step asks for yet may chatter: the newest are kept, as a watcher's queue does.
        let beyond = self.waiting.len().saturating_sub(self.hold.most_edges());
        self.waiting.drain(..beyond);
        self.lost += beyond as u64;
    }

    async fn arrival(&mut self) {
        match self.watch() {
            Some(watch) => {
                if let Some(batch) = poll_fn(|context| watch.queue().poll_take(context)).await {
                    self.lost += batch.losses.counted();
                    self.waiting.extend(batch.events);
                } else {
                    // The daemon is stopping; the session's end comes next, and drops this future.
                    std::future::pending::<()>().await;
                }
            }
            None => std::future::pending().await,
        }
    }
}

fn at(moment: Moment) -> StepResult {
    StepResult {
        timed_out: false,
        timestamp_ns: moment.timestamp_ns,
        uncertainty_ns: moment.uncertainty_ns,
        edges: Vec::new(),
    }
}
