//! Taking lines of the board: all at the start, and those that a changed configuration adds.

use super::reckoning::Reckoning;
use super::{HeldLine, HeldRequest, Pins, Place, RequestIndex, configured};
use crate::backend::{Backend, Error, Wanted};
use crate::broker::EdgeSources;
use crate::line::{Direction, LineConfig, LineInfo, Value, ones};
use crate::wiring::{LineIndex, WiredLine, Wiring};
use std::collections::HashMap;

/// Of a line that is in no request, and in no request's place.
pub(super) const NO_REQUEST: usize = usize::MAX;

/// Lines that were found driven and taken over as they were, and where the edges of the new requests come from.
pub(in crate::broker) type Taken = (Vec<LineIndex>, EdgeSources);

impl Pins {
    /// Requests lines of a wiring, all or none. An output that is found driven is taken over as it is, without a blink.
    pub(in crate::broker) fn request(
        &mut self,
        backend: &dyn Backend,
        wiring: &Wiring,
        wanted: &[LineIndex],
    ) -> Result<Taken, Error> {
        refuse_held(backend, wiring, wanted)?;
        let before = self.mark();
        let mut starts: HashMap<LineIndex, Start> =
            wanted.iter().map(|line| (*line, start(wiring.line(*line)))).collect();
        for (line, wired) in wiring.lines.iter().enumerate() {
            let config = starts.get(&LineIndex(line)).map(|start| start.config);
            match (self.lines.get_mut(line), config) {
                (Some(held), Some(config)) => *held = HeldLine::new(config, wired),
                (Some(_), None) => {}
                (None, config) => {
                    let held = HeldLine::new(config.unwrap_or_else(|| configured(wired)), wired);
                    self.lines.push(held);
                }
            }
        }
        let sources = self.request_by_group(backend, wiring, wanted, &mut starts);
        let found = starts.iter().filter(|(_, start)| start.found == Some(true));
        let found: Vec<LineIndex> = found.map(|(line, _)| *line).collect();
        if sources.is_err() {
            self.back_to(before, &found);
        }
        Ok((found, sources?))
    }

    pub(super) fn request_by_group(
        &mut self,
        backend: &dyn Backend,
        wiring: &Wiring,
        wanted: &[LineIndex],
        starts: &mut HashMap<LineIndex, Start>,
    ) -> Result<EdgeSources, Error> {
        let mut sources = Vec::new();
        for (group_index, group) in wiring.groups.iter().enumerate() {
            let own: Vec<LineIndex> = group
                .lines
                .iter()
                .map(|(_, line)| *line)
                .filter(|line| wiring.line(*line).home.0 == group_index && wanted.contains(line))
                .collect();
            if own.is_empty() {
                continue;
            }
            let lines: Vec<Wanted> = own
                .iter()
                .map(|line| Wanted {
                    id: wiring.line(*line).info.id,
                    config: self.lines[line.0].config,
                    as_found: starts.get(line).is_some_and(|start| start.found.is_some()),
                    claim: wiring.line(*line).claim,
                })
                .collect();
            for request in backend.request(&format!("gpiod:{}", group.name), &lines)? {
                let index = RequestIndex(self.requests.len());
                let lines: Vec<LineIndex> = request.wanted.iter().map(|wanted| own[*wanted]).collect();
                let reckoning = Reckoning::of(lines.len());
                let held = HeldRequest { held: request.lines, lines, reckoning, failing: false };
                for line in self.hold(held, request.kept)? {
                    if let Some(start) = starts.get_mut(&line) {
                        start.found = Some(true);
                    }
                }
                sources.extend(request.edges.map(|edges| (index, edges)));
            }
        }
        Ok(sources)
    }

    /// Enters a request, of which some lines turned out to be driven, and answers which they are.
    fn hold(&mut self, mut request: HeldRequest, kept: u64) -> Result<Vec<LineIndex>, Error> {
        let bits = if kept == 0 { 0 } else { request.held.read(kept)?.bits };
        for (position, line) in (0..).zip(&request.lines) {
            let held = &mut self.lines[line.0];
            held.place = Place { request: self.requests.len(), position };
            if kept >> position & 1 == 1 {
                let value = Value::from_bit(bits >> position & 1 == 1);
                held.config = held.fit(LineConfig { direction: Direction::Output, value, ..held.config });
            }
        }
        let found = ones(kept).map(|position| request.lines[position]).collect();
        self.requests.push(Some(request));
        Ok(found)
    }
}

impl HeldLine {
    /// A line that is not yet part of a request.
    fn new(config: LineConfig, line: &WiredLine) -> Self {
        let debounce_ns = configured(line).debounce_ns;
        let mut held =
            Self { place: Place { request: NO_REQUEST, position: 0 }, config, debounce_ns, edge_users: 0 };
        held.config = held.fit(config);
        held
    }
}

/// Refuses lines that somebody has before any is requested: the kernel drives one line of a request after the other,
/// and lets go of them all when it comes to one that is held.
pub(super) fn refuse_held(backend: &dyn Backend, wiring: &Wiring, wanted: &[LineIndex]) -> Result<(), Error> {
    let board = backend.lines()?;
    for line in wanted.iter().map(|line| wiring.line(*line)) {
        let now = board.iter().find(|info| info.id == line.info.id);
        if let Some(consumer) = now.and_then(|info| info.consumer.clone()) {
            return Err(Error::Busy { line: line.info.name_or_place(), consumer });
        }
    }
    Ok(())
}

/// What a line is at the daemon's start.
pub(super) struct Start {
    config: LineConfig,
    /// Whether it was found driven, and is to stay so; `Some(false)` where that is known only when it is held.
    found: Option<bool>,
}

fn start(line: &WiredLine) -> Start {
    let base = configured(line);
    let Some(driven) = line.config.kind.driven() else { return Start { config: base, found: None } };
    let output = |value| LineConfig { direction: Direction::Output, value, ..base };
    let config = driven.at_start.value().map_or(base, output);
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
