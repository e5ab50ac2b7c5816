//! Taking the lines of the board, once, at the start.

use super::reckoning::Reckoning;
use super::{HeldLine, HeldRequest, Pins, RequestIndex, configured};
use crate::backend::{Backend, EdgeSource, Error, Wanted};
use crate::config::AtStart;
use crate::line::{Direction, LineConfig, LineInfo, Value, ones};
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
        refuse_held(backend, wiring)?;
        let mut starts: Vec<Start> = wiring.lines.iter().map(start).collect();
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
                    as_found: starts[line.0].found.is_some(),
                    claim: wiring.line(*line).claim,
                })
                .collect();
            for request in backend.request(&format!("gpiod:{}", group.name), &wanted)? {
                let index = RequestIndex(pins.requests.len());
                let lines: Vec<LineIndex> = request.wanted.iter().map(|wanted| own[*wanted]).collect();
                let reckoning = Reckoning::of(lines.len());
                let held = HeldRequest { held: request.lines, lines, reckoning };
                for line in pins.hold(held, request.kept)? {
                    starts[line.0].found = Some(true);
                }
                sources.extend(request.edges.map(|edges| (index, edges)));
            }
        }
        let adopted = starts.into_iter().map(|start| start.found == Some(true)).collect();
        Ok(Taken { pins, adopted, sources })
    }

    /// Enters a request, of which some lines turned out to be driven, and answers which they are.
    fn hold(&mut self, mut request: HeldRequest, kept: u64) -> Result<Vec<LineIndex>, Error> {
        let bits = if kept == 0 { 0 } else { request.held.read(kept)?.bits };
        for (position, line) in (0..).zip(&request.lines) {
            let held = &mut self.lines[line.0];
            held.request = self.requests.len();
            held.position = position;
            if kept >> position & 1 == 1 {
                let value = Value::from_bit(bits >> position & 1 == 1);
                held.config = held.fit(LineConfig { direction: Direction::Output, value, ..held.config });
            }
        }
        let found = ones(kept).map(|position| request.lines[position]).collect();
        self.requests.push(request);
        Ok(found)
    }
}

impl HeldLine {
    /// A line that is not yet part of a request.
    fn new(config: LineConfig, line: &WiredLine) -> Self {
        let debounce_ns = configured(line).debounce_ns;
        let mut held = Self { request: 0, position: 0, config, debounce_ns, edge_users: 0 };
        held.config = held.fit(config);
        held
    }
}

/// Refuses lines that somebody has before any is requested: the kernel drives one line of a request after the other,
/// and lets go of them all when it comes to one that is held.
fn refuse_held(backend: &dyn Backend, wiring: &Wiring) -> Result<(), Error> {
    let board = backend.lines()?;
    for line in &wiring.lines {
        let now = board.iter().find(|info| info.id == line.info.id);
        if let Some(consumer) = now.and_then(|info| info.consumer.clone()) {
            return Err(Error::Busy { line: line.info.name_or_place(), consumer });
        }
    }
    Ok(())
}

/// What a line is at the daemon's start.
struct Start {
    config: LineConfig,
    /// Whether it was found driven, and is to stay so; `Some(false)` where that is known only when it is held.
    found: Option<bool>,
}

fn start(line: &WiredLine) -> Start {
    let base = configured(line);
    let Some(driven) = line.config.kind.driven() else { return Start { config: base, found: None } };
    let output = |value| LineConfig { direction: Direction::Output, value, ..base };
    let config = match driven.at_start {
        AtStart::Inactive => output(Value::Inactive),
        AtStart::Active => output(Value::Active),
        AtStart::Input => base,
    };
    let LineInfo { direction, high, drives_high, function, .. } = &line.info;
    let is_output = *direction == Direction::Output && function.is_none();
    match drives_high.filter(|_| is_output) {
        Some(high) => {
            let value = Value::from_bit(high != line.config.active_low);
            Start { config: output(value), found: Some(true) }
        }
        // What the kernel says of a line that nobody holds may be old, of its direction too.
        None => {
            let unknown = function.is_none() && (is_output || high.is_none());
            Start { config, found: unknown.then_some(false) }
        }
    }
}
