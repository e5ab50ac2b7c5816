//! Taking the lines of the board, once, at the start.

use super::{HeldLine, HeldRequest, Pins, RequestIndex, configured};
use crate::backend::{Backend, EdgeSource, Error, Wanted};
use crate::config::AtStart;
use crate::line::{Direction, LineConfig, Value, known_mask};
use crate::wiring::{LineIndex, WiredLine, Wiring};

/// What taking the lines gave.
pub(in crate::broker) struct Taken {
    pub(in crate::broker) pins: Pins,
    /// For each line, whether it was found driven and taken over as it was.
    pub(in crate::broker) adopted: Vec<bool>,
    /// Where each request's edges come from.
    pub(in crate::broker) sources: Vec<(RequestIndex, Box<dyn EdgeSource>)>,
}

impl Pins {
    /// Requests all wired lines. An output that is found driven is taken over as it is, without a blink.
    pub(in crate::broker) fn request(backend: &dyn Backend, wiring: &Wiring) -> Result<Taken, Error> {
        let starts: Vec<Start> = wiring.lines.iter().map(start).collect();
        let lines = starts.iter().zip(&wiring.lines).map(|(start, line)| HeldLine::new(start.config, line));
        let mut pins = Self { requests: Vec::new(), lines: lines.collect() };
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
            let wanted: Vec<Wanted> = own
                .iter()
                .map(|line| Wanted {
                    id: wiring.line(*line).info.id,
                    config: pins.lines[line.0].config,
                    as_found: starts[line.0].found,
                    claim: wiring.line(*line).claim,
                })
                .collect();
            for request in backend.request(&format!("gpiod:{}", group.name), &wanted)? {
                let index = RequestIndex(pins.requests.len());
                let lines = request.wanted.iter().map(|wanted| own[*wanted]).collect();
                pins.hold(HeldRequest { held: request.lines, lines }, &starts)?;
                sources.extend(request.edges.map(|edges| (index, edges)));
            }
        }
        Ok(Taken { pins, adopted: starts.into_iter().map(|start| start.found).collect(), sources })
    }

    /// Enters a request. What its outputs that were kept as found drive, is known now if not before.
    fn hold(&mut self, mut request: HeldRequest, starts: &[Start]) -> Result<(), Error> {
        let index = self.requests.len();
        let kept = |line: &LineIndex| starts[line.0].found;
        let values = match request.lines.iter().any(kept) {
            true => request.held.read(known_mask(request.lines.len()))?.bits,
            false => 0,
        };
        for (position, line) in (0..).zip(&request.lines) {
            let held = &mut self.lines[line.0];
            held.request = index;
            held.position = position;
            if starts[line.0].found && !starts[line.0].known {
                held.config.value = Value::from_bit(values >> position & 1 == 1);
            }
        }
        self.requests.push(request);
        Ok(())
    }
}

impl HeldLine {
    /// A line that is not yet part of a request.
    fn new(config: LineConfig, line: &WiredLine) -> Self {
        let debounce_ns = configured(line).debounce_ns;
        let mut held = Self { request: 0, position: 0, config, debounce_ns, edge_users: 0, kernel_seqno: 0 };
        held.config = held.fit(config);
        held
    }
}

/// What a line is at the daemon's start.
struct Start {
    config: LineConfig,
    /// Whether it was found driven, and is kept so.
    found: bool,
    /// Whether `config` says the value that was found.
    known: bool,
}

fn start(line: &WiredLine) -> Start {
    let base = configured(line);
    let fresh = |config| Start { config, found: false, known: true };
    let Some(driven) = line.config.kind.driven() else { return fresh(base) };
    if line.info.direction == Direction::Output && line.info.function.is_none() {
        let high = line.info.drives_high;
        let value = Value::from_bit(high.unwrap_or(false) != line.config.active_low);
        let config = LineConfig { direction: Direction::Output, value, ..base };
        return Start { config, found: true, known: high.is_some() };
    }
    fresh(match driven.at_start {
        AtStart::Inactive => LineConfig { direction: Direction::Output, value: Value::Inactive, ..base },
        AtStart::Active => LineConfig { direction: Direction::Output, value: Value::Active, ..base },
        AtStart::Input => base,
    })
}
