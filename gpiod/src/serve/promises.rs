//! What can be promised of the wired lines on this board, said in the log at the start: that is the board's affair more
//! than the configuration's.

use crate::line::OnExit;
use crate::log_keys as keys;
use crate::wiring::{LineIndex, WiredLine, Wiring};
use humantime::format_duration;

/// Says what outputs do when the daemon has gone, and tells of lines that take time.
pub(super) fn say(wiring: &Wiring) {
    let outcomes = [
        (Some(OnExit::Keep), "these outputs keep their levels when gpiod ends"),
        (Some(OnExit::Input), "these outputs become inputs when gpiod ends"),
        (None, "what these outputs do when gpiod ends is up to their chip's driver"),
    ];
    for (at_exit, text) in outcomes {
        let lines = names(wiring, |line| {
            line.config.kind.driven().is_some() && line.guardian.is_none() && line.at_exit == at_exit
        });
        if let Some(lines) = lines {
            tracing::info!({ keys::LINES } = lines, "{text}");
        }
    }
    let within = wiring.guarded().find_map(|line| wiring.line(line).guardian.as_ref()?.within());
    if let Some(lines) = names(wiring, |line| line.guardian.is_some()) {
        tracing::info!(
            { keys::LINES } = lines,
            { keys::WAIT } = %format_duration(within.unwrap_or_default()),
            "these outputs become inputs when gpiod ends, by the guardian, unless gpiod is back within its wait"
        );
    }
    if let Some(lines) = names(wiring, |line| line.info.waits) {
        tracing::info!(
            { keys::LINES } = lines,
            "these lines are behind a bus: their chip has a thread of its own, and the admin socket only lists them"
        );
    }
}

/// The names of the lines that are like this, if there are any.
fn names(wiring: &Wiring, like: impl Fn(&WiredLine) -> bool) -> Option<String> {
    let lines: Vec<String> = (0..wiring.lines.len())
        .map(LineIndex)
        .filter(|line| like(wiring.line(*line)))
        .map(|line| wiring.full_name(line))
        .collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
