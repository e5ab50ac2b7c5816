//! Outputs that were found driven and that nobody has held since. Who drove them is not known, and may come back for
//! them: each is kept for so long from when it was taken, whatever is configured meanwhile, and then released, once.

use super::State;
use crate::line::Direction;
use crate::log_keys as keys;
use crate::wiring::LineIndex;

impl State {
    /// Keeps lines that were found driven until a moment. A line that is set without being held just keeps its value:
    /// nobody is to come back for it.
    pub(super) fn adopt(&mut self, lines: &[LineIndex], until_ns: u64) {
        for line in lines {
            let (name, value) = (self.wiring.full_name(*line), self.pins.config(*line).value);
            tracing::info!({ keys::LINE } = name, { keys::VALUE } = %value, "output found driven, kept");
            let one_shot = self.wiring.line(*line).config.kind.driven().is_some_and(|driven| driven.one_shot);
            self.lines[line.0].adopted_until_ns = (!one_shot).then_some(until_ns);
        }
        self.away_changed.notify_one();
    }

    /// Somebody has these lines now, or they were released: there is nothing more to wait for.
    pub(super) fn claimed(&mut self, lines: &[LineIndex]) {
        for line in lines {
            self.lines[line.0].adopted_until_ns = None;
        }
    }

    /// Nobody held these before a restart that was well documented: those that are as they start are at rest.
    pub(super) fn at_rest(&mut self) {
        for (line, state) in (0..).map(LineIndex).zip(&mut self.lines) {
            let config = self.pins.config(line);
            let start =
                self.wiring.line(line).config.kind.driven().and_then(|driven| driven.at_start.value());
            if config.direction == Direction::Output && start == Some(config.value) {
                state.adopted_until_ns = None;
            }
        }
    }

    /// Until when the first of them is kept; `None` when none is.
    pub(super) fn adopted_until(&self) -> Option<u64> {
        self.lines.iter().filter_map(|line| line.adopted_until_ns).min()
    }

    /// Releases those that are kept no longer than until a moment. At a stop they stay as they are.
    pub(super) fn release_adopted(&mut self, by_ns: u64) {
        let due = |line: &LineIndex| self.lines[line.0].adopted_until_ns.is_some_and(|until| until <= by_ns);
        let orphans: Vec<LineIndex> = (0..self.lines.len()).map(LineIndex).filter(due).collect();
        self.release_found(&orphans);
    }

    /// Releases those of these lines that were found driven and that nobody has held since.
    pub(super) fn release_found(&mut self, lines: &[LineIndex]) {
        let found = |line: &LineIndex| self.lines[line.0].adopted_until_ns.is_some();
        let orphans: Vec<LineIndex> = lines.iter().copied().filter(found).collect();
        self.claimed(&orphans);
        if self.stopping {
            return;
        }
        self.release(&orphans);
        self.tell_unclaimed(&orphans);
    }
}
