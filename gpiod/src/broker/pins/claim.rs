//! Claiming lines that are driven without a claim: a changed configuration makes inputs of them at times, and only a
//! claimed line has edges.

use super::take::refuse_held;
use super::{Pins, Place};
use crate::backend::{Backend, Error};
use crate::broker::EdgeSources;
use crate::line::LineConfig;
use crate::log_keys as keys;
use crate::wiring::{LineIndex, Wiring};
use std::collections::HashMap;

impl Pins {
    /// Claims lines of a wiring as they are, all or none. They are reached as before until they [move](Self::move_to) to
    /// the places that this answers.
    pub(in crate::broker) fn claim(
        &mut self,
        backend: &dyn Backend,
        wiring: &Wiring,
        lines: &[LineIndex],
    ) -> Result<(Vec<(LineIndex, Place)>, EdgeSources), Error> {
        if lines.is_empty() {
            return Ok(Default::default());
        }
        refuse_held(backend, wiring, lines)?;
        let before = self.mark();
        let places = self.places(lines);
        let sources = self.request_by_group(backend, wiring, lines, &mut HashMap::new());
        let claimed = self.places(lines);
        self.put(&places);
        if sources.is_err() {
            self.back_to(before, &[]);
        }
        Ok((claimed, sources?))
    }

    /// From now on lines are reached by their new places, which are told what they became meanwhile.
    pub(in crate::broker) fn move_to(&mut self, places: &[(LineIndex, Place)]) {
        self.put(places);
        let lines: Vec<LineIndex> = places.iter().map(|(line, _)| *line).collect();
        self.drive_again(&lines);
    }

    /// Makes lines what they were last told to be, once more: the end of a claim may have changed them.
    pub(in crate::broker) fn drive_again(&mut self, lines: &[LineIndex]) {
        let changes: Vec<(LineIndex, LineConfig)> =
            lines.iter().map(|line| (*line, *self.config(*line))).collect();
        if let Err(error) = self.configure(&changes) {
            tracing::error!({ keys::ERROR } = %error, "lines may not be what they were");
        }
    }

    fn places(&self, lines: &[LineIndex]) -> Vec<(LineIndex, Place)> {
        lines.iter().map(|line| (*line, self.lines[line.0].place)).collect()
    }

    fn put(&mut self, places: &[(LineIndex, Place)]) {
        for (line, place) in places {
            self.lines[line.0].place = *place;
        }
    }
}
