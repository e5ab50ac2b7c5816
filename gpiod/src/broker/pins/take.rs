//! Taking the lines of the board, once, at the start.

use super::{HeldLine, HeldRequest, Pins, configured};
use crate::backend::{Backend, EdgeSource, Error, Request};
use crate::config::AtStart;
use crate::line::{Direction, LineConfig, LineInfo, Value};
use crate::wiring::{LineIndex, WiredLine, Wiring};

/// What taking the lines gave.
pub(in crate::broker) struct Taken {
    pub(in crate::broker) pins: Pins,
    /// For each line, whether it was found driven and taken over as it was.
    pub(in crate::broker) adopted: Vec<bool>,
    /// Where each request's edges come from.
    pub(in crate::broker) sources: Vec<Box<dyn EdgeSource>>,
}

impl Pins {
    /// Requests all wired lines. An output that is found driven is taken over as it is, without a blink.
    pub(in crate::broker) fn request(backend: &dyn Backend, wiring: &Wiring) -> Result<Taken, Error> {
        let starts: Vec<(LineConfig, bool)> = wiring.lines.iter().map(start).collect();
        let mut lines: Vec<HeldLine> = starts
            .iter()
            .zip(&wiring.lines)
            .map(|((config, _), line)| {
                let debounce_ns = configured(line).debounce_ns;
                let mut held = HeldLine {
                    request: 0,
                    position: 0,
                    config: *config,
                    debounce_ns,
                    edge_users: 0,
                    kernel_seqno: 0,
                };
                held.config = held.fit(held.config);
                held
            })
            .collect();
        let mut requests = Vec::new();
        let mut sources = Vec::new();
        for (group_index, group) in wiring.groups.iter().enumerate() {
            let own: Vec<LineIndex> = group
                .lines
                .iter()
                .map(|(_, line)| *line)
                .filter(|line| wiring.line(*line).home.0 == group_index)
                .collect();
            if own.is_empty() {
                continue;
            }
            for (position, line) in (0..).zip(&own) {
                lines[line.0].request = requests.len();
                lines[line.0].position = position;
            }
            let wanted: Vec<_> =
                own.iter().map(|line| (wiring.line(*line).info.id, lines[line.0].config)).collect();
            let Request { lines: held, edges } =
                backend.request(&format!("gpiod:{}", group.name), &wanted)?;
            requests.push(HeldRequest { held, lines: own });
            sources.push(edges);
        }
        let adopted = starts.into_iter().map(|(_, adopted)| adopted).collect();
        Ok(Taken { pins: Self { requests, lines }, adopted, sources })
    }
}

/// What a line is at the daemon's start, and whether that was found rather than configured.
fn start(line: &WiredLine) -> (LineConfig, bool) {
    let base = configured(line);
    let Some(driven) = line.config.kind.driven() else { return (base, false) };
    if let LineInfo { direction: Direction::Output, drives_high: Some(high), .. } = line.info {
        let value = Value::from_bit(high != line.config.active_low);
        return (LineConfig { direction: Direction::Output, value, ..base }, true);
    }
    let config = match driven.at_start {
        AtStart::Inactive => LineConfig { direction: Direction::Output, value: Value::Inactive, ..base },
        AtStart::Active => LineConfig { direction: Direction::Output, value: Value::Active, ..base },
        AtStart::Input => base,
    };
    (config, false)
}
