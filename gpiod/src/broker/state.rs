//! What the broker keeps, and what changes in it when a line is driven, an edge comes, or a holder goes.

use super::counts::Counts;
use super::listening::Listening;
use super::pins::Pins;
use super::prepare::Prepared;
use super::rate::Rate;
use super::sampler::Sampled;
use super::session::Session;
use super::usage::Usage;
use super::watch::Watcher;
use super::{RequestIndex, Scope, SessionId};
use crate::audit::Audit;
use crate::backend::Backend;
use crate::clock;
use crate::error::Error;
use crate::holder::Holder;
use crate::line::{Direction, Edge, EdgeEvent, LineConfig, Moment, Value, Values, known_mask, ones};
use crate::log_keys as keys;
use crate::pods::Pods;
use crate::sorted::SortedMap;
use crate::watch::{Event, PreviousLife, Source};
use crate::wiring::{LineIndex, Wiring};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct State {
    pub(super) wiring: Wiring,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) pins: Pins,
    pub(super) lines: Vec<LineState>,
    /// Few, and looked for with every command: by their order, not by hashes.
    pub(super) sessions: SortedMap<SessionId, Session>,
    /// Few, too.
    pub(super) samplings: SortedMap<u64, Sampled>,
    pub(super) usage: Usage,
    pub(super) audit: Audit,
    /// Which pods have which group.
    pub(super) pods: Arc<Pods>,
    pub(super) counts: Counts,
    /// What the watchers of each socket may still be told, and of how many events per second.
    pub(super) rates: SortedMap<Scope, Rate>,
    pub(super) events_per_s: u32,
    pub(super) next_id: u64,
    /// Which life of the daemon this is.
    pub(super) epoch: u64,
    pub(super) previous: Vec<PreviousLife>,
    /// Since when lines that were called otherwise, or not to be had, have the names that they have on a group's sockets
    /// or the administrator's.
    pub(super) renamed_ns: HashMap<(Scope, LineIndex), u64>,
    /// Told when a line's edges are no longer wanted.
    pub(super) unwanted: Arc<Notify>,
    /// Told when somebody else is waited for than before.
    pub(super) away_changed: Arc<Notify>,
    /// What is to be in force next, while the other parts of the daemon and the sockets are made ready for it.
    pub(super) prepared: Option<Prepared>,
    /// Set once, at the stop: from then on nothing is driven any more, since outputs are to stay as they are.
    pub(super) stopping: bool,
}

#[derive(Debug, Default)]
pub(super) struct LineState {
    pub(super) holder: Option<SessionId>,
    pub(super) watchers: Vec<Watcher>,
    /// What is heard of it, from when it was first watched.
    pub(super) listening: Option<Box<Listening>>,
    /// How many edges the daemon has seen, lost ones included.
    pub(super) seqno: u64,
    /// Edges after the first and up to the second of two moments are told already, by what a change of direction did.
    /// Of more turns than the reactor's edges keep up with, the oldest are forgotten.
    pub(super) told_ns: VecDeque<(u64, u64)>,
    /// What it became between being let go and being listened to, or just after: the kernel's edge may be on its way.
    pub(super) unseen: Option<(Edge, Moment)>,
    /// Found driven and not held since: until when it is kept for whoever drove it.
    pub(super) adopted_until_ns: Option<u64>,
}

/// Turns of a line whose edges may still be on their way from the kernel.
const TURNS: usize = 64;

impl LineState {
    /// Whether somebody watches it, or may come back and be told what happened meanwhile.
    fn is_told(&self) -> bool {
        !self.watchers.is_empty()
            || self.listening.as_ref().is_some_and(|listening| listening.history.is_heard())
    }

    /// What happened between these moments has been told.
    fn told(&mut self, after_ns: u64, until_ns: u64) {
        if self.told_ns.len() == TURNS {
            self.told_ns.pop_front();
        }
        self.told_ns.push_back((after_ns, until_ns));
    }

    /// Whether an edge of the kernel has been told already. Edges of a line come in order: turns before it are done with.
    fn knows(&mut self, timestamp_ns: u64) -> bool {
        while self.told_ns.front().is_some_and(|(_, until_ns)| *until_ns < timestamp_ns) {
            self.told_ns.pop_front();
        }
        self.told_ns.front().is_some_and(|(after_ns, _)| *after_ns < timestamp_ns)
    }
}

impl State {
    pub(super) fn holder(&self, line: LineIndex) -> Option<&Holder> {
        let session = self.lines[line.0].holder?;
        self.sessions.get(&session).map(|session| &session.holder)
    }

    pub(super) fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Sets outputs and tells their watchers.
    #[inline]
    pub(super) fn write(&mut self, lines: &[LineIndex], mask: u64, bits: u64) -> Result<Moment, Error> {
        if mask.is_power_of_two() {
            return self.set(lines[mask.trailing_zeros() as usize], Value::from_bit(bits == mask));
        }
        let mut changed = 0;
        let written = self.pins.write(lines, mask, bits, &mut changed);
        // Some may have changed where it failed half-way.
        let moment = written.as_ref().map_or_else(|_| now(), |moment| *moment);
        for i in ones(changed) {
            self.changed(lines[i], Value::from_bit(bits >> i & 1 == 1), moment);
        }
        Ok(written?)
    }

    /// The same for one output, as most writes are: 150 instructions fewer for each.
    #[inline]
    fn set(&mut self, line: LineIndex, value: Value) -> Result<Moment, Error> {
        let (moment, changed) = self.pins.set(line, value)?;
        if changed {
            self.changed(line, value, moment);
        }
        Ok(moment)
    }

    /// Changes lines and tells the watchers of those whose value changed by it.
    pub(super) fn configure(&mut self, changes: &[(LineIndex, LineConfig)]) -> Result<Moment, Error> {
        let mut outputs = Vec::new();
        let mut turned = Vec::new();
        for (line, new) in changes {
            let old = self.pins.config(*line);
            if old.direction != new.direction {
                turned.push(*line);
                self.lines[line.0].unseen = None;
            } else if new.direction == Direction::Output && old.value != new.value {
                outputs.push((*line, new.value));
            }
        }
        // Between being driven and being listened to a line may change without an edge that the kernel would tell.
        turned.retain(|line| self.lines[line.0].is_told());
        // What can not be read is not told; it must not keep lines from being released.
        let before = self.pins.read(&turned, known_mask(turned.len())).unwrap_or_else(|error| {
            tracing::warn!({ keys::ERROR } = %error, "what turned lines were is not known");
            turned.clear();
            Values { bits: 0, read: now() }
        });
        let mask = known_mask(turned.len());
        let before_ns = clock::now_ns();
        let configured = self.pins.configure(changes);
        let changed: Vec<LineIndex> = changes.iter().map(|(line, _)| *line).collect();
        self.heed(&changed, before_ns);
        self.turned(&turned);
        let moment = configured.as_ref().map_or_else(|_| now(), |moment| *moment);
        for (line, value) in outputs {
            // Where a change of several groups failed half-way, some of its lines have changed all the same.
            if self.pins.config(line).value == value {
                self.changed(line, value, moment);
            }
        }
        let after = self.pins.read(&turned, mask)?;
        for i in ones(before.bits ^ after.bits) {
            // An edge that the kernel saw meanwhile is the same change: it is told once.
            self.lines[turned[i].0].told(before.read.timestamp_ns, after.read.latest_ns());
            let value = Value::from_bit(after.bits >> i & 1 == 1);
            // An output changed when it was told to, an input at any time since it was let go.
            let when = match self.pins.config(turned[i]).direction {
                Direction::Output => moment,
                Direction::Input => {
                    let when = Moment::between(moment.earliest_ns(), after.read.latest_ns());
                    self.lines[turned[i].0].unseen = Some((edge_to(value), when));
                    when
                }
            };
            self.changed(turned[i], value, when);
        }
        Ok(configured?)
    }

    /// Tells of a change that the daemon made, or was the first to see.
    #[inline]
    fn changed(&mut self, line: LineIndex, value: Value, when: Moment) {
        let state = &mut self.lines[line.0];
        if state.watchers.is_empty() && state.listening.is_none() {
            state.seqno += 1;
            return;
        }
        self.tell(line, edge_to(value), when, Source::Daemon, false);
    }

    pub(super) fn edge(&mut self, request: RequestIndex, event: EdgeEvent) {
        let Some(edge) = self.pins.edge(request, event) else { return };
        self.lost(edge.line, edge.lost);
        let listening = &mut self.lines[edge.line.0].listening;
        let swallowed = listening.as_mut().is_some_and(|listening| listening.edge(&event));
        let when = Moment { timestamp_ns: event.timestamp_ns, uncertainty_ns: 0 };
        self.tell(edge.line, event.edge, when, Source::Kernel, swallowed);
    }

    /// All edges of a request that waited have been taken.
    pub(super) fn drained(&mut self, request: RequestIndex) {
        for (line, lost) in self.pins.silent_losses(request) {
            self.lost(line, lost);
        }
    }

    fn lost(&mut self, line: LineIndex, count: u32) {
        if count > 0 {
            let line = &mut self.lines[line.0];
            line.seqno += u64::from(count);
            if let Some(listening) = &mut line.listening {
                listening.lost();
            }
            for watcher in &line.watchers {
                watcher.queue.lose(watcher.position, count.into(), line.seqno);
            }
        }
    }

    /// Tells an edge; `swallowed` says that the chip must have swallowed one just before it.
    fn tell(&mut self, line: LineIndex, edge: Edge, when: Moment, source: Source, swallowed: bool) {
        let line = &mut self.lines[line.0];
        let Moment { timestamp_ns, uncertainty_ns } = when;
        let known = source == Source::Kernel && line.knows(timestamp_ns);
        if known {
            line.unseen = None;
        } else {
            if let Some(Listening { history, .. }) = line.listening.as_deref_mut() {
                if swallowed {
                    history.swallowed(line.seqno, timestamp_ns);
                }
                history.push(line.seqno + 1, edge, when, source);
            }
            line.seqno += 1;
        }
        if line.watchers.is_empty() {
            return;
        }
        let (per_s, now_ns) = (self.events_per_s, clock::now_ns());
        for watcher in &line.watchers {
            let passed_over = if watcher.programs { source == Source::Daemon } else { known };
            if passed_over {
                continue;
            }
            let (position, line_seqno) = (watcher.position, line.seqno);
            let event = Event { position, edge, timestamp_ns, uncertainty_ns, line_seqno, source };
            // A program's edges are bounded by what it asks for.
            let told = watcher.scope.is_none_or(|scope| {
                let rate = self.rates.get_or_insert_with(scope, || Rate::new(per_s, now_ns));
                rate.take(per_s, now_ns)
            });
            if told {
                watcher.queue.push(event, swallowed && !watcher.programs);
            } else {
                watcher.queue.over_limit(&event);
                self.usage.count("limits.socket_events_per_s");
            }
        }
    }
}

pub(super) fn edge_to(value: Value) -> Edge {
    if value.is_active() { Edge::Rising } else { Edge::Falling }
}

fn now() -> Moment {
    Moment { timestamp_ns: clock::now_ns(), uncertainty_ns: 0 }
}
