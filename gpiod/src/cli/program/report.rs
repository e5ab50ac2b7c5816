//! What a program did, for people and as JSON.

use super::grammar::Step;
use crate::cli::get::{values_json, values_text};
use crate::cli::output::{self, printable, span, table};
use crate::cli::watch::edge_json;
use crate::failure::Failure;
use gpiod_sdk::{ProgramResult, StepOutcome, StepResult};
use serde_json::{Value as Json, json};

/// One row for each step, one more for each edge of a capture, and the values at the end. Times count from the moment
/// of the first step, or from the row above.
pub(super) fn text(steps: &[Step], result: &ProgramResult) -> String {
    let mut rows = vec![["STEP", "WHAT", "AT", "AFTER", "WITHIN +-"].map(str::to_owned)];
    let start = result.step(0).map_or(0, |step| step.timestamp_ns);
    let mut before = start;
    let mut moment = |ns: u64| {
        let cells = [span(ns.saturating_sub(start)), span(ns.saturating_sub(before))];
        before = ns;
        cells
    };
    for (i, (step, did)) in steps.iter().zip(&result.steps).enumerate() {
        if did.edges.len() > 1 || did.outcome == StepOutcome::TimedOut {
            for edge in &did.edges {
                let [at, after] = moment(edge.timestamp_ns);
                let what = format!("  {} {}", printable(&edge.line), edge.edge());
                rows.push([String::new(), what, at, after, span(did.uncertainty_ns)]);
            }
        }
        let [at, after] = moment(did.timestamp_ns);
        rows.push([i.to_string(), what(step, did), at, after, span(did.uncertainty_ns)]);
    }
    table(&rows) + "now " + &values_text(&result.values) + "\n"
}

fn what(step: &Step, did: &StepResult) -> String {
    match (did.outcome, did.edges.as_slice()) {
        (StepOutcome::TimedOut, _) => format!("{} -> TIMED OUT", printable(&step.to_string())),
        (StepOutcome::Done, [edge]) => {
            format!("{} -> {} {}", printable(&step.to_string()), printable(&edge.line), edge.edge())
        }
        (StepOutcome::Done, _) => printable(&step.to_string()),
    }
}

/// All of it, times as they were stamped.
pub(super) fn json(steps: &[Step], result: &ProgramResult) -> Result<String, Failure> {
    let steps: Vec<Json> = steps
        .iter()
        .zip(&result.steps)
        .map(|(step, did)| {
            json!({
                "step": step.to_string(),
                "outcome": match did.outcome {
                    StepOutcome::Done => "done",
                    StepOutcome::TimedOut => "timed-out",
                },
                "timestamp_ns": did.timestamp_ns,
                "uncertainty_ns": did.uncertainty_ns,
                "edges": did.edges.iter().map(edge_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut object = values_json(&result.values);
    object["steps"] = steps.into();
    object["lost_edges"] = result.lost_edges.into();
    object["timed_out"] = result.timed_out().into();
    output::json(&object)
}
