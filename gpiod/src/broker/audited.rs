//! What the broker tells the audit: who holds, drives and lets go of which line.

use super::pins::Pins;
use super::session::{Cause, Session, SessionLine};
use super::{Broker, Scope, SessionId, State};
use crate::audit::{Audit, Drove, Kind, Party, tell};
use crate::clock;
use crate::holder::{Caller, Holder};
use crate::line::{Direction, ones};
use crate::wiring::LineIndex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

impl Session {
    /// Who it is, to the audit. Only a program's call has no token.
    fn party(&self) -> Party<'_> {
        let Holder { name, group, caller, tenant, .. } = &self.holder;
        let via = if self.token.is_some() { "session" } else { "program" };
        Party { group, client: name, caller: *caller, tenant, via }
    }

    fn names(&self) -> String {
        list(self.lines.iter())
    }

    /// What its lines are now.
    fn now(&self, pins: &Pins) -> String {
        let lines = self.lines.iter().zip(self.indices.iter());
        let now: Vec<String> =
            lines.map(|(line, index)| format!("{}={}", line.name, word(pins, *index))).collect();
        now.join(",")
    }

    /// Tells what it drove since that was last told.
    fn tell_drove(&mut self, audit: &mut Audit, now_ns: u64) {
        let drove = std::mem::take(&mut self.drove);
        if drove.is_nothing() {
            return;
        }
        let party = self.party();
        if audit.admits(party.group, Kind::Drove, "", drove.writes, now_ns) {
            let lines = list(ones(drove.mask).filter_map(|i| self.lines.get(i)));
            tell::drove(party, &lines, &drove, now_ns);
        }
    }
}

fn list<'a>(lines: impl Iterator<Item = &'a SessionLine>) -> String {
    let names: Vec<&str> = lines.map(|line| line.name.as_str()).collect();
    names.join(",")
}

impl State {
    /// A session holds its lines.
    pub(super) fn tell_held(&mut self, id: SessionId, kind: Kind) {
        let Some(session) = self.sessions.get(&id) else { return };
        let party = session.party();
        if self.audit.admits(party.group, kind, "", 0, clock::now_ns()) {
            tell::held(kind, party, &session.names());
        }
    }

    /// The holder is not there, and is waited for.
    pub(super) fn tell_away(&mut self, id: SessionId, cause: &'static str, wait: Duration) {
        let Some(session) = self.sessions.get(&id) else { return };
        let party = session.party();
        if self.audit.admits(party.group, Kind::Away, cause, 0, clock::now_ns()) {
            tell::away(party, &session.names(), cause, wait);
        }
    }

    /// Takes away a session whose place another takes.
    pub(super) fn replaced(&mut self, id: SessionId) -> Option<Session> {
        let mut session = self.sessions.remove(&id)?;
        session.tell_drove(&mut self.audit, clock::now_ns());
        Some(session)
    }

    /// A session that was taken away has let its lines go. At a stop that was told before: they stay as they are.
    pub(super) fn tell_released(&mut self, session: &mut Session, cause: Cause) {
        let now_ns = clock::now_ns();
        session.tell_drove(&mut self.audit, now_ns);
        if self.stopping {
            return;
        }
        self.counts.released(cause);
        let party = session.party();
        if self.audit.admits(party.group, Kind::Released, cause.word(), 0, now_ns) {
            let became = session.now(&self.pins);
            tell::released(Kind::Released, party, &session.names(), cause.word(), &became);
        }
    }

    /// Outputs that were found driven, and that nobody came for, were let go.
    pub(super) fn tell_unclaimed(&self, lines: &[LineIndex]) {
        if lines.is_empty() {
            return;
        }
        let names: Vec<String> = lines.iter().map(|line| self.wiring.full_name(*line)).collect();
        let became =
            names.iter().zip(lines).map(|(name, line)| format!("{name}={}", word(&self.pins, *line)));
        tell::unclaimed(&names.join(","), &became.collect::<Vec<_>>().join(","));
    }

    /// The daemon stops: what was driven, that lines stay as they are, and all sums.
    pub(super) fn tell_kept(&mut self) {
        let now_ns = clock::now_ns();
        for session in self.sessions.values_mut() {
            session.tell_drove(&mut self.audit, now_ns);
            let party = session.party();
            if self.audit.admits(party.group, Kind::Kept, "stopping", 0, now_ns) {
                let kept = session.now(&self.pins);
                tell::released(Kind::Kept, party, &session.names(), "stopping", &kept);
            }
        }
        self.tell_sums(u64::MAX);
    }

    /// Tells what is due by a moment.
    fn tell_sums(&mut self, by_ns: u64) {
        let now_ns = clock::now_ns();
        let mut next_ns: Option<u64> = None;
        for session in self.sessions.values_mut() {
            match session.drove.due_ns() {
                Some(due_ns) if due_ns <= by_ns => session.tell_drove(&mut self.audit, now_ns),
                Some(due_ns) => next_ns = Some(next_ns.map_or(due_ns, |next_ns| next_ns.min(due_ns))),
                None => {}
            }
        }
        for writer in self.audit.due_writers(by_ns) {
            if self.audit.admits(writer.party().group, Kind::Drove, "write", writer.writes, now_ns) {
                tell::wrote(&writer, now_ns);
            }
        }
        for (group, sums) in self.audit.due_sums(by_ns, next_ns) {
            tell::summed(&group, &sums);
        }
    }

    /// Counts what a session drives; what it drove is told by its time.
    pub(super) fn drives(&mut self, id: SessionId, count: impl FnOnce(&mut Drove)) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        self.audit.drives(&mut session.drove, count);
    }
}

/// What a line is: `input`, or an output's value.
pub(super) fn word(pins: &Pins, line: LineIndex) -> String {
    let now = pins.config(line);
    match now.direction {
        Direction::Input => "input".to_owned(),
        Direction::Output => now.value.to_string(),
    }
}

impl Broker {
    /// Counts lines that a client has set without holding them.
    pub fn wrote(&self, scope: Scope, caller: Caller, client: &str, lines: &[String]) {
        let mut state = self.lock();
        let tenant = state.tenant(scope);
        let State { wiring, audit, .. } = &mut *state;
        let party = Party { group: scope.name(wiring), client, caller, tenant: &tenant, via: "write" };
        audit.wrote(party, lines, clock::now_ns());
    }

    /// By when the audit has something to tell; `None` when it has not.
    pub fn audit_due(&self) -> Option<u64> {
        self.lock().audit.due_ns()
    }

    /// Told when the audit has something to tell sooner than before.
    pub fn audit_changed(&self) -> Arc<Notify> {
        self.lock().audit.changed()
    }

    /// Tells what the audit has to tell by now.
    pub fn tell_audit(&self, now_ns: u64) {
        self.lock().tell_sums(now_ns);
    }
}
