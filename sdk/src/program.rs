//! Programs: short timed sequences that run inside the daemon, so that no jitter of the transport is in the result.

pub(crate) mod wire;

use crate::line::Edge;
use crate::line::name::{Assignment, LineRefs};
use crate::values::Values;
use crate::watch::EdgeEvent;
use std::time::Duration;

/// A sequence of steps, for [`Session::program`](crate::Session::program) and
/// [`Client::run_program`](crate::Client::run_program).
///
/// Lines are named by handles (in a session) or by names (in both). Nothing is checked before the program is run;
/// it is checked whole then, before anything moves.
///
/// ```
/// # use gpiod_sdk::{Edge, Program, Value};
/// # use std::time::Duration;
/// // One reading of a photoresistor: empty the capacitor, let go, time the edge.
/// let reading = Program::new()
///     .drive([("ldr", Value::Inactive)])
///     .wait(Duration::from_millis(100))
///     .listen("ldr")
///     .wait_edge("ldr", Edge::Rising, Duration::from_secs(2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub(crate) steps: Vec<Step>,
}

/// A step, its lines not yet turned into positions.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Set(Vec<Assignment>),
    Drive(Vec<Assignment>),
    Listen(LineRefs),
    Wait(Duration),
    Edge { lines: LineRefs, edge: Edge, timeout: Duration },
    Capture { lines: LineRefs, edge: Edge, count: u32, timeout: Duration },
}

impl Program {
    /// A program without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets values, all at once. The lines must be outputs at that point.
    #[must_use]
    pub fn set(self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Self {
        self.step(Step::Set(values.into_iter().map(Into::into).collect()))
    }

    /// Makes lines that are configured as `both` outputs, which drive the values from the first moment.
    #[must_use]
    pub fn drive(self, values: impl IntoIterator<Item = impl Into<Assignment>>) -> Self {
        self.step(Step::Drive(values.into_iter().map(Into::into).collect()))
    }

    /// Makes lines that are configured as `both` inputs.
    #[must_use]
    pub fn listen(self, lines: impl Into<LineRefs>) -> Self {
        self.step(Step::Listen(lines.into()))
    }

    /// Lets time pass, from the end of the step before.
    #[must_use]
    pub fn wait(self, duration: Duration) -> Self {
        self.step(Step::Wait(duration))
    }

    /// Waits for the first edge of any of the lines. An edge counts if it came after the step before had its
    /// effect. When the time-out passes without one, the program ends here.
    #[must_use]
    pub fn wait_edge(self, lines: impl Into<LineRefs>, edge: Edge, timeout: Duration) -> Self {
        self.step(Step::Edge { lines: lines.into(), edge, timeout })
    }

    /// Gathers `count` edges of the lines, 1 to 1,024. An edge counts if it came after the step before had its
    /// effect. When the time-out passes before it has all, the program ends here with those it has.
    #[must_use]
    pub fn capture(self, lines: impl Into<LineRefs>, edge: Edge, count: u32, timeout: Duration) -> Self {
        self.step(Step::Capture { lines: lines.into(), edge, count, timeout })
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// It did what it says.
    Done,
    /// Its time-out passed; the program ended with it.
    TimedOut,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// How it ended.
    pub outcome: StepOutcome,
    /// When it took effect: the moment of the write, the true end of a wait, the time stamp of the (last) edge, or
    /// the moment at which a time-out was noticed. CLOCK_MONOTONIC of the node, ns.
    pub timestamp_ns: u64,
    /// The true moment is at most this many ns away; 0 where the kernel or the board stamped it.
    pub uncertainty_ns: u64,
    /// The edges of a `wait_edge` (one) or a `capture`. Their `seqno` is 0.
    pub edges: Vec<EdgeEvent>,
}

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramResult {
    /// One for each step that ran. Fewer than the program has means that the last one timed out.
    pub steps: Vec<StepResult>,
    /// The values of all lines of the session or request when the program ended.
    pub values: Values,
    /// Edges that the kernel lost while the program ran; above 0, a `wait_edge` or `capture` may have missed some.
    pub lost_edges: u64,
}

impl ProgramResult {
    /// What the step at that position of the program did, counted from 0; `None` where it did not run.
    pub fn step(&self, i: usize) -> Option<&StepResult> {
        self.steps.get(i)
    }

    /// The position of the step whose time-out ended the program; `None` where all steps were done.
    pub fn timed_out(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.outcome == StepOutcome::TimedOut)
    }

    /// The time between the effects of two steps; `None` where one of them did not run, or they are not in that
    /// order.
    pub fn between(&self, from: usize, to: usize) -> Option<Duration> {
        let ns = self.step(to)?.timestamp_ns.checked_sub(self.step(from)?.timestamp_ns)?;
        Some(Duration::from_nanos(ns))
    }
}
