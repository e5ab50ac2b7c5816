//! What lines become by themselves, when nobody holds them: their holder has gone, or their configuration has changed.

use super::State;
use super::pins::configured;
use crate::config::OnRelease;
use crate::line::{Direction, LineConfig, Value};
use crate::log_keys as keys;
use crate::wiring::LineIndex;

impl State {
    /// Does what the configuration says for lines whose holder has gone. A failure is logged: there is nobody left
    /// to tell.
    pub(super) fn release(&mut self, lines: &[LineIndex]) {
        self.become_by_itself(lines, "released", Self::released);
    }

    /// Does what the configuration says for lines that were inputs before it was changed, and that nobody has held as
    /// anything else.
    pub(super) fn begin(&mut self, lines: &[LineIndex]) {
        self.become_by_itself(lines, "configured", Self::first);
    }

    fn become_by_itself(
        &mut self,
        lines: &[LineIndex],
        how: &str,
        what: impl Fn(&Self, LineIndex) -> LineConfig,
    ) {
        let changes: Vec<(LineIndex, LineConfig)> = lines
            .iter()
            .map(|line| (*line, what(self, *line)))
            .filter(|(line, new)| new != self.pins.config(*line))
            .collect();
        if changes.is_empty() || self.stopping {
            return;
        }
        if let Err(error) = self.configure(&changes) {
            let names: Vec<String> = lines.iter().map(|line| self.wiring.full_name(*line)).collect();
            tracing::error!({ keys::LINES } = ?names, { keys::ERROR } = %error, "lines could not be {how}");
        }
    }

    /// What a line is before its first holder.
    fn first(&self, line: LineIndex) -> LineConfig {
        let base = LineConfig { edges: self.pins.config(line).edges, ..configured(self.wiring.line(line)) };
        let driven = self.wiring.line(line).config.kind.driven();
        match driven.and_then(|driven| driven.at_start.value()) {
            Some(value) => LineConfig { direction: Direction::Output, value, edges: false, ..base },
            None => base,
        }
    }

    /// What a line becomes when its holder has gone: direction and bias as configured, value by `on_release`.
    pub(super) fn released(&self, line: LineIndex) -> LineConfig {
        let now = self.pins.config(line);
        let base = LineConfig { edges: now.edges, ..configured(self.wiring.line(line)) };
        let Some(driven) = self.wiring.line(line).config.kind.driven() else { return base };
        let output = |value| LineConfig { direction: Direction::Output, value, edges: false, ..base };
        match driven.on_release {
            OnRelease::Keep => LineConfig { direction: now.direction, value: now.value, ..base },
            OnRelease::Inactive => output(Value::Inactive),
            OnRelease::Active => output(Value::Active),
            OnRelease::Input => LineConfig { value: now.value, ..base },
        }
    }
}
