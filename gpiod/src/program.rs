//! Programs: short timed sequences on the lines of a session, checked whole before the first step moves anything.

mod check;

pub use check::{Mistake, Shape, check};

use crate::line::Direction;
use crate::watch::{EdgeFilter, Event};

/// The most edges that one capture may ask for.
pub const MAX_CAPTURE: u32 = 1024;

/// One step. Masks are over the lines of the session, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sets outputs.
    Set {
        /// Which.
        mask: u64,
        /// To what; 1 is active.
        bits: u64,
    },
    /// Changes the direction of lines configured as `both`.
    Direction {
        /// Which.
        mask: u64,
        /// To what.
        direction: Direction,
        /// For outputs, the values from the first moment.
        bits: u64,
    },
    /// Lets time pass.
    Wait {
        /// How much, in ns, from the end of the step before.
        duration_ns: u64,
    },
    /// Waits for an edge.
    Edge {
        /// On any of which lines.
        mask: u64,
        /// Which edges.
        filter: EdgeFilter,
        /// How long, in ns.
        timeout_ns: u64,
    },
    /// Gathers edges.
    Capture {
        /// On which lines.
        mask: u64,
        /// Which edges.
        filter: EdgeFilter,
        /// How many.
        count: u32,
        /// How long to wait for all of them, in ns.
        timeout_ns: u64,
    },
}

impl Step {
    /// The lines that the step touches or listens to.
    pub fn mask(&self) -> u64 {
        match *self {
            Self::Set { mask, .. }
            | Self::Direction { mask, .. }
            | Self::Edge { mask, .. }
            | Self::Capture { mask, .. } => mask,
            Self::Wait { .. } => 0,
        }
    }

    /// The lines whose edges the step listens to.
    pub fn edge_mask(&self) -> u64 {
        match *self {
            Self::Edge { mask, .. } | Self::Capture { mask, .. } => mask,
            Self::Set { .. } | Self::Direction { .. } | Self::Wait { .. } => 0,
        }
    }

    /// The longest that the step may take, in ns.
    fn longest_ns(&self) -> u64 {
        match *self {
            Self::Wait { duration_ns } => duration_ns,
            Self::Edge { timeout_ns, .. } | Self::Capture { timeout_ns, .. } => timeout_ns,
            Self::Set { .. } | Self::Direction { .. } => 0,
        }
    }
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// Whether its time-out passed; the program ended with it.
    pub timed_out: bool,
    /// When it took effect: CLOCK_MONOTONIC, ns.
    pub timestamp_ns: u64,
    /// The true moment is at most this many ns away.
    pub uncertainty_ns: u64,
    /// The edges that it saw.
    pub edges: Vec<Event>,
}
