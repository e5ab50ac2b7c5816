//! Programs and their results.

use super::{direction, edge_filter, event, values};
use crate::error::Error;
use crate::program::Step;
use crate::run::Outcome;
use gpiod_proto::v1;

/// The steps of a program. Whether they can be done is not decided here.
pub(in crate::server) fn steps(program: Option<v1::Program>) -> Result<Vec<Step>, Error> {
    let steps = program.unwrap_or_default().steps;
    steps.into_iter().enumerate().map(|(index, step)| convert(index, step.step)).collect()
}

fn convert(index: usize, step: Option<v1::step::Step>) -> Result<Step, Error> {
    let mistake = |reason: String| Error::InvalidProgram(format!("step {index}: {reason}"));
    let in_step = |error: Error| mistake(error.to_string());
    Ok(match step {
        Some(v1::step::Step::Set(set)) => Step::Set { mask: set.mask, bits: set.bits },
        Some(v1::step::Step::Direction(step)) => Step::Direction {
            mask: step.mask,
            direction: direction(step.direction).map_err(in_step)?,
            bits: step.bits,
        },
        Some(v1::step::Step::Wait(wait)) => Step::Wait { duration_ns: wait.duration_ns },
        Some(v1::step::Step::Edge(step)) => Step::Edge {
            mask: step.mask,
            filter: edge_filter(step.edge).map_err(in_step)?,
            timeout_ns: step.timeout_ns,
        },
        Some(v1::step::Step::Capture(step)) => Step::Capture {
            mask: step.mask,
            filter: edge_filter(step.edge).map_err(in_step)?,
            count: step.count,
            timeout_ns: step.timeout_ns,
        },
        None => return Err(mistake("the step says nothing".to_owned())),
    })
}

/// What a program did.
pub(in crate::server) fn program_result(outcome: Outcome) -> v1::ProgramResult {
    let steps = outcome.steps.into_iter().map(|step| {
        let ended = if step.timed_out { v1::StepOutcome::TimedOut } else { v1::StepOutcome::Done };
        v1::StepResult {
            outcome: ended.into(),
            timestamp_ns: step.timestamp_ns,
            uncertainty_ns: step.uncertainty_ns,
            edges: step.edges.iter().map(event).collect(),
        }
    });
    v1::ProgramResult {
        steps: steps.collect(),
        values: Some(values(outcome.values)),
        lost_edges: outcome.lost_edges,
    }
}
