//! The daemon's own hold on the wired lines: one request per group, made when it is wired and kept, and what each line was
//! last told to be. Callers name lines; which request and position that is, is known here alone.

mod claim;
mod give_back;
mod reckoning;
mod take;

pub(super) use give_back::Mark;
use reckoning::Reckoning;
pub(super) use take::Taken;

use super::RequestIndex;
use crate::backend::{Error, HeldLines};
use crate::clock;
use crate::config::Kind;
use crate::health::Health;
use crate::line::{Direction, EdgeEvent, LineConfig, Moment, Value, Values, known_mask, ones};
use crate::wiring::{LineIndex, WiredLine};
use std::io;
use std::sync::Arc;

/// The wired lines, held.
#[derive(Debug, Default)]
pub(super) struct Pins {
    /// A request that was dropped leaves its place empty.
    requests: Vec<Option<HeldRequest>>,
    lines: Vec<HeldLine>,
    /// Told when accesses begin to fail, and when they no longer do.
    health: Arc<Health>,
}

#[derive(Debug)]
struct HeldRequest {
    held: Box<dyn HeldLines>,
    /// Which line stands at each of its positions.
    lines: Vec<LineIndex>,
    reckoning: Reckoning,
    /// Whether the last access to it failed.
    failing: bool,
}

/// Which line of which request a line is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    request: usize,
    position: u8,
}

/// Lines of a list that are in one request.
#[derive(Clone, Copy, Debug)]
struct Part {
    request: usize,
    /// Which they are, by their positions in the list.
    mask: u64,
    /// The same by their positions in the request.
    request_mask: u64,
    /// Their values there.
    request_bits: u64,
}

#[derive(Debug)]
struct HeldLine {
    place: Place,
    config: LineConfig,
    /// How long a level must last while it is an input, in ns.
    debounce_ns: u64,
    /// How many watches and programs want its edges.
    edge_users: u32,
}

/// Which line an edge is of, and how many edges of the line the kernel's buffer dropped just before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineEdge {
    pub(super) line: LineIndex,
    pub(super) lost: u32,
}

impl Pins {
    /// What a line was last told to be.
    pub(super) fn config(&self, line: LineIndex) -> &LineConfig {
        &self.lines[line.0].config
    }

    /// Whether a line is held.
    pub(super) fn has(&self, line: LineIndex) -> bool {
        let request = self.lines.get(line.0).map(|line| line.place.request);
        request.and_then(|request| self.requests.get(request)).is_some_and(Option::is_some)
    }

    /// Whether lines are changed in one access.
    pub(super) fn in_one_request(&self, lines: &[LineIndex], mask: u64) -> bool {
        mask == 0 || self.next_part(lines, mask, 0).mask == mask
    }

    /// Takes what the wiring says of a line now; the line itself is to be configured anew.
    pub(super) fn rewired(&mut self, line: LineIndex, wired: &WiredLine) {
        self.lines[line.0].debounce_ns = configured(wired).debounce_ns;
    }

    /// Uses a request, and takes note of whether that failed.
    #[inline]
    fn access<T>(
        &mut self,
        request: usize,
        access: impl FnOnce(&mut dyn HeldLines) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(Some(request)) = self.requests.get_mut(request) else {
            let source = io::Error::other("it was let go");
            return Err(Error::Failed { operation: "using a line", source });
        };
        let outcome = access(request.held.as_mut());
        if request.failing != outcome.is_err() {
            request.failing = outcome.is_err();
            self.health.changed();
        }
        outcome
    }

    /// Whether the last access to a line failed.
    pub(super) fn is_failing(&self, line: LineIndex) -> bool {
        let request = self.requests.get(self.lines[line.0].place.request).and_then(Option::as_ref);
        request.is_some_and(|request| request.failing)
    }

    /// Reads the lines to which the last access failed.
    pub(super) fn try_failing(&mut self) {
        for index in 0..self.requests.len() {
            if let Some(request) = self.requests[index].as_ref().filter(|request| request.failing) {
                let all = known_mask(request.lines.len());
                // What it is now is noted, and nobody waits for the values.
                let _ = self.access(index, |held| held.read(all));
            }
        }
    }

    /// Whom to tell of failures.
    pub(super) fn tell_health(&mut self, health: Arc<Health>) {
        self.health = health;
    }

    /// Reads lines: bit i of the answer is line i of the list. Lines outside of the mask read 0.
    pub(super) fn read(&mut self, lines: &[LineIndex], mask: u64) -> Result<Values, Error> {
        let mut bits = 0;
        let mut when: Option<Moment> = None;
        let mut left = mask;
        while left != 0 {
            let part = self.next_part(lines, left, 0);
            left &= !part.mask;
            let read = self.access(part.request, |held| held.read(part.request_mask))?;
            when = Some(when.map_or(read.read, |when| when.and(read.read)));
            for i in ones(part.mask) {
                bits |= (read.bits >> self.lines[lines[i].0].place.position & 1) << i;
            }
        }
        let read = when.unwrap_or(Moment { timestamp_ns: clock::now_ns(), uncertainty_ns: 0 });
        Ok(Values { bits, read })
    }

    /// Sets one output, and says whether it is not what it was.
    #[inline]
    pub(super) fn set(&mut self, line: LineIndex, value: Value) -> Result<(Moment, bool), Error> {
        let Place { request, position } = self.lines[line.0].place;
        let bits = u64::from(value == Value::Active) << position;
        let moment = self.access(request, |held| held.write(1 << position, bits))?;
        let was = std::mem::replace(&mut self.lines[line.0].config.value, value);
        Ok((moment, was != value))
    }

    /// Sets outputs. Lines of one group change together; of several, all that switch off change before any that
    /// switches on. Adds to `changed` those that are not what they were: some may be where it fails half-way.
    pub(super) fn write(
        &mut self,
        lines: &[LineIndex],
        mask: u64,
        bits: u64,
        changed: &mut u64,
    ) -> Result<Moment, Error> {
        let first = self.next_part(lines, mask, bits);
        if first.mask == mask {
            return self.write_part(lines, first, bits, changed);
        }
        let mut last = Moment { timestamp_ns: 0, uncertainty_ns: 0 };
        for mut left in [mask & !bits, mask & bits] {
            while left != 0 {
                let part = self.next_part(lines, left, bits);
                left &= !part.mask;
                last = self.write_part(lines, part, bits, changed)?;
            }
        }
        Ok(last)
    }

    /// Sets outputs that are all in one request.
    #[inline]
    fn write_part(
        &mut self,
        lines: &[LineIndex],
        part: Part,
        bits: u64,
        changed: &mut u64,
    ) -> Result<Moment, Error> {
        let moment = self.access(part.request, |held| held.write(part.request_mask, part.request_bits))?;
        for i in ones(part.mask) {
            let value = Value::from_bit(bits >> i & 1 == 1);
            let was = std::mem::replace(&mut self.lines[lines[i].0].config.value, value);
            *changed |= u64::from(was != value) << i;
        }
        Ok(moment)
    }

    /// Changes what lines are. Whether their edges are reported is decided here, by whether anybody wants them.
    pub(super) fn configure(&mut self, changes: &[(LineIndex, LineConfig)]) -> Result<Moment, Error> {
        let mut outcome = Ok(Moment { timestamp_ns: 0, uncertainty_ns: 0 });
        for (index, request) in self.requests.iter_mut().enumerate() {
            let Some(request) = request else { continue };
            let part: Vec<(u8, LineConfig)> = changes
                .iter()
                .filter(|(line, _)| self.lines[line.0].place.request == index)
                .map(|(line, config)| {
                    let held = &self.lines[line.0];
                    (held.place.position, held.fit(*config))
                })
                .collect();
            if part.is_empty() {
                continue;
            }
            match request.held.configure(&part) {
                Ok(moment) => {
                    for (position, config) in part {
                        self.lines[request.lines[usize::from(position)].0].config = config;
                    }
                    outcome = outcome.map(|_| moment);
                }
                // Lines of other requests are no worse for it: a release must reach all it can.
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Asks for the edges of lines, once more.
    pub(super) fn want_edges(&mut self, lines: &[LineIndex]) -> Result<(), Error> {
        for line in lines {
            self.lines[line.0].edge_users += 1;
        }
        let applied = self.apply_edges(lines);
        if applied.is_err() {
            for line in lines {
                self.lines[line.0].edge_users -= 1;
            }
        }
        applied
    }

    /// Takes one such wish back. The edges themselves go on until [`sweep_edges`](Self::sweep_edges).
    pub(super) fn unwant_edges(&mut self, lines: &[LineIndex]) {
        for line in lines {
            let users = &mut self.lines[line.0].edge_users;
            *users = users.saturating_sub(1);
        }
    }

    /// Switches off the edges that nobody wants any more.
    pub(super) fn sweep_edges(&mut self) -> Result<(), Error> {
        let all: Vec<LineIndex> = (0..self.lines.len()).map(LineIndex).collect();
        self.apply_edges(&all)
    }

    fn apply_edges(&mut self, lines: &[LineIndex]) -> Result<(), Error> {
        let changes: Vec<_> = lines
            .iter()
            .map(|line| (*line, &self.lines[line.0]))
            .filter(|(_, held)| held.config.direction == Direction::Input)
            .filter(|(_, held)| held.config.edges != (held.edge_users > 0))
            .map(|(line, held)| (line, held.config))
            .collect();
        if changes.is_empty() { Ok(()) } else { self.configure(&changes).map(|_| ()) }
    }

    /// The lines of a request.
    pub(super) fn lines(&self, request: RequestIndex) -> &[LineIndex] {
        self.requests.get(request.0).and_then(Option::as_ref).map_or(&[], |request| &request.lines)
    }

    /// Says which line an edge of a request is of, and how many the kernel lost before it.
    pub(super) fn edge(&mut self, request: RequestIndex, event: EdgeEvent) -> Option<LineEdge> {
        let request = self.requests.get_mut(request.0)?.as_mut()?;
        let lost = request.reckoning.edge(&event)?;
        Some(LineEdge { line: *request.lines.get(usize::from(event.position))?, lost })
    }

    /// When all edges of a request have been taken: which lines lost edges without a sign, and how many.
    pub(super) fn silent_losses(&mut self, request: RequestIndex) -> Vec<(LineIndex, u32)> {
        let Some(Some(HeldRequest { reckoning, lines, .. })) = self.requests.get_mut(request.0) else {
            return Vec::new();
        };
        let listens = |position: usize| self.lines[lines[position].0].config.edges;
        let silent = reckoning.silent(listens);
        silent.into_iter().map(|(position, lost)| (lines[position], lost)).collect()
    }

    /// What the first request has of the mask that has a line of it, and of the bits.
    #[inline]
    fn next_part(&self, lines: &[LineIndex], mask: u64, bits: u64) -> Part {
        let mut part = Part { request: 0, mask: 0, request_mask: 0, request_bits: 0 };
        for i in ones(mask) {
            let Place { request, position } = self.lines[lines[i].0].place;
            if part.mask == 0 {
                part.request = request;
            }
            if request == part.request {
                part.mask |= 1 << i;
                part.request_mask |= 1 << position;
                part.request_bits |= (bits >> i & 1) << position;
            }
        }
        part
    }
}

impl HeldLine {
    /// Adds to a line's configuration what is decided here. An output has no edges to report: the kernel refuses to be
    /// asked.
    fn fit(&self, config: LineConfig) -> LineConfig {
        let edges = config.direction == Direction::Input && self.edge_users > 0;
        LineConfig { edges, debounce_ns: self.debounce_ns, ..config }
    }
}

/// A line as it is configured, undriven and with nobody listening.
pub(super) fn configured(line: &WiredLine) -> LineConfig {
    LineConfig {
        direction: Direction::Input,
        value: Value::Inactive,
        bias: line.config.bias,
        drive: match line.config.kind {
            Kind::Input => crate::line::Drive::PushPull,
            Kind::Output(driven) | Kind::Both(driven) => driven.drive,
        },
        active_low: line.config.active_low,
        edges: false,
        debounce_ns: u64::try_from(line.config.debounce.as_nanos()).unwrap_or(u64::MAX),
    }
}
