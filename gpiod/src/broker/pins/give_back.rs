//! Giving lines back: those that were taken for a configuration that is refused, and those that no group has any more.

use super::take::NO_REQUEST;
use super::{Pins, RequestIndex};
use crate::line::{Direction, LineConfig};
use crate::log_keys as keys;
use crate::wiring::{LineIndex, Wiring};

/// How much is held.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct Mark {
    requests: usize,
    lines: usize,
}

impl Pins {
    /// How much is held now, to come [back to](Self::back_to).
    pub(in crate::broker) fn mark(&self) -> Mark {
        Mark { requests: self.requests.len(), lines: self.lines.len() }
    }

    /// Lets go of all that was requested since. What was not found driven becomes an input before, as far as it can:
    /// the kernel may keep what is let go.
    pub(in crate::broker) fn back_to(&mut self, before: Mark, found: &[LineIndex]) {
        let requests = self.requests[before.requests..].iter().flatten();
        // A line that another request has, too, stays that one's.
        let only = |line: &LineIndex| self.lines[line.0].place.request >= before.requests;
        let since = requests.flat_map(|request| request.lines.iter().copied()).filter(only);
        let since: Vec<LineIndex> = since.collect();
        let undriven: Vec<(LineIndex, LineConfig)> = since
            .iter()
            .filter(|line| !found.contains(line) && self.config(**line).direction == Direction::Output)
            .map(|line| (*line, LineConfig { direction: Direction::Input, ..*self.config(*line) }))
            .collect();
        if let Err(error) = self.configure(&undriven) {
            tracing::warn!({ keys::ERROR } = %error, "lines that are not taken after all may stay driven");
        }
        for line in since {
            self.lines[line.0].place.request = NO_REQUEST;
        }
        self.requests.truncate(before.requests);
        self.lines.truncate(before.lines);
    }

    /// Drops requests of which no line is wired any more. The others keep lines that are retired, since the kernel takes
    /// back a request as a whole (GPIO uAPI v2: it ends with its descriptor, and its lines are those that it began with).
    pub(in crate::broker) fn drop_unused(&mut self, wiring: &Wiring) -> Vec<RequestIndex> {
        let mut dropped = Vec::new();
        for index in 0..self.requests.len() {
            if self.requests[index].is_some() && self.wired(index, wiring).next().is_none() {
                self.requests[index] = None;
                dropped.push(RequestIndex(index));
            }
        }
        dropped
    }

    /// For a line that is held and not wired any more: the lines that it is held with and that still are.
    pub(in crate::broker) fn kept_by(&self, line: LineIndex, wiring: &Wiring) -> Vec<LineIndex> {
        let request = self.lines[line.0].place.request;
        if self.has(line) { self.wired(request, wiring).collect() } else { Vec::new() }
    }

    /// The lines of a request that are wired and have not moved to another.
    fn wired<'a>(&'a self, request: usize, wiring: &'a Wiring) -> impl Iterator<Item = LineIndex> + 'a {
        let lines = self.requests[request].iter().flat_map(|held| held.lines.iter().copied());
        lines.filter(move |line| self.lines[line.0].place.request == request && !wiring.line(*line).retired)
    }
}
