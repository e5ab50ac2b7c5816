//! The model: what is to be true of lines and sessions. It knows neither the broker nor time.

use super::wired::{Line, Release, Way, Wired};
use gpiod::token::Token;
use std::collections::{BTreeMap, BTreeSet};

/// How many sessions a socket may have.
pub(crate) const SESSIONS: usize = 3;

/// Until when somebody who is away is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// A moment that has passed long ago.
    Soon,
    /// One that does not come before time is made to pass far.
    Late,
}

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) socket: usize,
    pub(crate) client: String,
    /// Its lines in order: name, which, and as what it holds them.
    pub(crate) lines: Vec<(String, usize, Way)>,
    pub(crate) token: Token,
    pub(crate) away: Option<Until>,
    /// Whether it is waited for because the daemon was started anew.
    pub(crate) restarted: bool,
}

/// What is driven, if anything: whether high.
pub(crate) type Level = Option<bool>;

/// A line that a daemon knows, or knew before its configuration was changed.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    config: Line,
    pub(crate) holder: Option<u64>,
    /// Found driven, and in nobody's hands since: until when it is kept.
    adopted: Option<Until>,
    /// Whether a changed configuration brought it: it is let go of when no group has it any more. What was taken with
    /// others is not, before they are.
    alone: bool,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) wired: Wired,
    pub(crate) levels: Vec<Level>,
    pub(crate) lines: BTreeMap<usize, Known>,
    pub(crate) sessions: BTreeMap<u64, Session>,
    next: u64,
}

/// Whose place a session takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    New,
    Own(u64),
    Adopted(u64),
}

impl Model {
    pub(crate) fn new(wired: Wired, lines: usize) -> Self {
        let (levels, sessions) = (vec![None; lines], BTreeMap::new());
        let mut model = Self { wired, levels, lines: BTreeMap::new(), sessions, next: 1 };
        model.take_lines(Until::Late, false);
        model
    }

    /// Takes the lines that are not known yet: as they are found if they are driven, else as configured.
    fn take_lines(&mut self, until: Until, alone: bool) {
        for config in self.wired.lines.clone() {
            let offset = config.offset;
            if self.lines.contains_key(&offset) {
                continue;
            }
            if config.way == Way::In {
                self.levels[offset] = None;
            }
            let found = config.way != Way::In && self.levels[offset].is_some() && !config.one_shot;
            let adopted = found.then_some(until);
            if config.way == Way::Out && self.levels[offset].is_none() {
                self.levels[offset] = Some(config.active_low);
            }
            self.lines.insert(offset, Known { config, holder: None, adopted, alone });
        }
    }

    fn exclusive(&self, offset: usize) -> bool {
        self.lines[&offset].config.way != Way::In
    }

    fn release(&mut self, offset: usize) {
        let Line { active_low, release, way, .. } = self.lines[&offset].config;
        match release {
            _ if way == Way::In => self.levels[offset] = None,
            Release::Keep => {}
            Release::Inactive => self.levels[offset] = Some(active_low),
            Release::Active => self.levels[offset] = Some(!active_low),
            Release::Input => self.levels[offset] = None,
        }
    }

    pub(crate) fn drive(&mut self, offset: usize, active: bool) {
        self.levels[offset] = Some(active != self.lines[&offset].config.active_low);
    }

    /// Ends a session; its lines are released.
    pub(crate) fn end(&mut self, id: u64) {
        if self.sessions.remove(&id).is_none() {
            return;
        }
        for offset in self.held_by(id) {
            self.lines.get_mut(&offset).unwrap().holder = None;
            self.release(offset);
        }
    }

    pub(crate) fn held_by(&self, id: u64) -> BTreeSet<usize> {
        self.lines.iter().filter(|(_, line)| line.holder == Some(id)).map(|(offset, _)| *offset).collect()
    }

    /// Its client is not there any more.
    pub(crate) fn leave(&mut self, id: u64) {
        let keeps = self.lines.values().any(|line| line.holder == Some(id));
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if self.wired.waits(session.socket) && (keeps || session.away.is_some()) {
            // Whoever is away already is not waited for any longer than was said.
            session.away = session.away.or(Some(Until::Late));
        } else if session.away.is_none() {
            self.end(id);
        }
    }

    /// Whose place an opening takes; `None` if it is refused.
    pub(crate) fn place(&self, socket: usize, lines: &[usize], token: Option<Token>) -> Option<Place> {
        let wanted: BTreeSet<usize> = lines.iter().copied().collect();
        let mut here = self.sessions.iter().filter(|(_, session)| session.socket == socket);
        let held: BTreeSet<usize> =
            wanted.iter().copied().filter(|offset| self.lines[offset].holder.is_some()).collect();
        if let Some((id, own)) = here.clone().find(|(_, session)| Some(session.token) == token) {
            let same = own.lines.iter().map(|(_, offset, _)| *offset).collect::<BTreeSet<_>>() == wanted;
            return same.then_some(Place::Own(*id));
        }
        let away = here.find(|(id, session)| session.away.is_some() && self.held_by(**id) == held);
        if let Some((id, _)) = away.filter(|_| self.wired.waits(socket) && !held.is_empty()) {
            return Some(Place::Adopted(*id));
        }
        let room = self.sessions.values().filter(|session| session.socket == socket).count() < SESSIONS;
        (held.is_empty() && room).then_some(Place::New)
    }

    /// Enters a session in the place that was found for it.
    pub(crate) fn open(&mut self, place: Place, session: Session) -> u64 {
        match place {
            Place::New => {}
            Place::Own(id) | Place::Adopted(id) => drop(self.sessions.remove(&id)),
        }
        let id = self.next;
        self.next += 1;
        self.hold(id, &session);
        self.sessions.insert(id, session);
        id
    }

    fn hold(&mut self, id: u64, session: &Session) {
        for (_, offset, _) in &session.lines {
            let exclusive = self.exclusive(*offset);
            let line = self.lines.get_mut(offset).unwrap();
            line.adopted = None;
            if exclusive {
                line.holder = Some(id);
            }
        }
    }

    pub(crate) fn set(&mut self, offset: usize, active: bool) {
        self.drive(offset, active);
        self.lines.get_mut(&offset).unwrap().adopted = None;
    }

    pub(crate) fn time_passes(&mut self, far: bool) {
        let over = |session: &Session| session.away.is_some_and(|until| far || until == Until::Soon);
        let ids: Vec<u64> =
            self.sessions.iter().filter(|(_, session)| over(session)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.end(id));
        self.release_orphans(|_, until| far || until == Until::Soon);
    }

    fn release_orphans(&mut self, over: impl Fn(usize, Until) -> bool) {
        let orphans = self
            .lines
            .iter()
            .filter(|(offset, line)| line.adopted.is_some_and(|until| over(**offset, until)));
        let orphans: Vec<usize> = orphans.map(|(offset, _)| *offset).collect();
        for offset in orphans {
            self.lines.get_mut(&offset).unwrap().adopted = None;
            self.release(offset);
        }
    }

    pub(crate) fn release_group(&mut self, group: usize) {
        let of_group = self.wired.of_socket(group).into_iter();
        let holders: BTreeSet<u64> = of_group.filter_map(|(_, offset)| self.lines[&offset].holder).collect();
        holders.into_iter().for_each(|id| self.end(id));
        let of_group: Vec<usize> =
            self.wired.of_socket(group).into_iter().map(|(_, offset)| offset).collect();
        self.release_orphans(|offset, _| of_group.contains(&offset));
    }

    /// Whether a session finds its lines by the same names.
    fn finds_its_lines(&self, session: &Session) -> bool {
        let known = self.wired.of_socket(session.socket);
        session.lines.iter().all(|(name, offset, _)| known.contains(&(name.clone(), *offset)))
    }

    pub(crate) fn rewire(&mut self, wired: Wired, until: Until) {
        let old = std::mem::replace(&mut self.wired, wired);
        let known: Vec<usize> = self.lines.keys().copied().collect();
        self.take_lines(until, true);
        let changed: Vec<usize> = known
            .iter()
            .copied()
            .filter(|offset| {
                let (was, is) = (old.line(*offset), self.wired.line(*offset));
                was.map(|line| (line.active_low, line.way)) != is.map(|line| (line.active_low, line.way))
            })
            .collect();
        let inputs: Vec<usize> =
            known.iter().copied().filter(|offset| self.lines[offset].config.way == Way::In).collect();
        for config in self.wired.lines.clone() {
            let offset = config.offset;
            self.lines.get_mut(&offset).unwrap().config = config;
        }
        let over = |session: &Session| {
            !self.finds_its_lines(session)
                || session.lines.iter().any(|(_, offset, _)| changed.contains(offset))
        };
        let ids: Vec<u64> =
            self.sessions.iter().filter(|(_, session)| over(session)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.end(id));
        for offset in changed {
            self.lines.get_mut(&offset).unwrap().adopted = None;
            let Line { active_low, way, .. } = self.lines[&offset].config;
            match way {
                // What was never driven is as it starts.
                Way::Out if inputs.contains(&offset) => self.levels[offset] = Some(active_low),
                Way::In | Way::Out | Way::Both => self.release(offset),
            }
        }
        let (lines, wired) = (&mut self.lines, &self.wired);
        lines.retain(|offset, line| wired.line(*offset).is_some() || !line.alone);
        for session in self.sessions.values_mut().filter(|session| !session.restarted) {
            if !self.wired.waits(session.socket) {
                session.away = session.away.map(|_| Until::Soon);
            }
        }
    }

    /// Another daemon begins, which waits for the clients of the last one until then, if it knows them.
    pub(crate) fn restart(&mut self, wired: Wired, until: Until, known: bool) {
        self.wired = wired;
        self.lines.clear();
        self.take_lines(until, false);
        for (id, mut session) in std::mem::take(&mut self.sessions) {
            if known && self.finds_its_lines(&session) {
                session.away = Some(until);
                session.restarted = true;
                self.hold(id, &session);
                self.sessions.insert(id, session);
            }
        }
        if known {
            // Outputs start inactive here and others as inputs, and what is as it starts is at rest.
            let levels = self.levels.clone();
            for (offset, line) in &mut self.lines {
                let rests = line.config.way == Way::Out && levels[*offset] == Some(line.config.active_low);
                line.adopted = line.adopted.filter(|_| !rests);
            }
            self.release_orphans(|_, _| true);
        }
    }
}
