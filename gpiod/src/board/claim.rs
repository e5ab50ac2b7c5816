//! One claim: the lines of a request, their debounce, and the bounded buffer of their edges.

use super::Line;
use crate::line::{Direction, EVENT_BUFFER, Edge, EdgeEvent, LineConfig};
use std::collections::VecDeque;

/// Names a claim for as long as the board runs.
pub type ClaimId = u64;

#[derive(Debug)]
pub(super) struct Claim {
    pub consumer: String,
    pub lines: Vec<ClaimedLine>,
    /// The number of its last edge, of whichever line.
    seqno: u32,
    events: VecDeque<EdgeEvent>,
    /// Edges that were handed out and not yet taken: they keep their place in the buffer.
    in_flight: usize,
}

#[derive(Debug)]
pub(super) struct ClaimedLine {
    pub line: Line,
    pub config: LineConfig,
    /// The number of its last edge.
    seqno: u32,
    debounce: Option<Debounce>,
}

/// The kernel's software debounce: each change of level starts the period anew, and when it is over the level of
/// that moment counts. The edge's time stamp is the end of the period.
#[derive(Clone, Copy, Debug)]
struct Debounce {
    period_ns: u64,
    high: bool,
    over_at: Option<u64>,
}

impl ClaimedLine {
    pub(super) fn new(line: Line, config: LineConfig) -> Self {
        Self { line, config, seqno: 0, debounce: None }
    }

    fn debounce_for(config: &LineConfig, high: bool) -> Option<Debounce> {
        let wanted = config.direction == Direction::Input && config.debounce_ns > 0;
        wanted.then_some(Debounce { period_ns: config.debounce_ns, high, over_at: None })
    }

    /// Takes a configuration; `high` is the line's level under it.
    pub(super) fn configured(&mut self, config: LineConfig, high: bool) {
        let goes_on = self.debounce.is_some_and(|debounce| debounce.period_ns == config.debounce_ns)
            && config.direction == Direction::Input;
        if !goes_on {
            self.debounce = Self::debounce_for(&config, high);
        }
        self.config = config;
    }

    /// The level that a read gives: of a debounced line, the one that lasted.
    pub(super) fn level(&self, high: bool) -> bool {
        self.debounce.map_or(high, |debounce| debounce.high)
    }

    fn edge(&mut self, position: usize, high: bool, now_ns: u64) -> Option<EdgeEvent> {
        if !self.config.edges || self.config.direction == Direction::Output {
            return None;
        }
        self.seqno = self.seqno.wrapping_add(1);
        let edge = if high == self.config.active_low { Edge::Falling } else { Edge::Rising };
        let position = u8::try_from(position).ok()?;
        // Which it is of the whole claim is counted there.
        Some(EdgeEvent { position, edge, timestamp_ns: now_ns, seqno: 0, line_seqno: self.seqno })
    }
}

impl Claim {
    pub(super) fn new(consumer: String, lines: Vec<ClaimedLine>) -> Self {
        Self { consumer, lines, seqno: 0, events: VecDeque::new(), in_flight: 0 }
    }

    /// Whether edges of the line are reported.
    pub(super) fn listens(&self, line: Line) -> bool {
        let mut lines = self.lines.iter().filter(|each| each.line == line);
        lines.any(|each| each.config.edges && each.config.direction == Direction::Input)
    }

    /// The line's level has changed.
    pub(super) fn level_changed(&mut self, line: Line, high: bool, now_ns: u64) {
        let Some((position, claimed)) = self.lines.iter_mut().enumerate().find(|(_, each)| each.line == line)
        else {
            return;
        };
        match &mut claimed.debounce {
            Some(debounce) => debounce.over_at = Some(now_ns.saturating_add(debounce.period_ns)),
            None => {
                let event = claimed.edge(position, high, now_ns);
                self.push(event);
            }
        }
    }

    /// When the next debounce period is over.
    pub(super) fn next_change(&self) -> Option<u64> {
        self.lines.iter().filter_map(|claimed| claimed.debounce?.over_at).min()
    }

    /// Ends the debounce periods that are over now. `high` tells a line's level.
    pub(super) fn advance(&mut self, now_ns: u64, high: impl Fn(Line) -> bool) {
        for position in 0..self.lines.len() {
            let claimed = &mut self.lines[position];
            let level = high(claimed.line);
            let Some(debounce) = &mut claimed.debounce else { continue };
            if debounce.over_at.is_none_or(|at| at > now_ns) {
                continue;
            }
            debounce.over_at = None;
            if debounce.high != level {
                debounce.high = level;
                let event = claimed.edge(position, level, now_ns);
                self.push(event);
            }
        }
    }

    fn push(&mut self, event: Option<EdgeEvent>) {
        let Some(mut event) = event else { return };
        self.seqno = self.seqno.wrapping_add(1);
        event.seqno = self.seqno;
        let room = usize::from(EVENT_BUFFER) - self.in_flight;
        if self.events.len() >= room {
            self.events.pop_front();
        }
        if room > 0 {
            self.events.push_back(event);
        }
    }

    /// Whether edges wait.
    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Hands out at most `limit` of the edges that wait. The ones handed out before count as taken.
    pub(super) fn take_events(&mut self, limit: usize) -> Vec<EdgeEvent> {
        let events: Vec<_> = self.events.drain(..limit.min(self.events.len())).collect();
        self.in_flight = events.len();
        events
    }

    /// The edges handed out before are taken.
    pub(super) fn events_taken(&mut self) {
        self.in_flight = 0;
    }
}
