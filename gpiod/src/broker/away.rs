//! Sessions whose client is not there, and what becomes of their lines.
//!
//! A client is waited for after its connection broke, for the `grace` of its group, and after the daemon was started
//! anew, for `resume_within`. Meanwhile its lines stay as they are and are nobody else's. It comes back with the token
//! of its session; in a group with a grace, whoever opens the same lines on the same socket takes its place, so that
//! an app that is updated need not blink. Whoever is not back in time is let go, and so is whoever drove an output that
//! was found driven.

use super::session::{Cause, Session};
use super::usage::Resource;
use super::{Broker, Hold, Scope, SessionId, State, WantedDirection, WantedLine};
use crate::audit::{self, Drove};
use crate::clock;
use crate::config::Kind;
use crate::error::Error;
use crate::holder::{Caller, Holder};
use crate::log_keys as keys;
use crate::pods::Tenant;
use crate::state_file::{HeldAs, Saved, SavedLine, SavedSession, Sessions};
use crate::token::Token;
use crate::wiring::{GroupIndex, LineIndex};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Whose place a new session takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predecessor {
    /// Nobody's.
    None,
    /// Its own: the client came back with the token.
    Own(SessionId),
    /// That of a client which held the same lines and is away.
    Away(SessionId),
}

impl Predecessor {
    /// How it is told.
    pub(super) fn said(self) -> audit::Kind {
        match self {
            Self::None => audit::Kind::Held,
            Self::Own(_) => audit::Kind::Resumed,
            Self::Away(_) => audit::Kind::Adopted,
        }
    }

    pub(super) fn session(self) -> Option<SessionId> {
        match self {
            Self::None => None,
            Self::Own(session) | Self::Away(session) => Some(session),
        }
    }
}

impl State {
    /// How long a session's lines are kept for it if it is lost; zero where they are not.
    pub(super) fn kept_for(&self, session: SessionId) -> Duration {
        let Some(known) = self.sessions.get(&session) else { return Duration::ZERO };
        // Of inputs nothing is to be kept.
        let keeps = known.token.is_some() && !self.held_by(session).is_empty();
        if keeps { known.scope.grace(&self.wiring) } else { Duration::ZERO }
    }

    /// Whose place a session on these lines would take.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a token of a session that has other lines.
    pub(super) fn predecessor(
        &self,
        scope: Scope,
        token: Option<Token>,
        wanted: &[LineIndex],
    ) -> Result<Predecessor, Error> {
        let mut here = self.sessions.iter().filter(|(_, session)| session.scope == scope);
        if let Some(token) = token
            && let Some((id, session)) = here.clone().find(|(_, session)| session.token == Some(token))
        {
            let same = wanted.iter().collect::<HashSet<_>>() == session.indices.iter().collect();
            return if same {
                Ok(Predecessor::Own(*id))
            } else {
                Err(Error::InvalidRequest("the session of this token has other lines".to_owned()))
            };
        }
        if scope.grace(&self.wiring).is_zero() {
            return Ok(Predecessor::None);
        }
        let exclusive: HashSet<LineIndex> =
            wanted.iter().copied().filter(|line| self.lines[line.0].holder.is_some()).collect();
        let same = |id: SessionId| {
            !exclusive.is_empty() && self.held_by(id).into_iter().collect::<HashSet<_>>() == exclusive
        };
        let away = here.find(|(id, session)| session.holder.away_until_ns.is_some() && same(**id));
        Ok(away.map_or(Predecessor::None, |(id, _)| Predecessor::Away(*id)))
    }

    /// The lines that are one session's alone.
    pub(super) fn held_by(&self, session: SessionId) -> Vec<LineIndex> {
        (0..self.lines.len())
            .map(LineIndex)
            .filter(|line| self.lines[line.0].holder == Some(session))
            .collect()
    }

    /// Notes what is to be known of the sessions after a restart: those of programs end with the daemon.
    pub(super) fn note(&self, sessions: &mut Sessions) {
        self.sessions
            .values()
            .filter_map(|session| self.saved_session(session))
            .for_each(|it| sessions.push(&it));
    }

    fn saved_session(&self, session: &Session) -> Option<SavedSession> {
        let Holder { name, caller: Caller { uid, gid, pid, .. }, since_ns, .. } = session.holder.clone();
        let group = match session.scope {
            Scope::Group(group) | Scope::Watch(group) => Some(self.wiring.groups[group.0].name.clone()),
            Scope::Admin => None,
        };
        let lines = session.lines.iter().zip(session.indices.iter()).map(|(line, index)| SavedLine {
            name: line.name.clone(),
            place: Some(self.wiring.line(*index).info.place()),
            held_as: match line.kind {
                Kind::Input => HeldAs::Input,
                Kind::Output(_) => HeldAs::Output,
                Kind::Both(_) => HeldAs::Both,
            },
        });
        let (token, lines) = (session.token?, lines.collect());
        Some(SavedSession { group, token, name, uid, gid, pid, since_ns, lines })
    }

    fn scope_of(&self, group: Option<&str>) -> Option<Scope> {
        let Some(group) = group else { return Some(Scope::Admin) };
        let index = self.wiring.groups.iter().position(|known| known.name == group)?;
        self.wiring.serves(GroupIndex(index)).then_some(Scope::Group(GroupIndex(index)))
    }
}

impl Broker {
    /// Takes over what the last daemon held: each session is waited for until this moment. Outputs that were in
    /// nobody's hands and are not as they start are released at once, since whoever held them had gone before.
    pub fn restore(&self, saved: &Saved, until_ns: u64) {
        let mut awaited = 0_u64;
        for session in &saved.sessions {
            let Some(scope) = self.lock().scope_of(session.group.as_deref()) else { continue };
            match self.restore_one(scope, session, until_ns) {
                Ok(()) => awaited += 1,
                Err(error) => tracing::warn!(
                    { keys::GROUP } = session.group, { keys::CLIENT } = session.name, { keys::ERROR } = %error,
                    "a hold of the last daemon is not to be had any more"
                ),
            }
        }
        if awaited > 0 {
            tracing::info!({ keys::COUNT } = awaited, "clients of the last daemon are waited for");
        }
        let mut state = self.lock();
        state.at_rest();
        state.release_adopted(u64::MAX);
        drop(state);
        self.save();
    }

    fn restore_one(&self, scope: Scope, saved: &SavedSession, until_ns: u64) -> Result<(), Error> {
        let wanted = saved.lines.iter().map(|line| WantedLine {
            name: line.name.clone(),
            direction: Some(match line.held_as {
                HeldAs::Input => WantedDirection::Input,
                HeldAs::Output => WantedDirection::Output,
                HeldAs::Both => WantedDirection::Both,
            }),
            initial: None,
        });
        let mut state = self.lock();
        let (indices, lines) = state.resolve(scope, &wanted.collect::<Vec<_>>(), None)?;
        // A name that is another line's now does not make that one the client's.
        let moved = |(line, saved): (&LineIndex, &SavedLine)| {
            let place = saved.place.as_ref();
            place.is_some_and(|place| *place != state.wiring.line(*line).info.place())
        };
        if indices.iter().zip(&saved.lines).any(moved) {
            return Err(Error::Reconfigured);
        }
        state.usage.take(scope, Resource::Session, &self.limits)?;
        let caller = Caller { uid: saved.uid, gid: saved.gid, pid: saved.pid, pod: None };
        let group = scope.name(&state.wiring).to_owned();
        let away_until_ns = Some(until_ns);
        // Which pod it was is not written down; whoever comes back is asked for anew.
        let tenant =
            if state.pods.is_told() { Tenant::Unknown("held before gpiod started") } else { Tenant::Untold };
        let (name, since_ns) = (saved.name.clone(), saved.since_ns);
        let holder = Holder { name, group, caller, tenant, since_ns, away_until_ns };
        let rights = state.rights(scope, &indices);
        let session = state.enter(Session {
            holder,
            scope,
            lines,
            indices,
            rights,
            busy: 0,
            drove: Drove::default(),
            token: Some(saved.token),
            after_restart: true,
            end: None,
        });
        state.tell_away(session, "restart", until(until_ns));
        state.away_changed.notify_one();
        Ok(())
    }

    /// A client's stream has ended: cleanly, or it broke. Does nothing for a session that has ended or moved on.
    pub(super) fn left(&self, session: SessionId, cause: Cause) {
        let mut state = self.lock();
        let Some(known) = state.sessions.get(&session) else { return };
        if cause != Cause::Ended && known.holder.away_until_ns.is_some() {
            // Its watchdog had run out before its connection broke: it is not waited for any longer for that.
            return;
        }
        let grace = if cause == Cause::Ended { Duration::ZERO } else { state.kept_for(session) };
        if grace.is_zero() || state.stopping {
            drop(state);
            return self.let_go(session, cause);
        }
        let until_ns = clock::now_ns().saturating_add(u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX));
        if let Some(known) = state.sessions.get_mut(&session) {
            known.holder.away_until_ns = Some(until_ns);
        }
        state.tell_away(session, cause.word(), grace);
        state.away_changed.notify_one();
        drop(state);
        self.save();
    }

    /// Until when the first of those who are away is waited for; `None` when nobody is.
    pub fn away_until(&self) -> Option<u64> {
        let state = self.lock();
        let away = state.sessions.values().filter_map(|session| session.holder.away_until_ns);
        away.chain(state.adopted_until()).min()
    }

    /// Told when somebody else is waited for than before.
    pub fn away_changed(&self) -> Arc<Notify> {
        Arc::clone(&self.lock().away_changed)
    }

    /// Lets go of those who are not back by now.
    pub fn release_away(&self, now_ns: u64) {
        let over: Vec<SessionId> = {
            let mut state = self.lock();
            state.release_adopted(now_ns);
            let due = |session: &Session| session.holder.away_until_ns.is_some_and(|until| until <= now_ns);
            state.sessions.iter().filter(|(_, session)| due(session)).map(|(id, _)| *id).collect()
        };
        for session in over {
            self.let_go(session, Cause::NotBack);
        }
    }
}

/// How long it is until a moment, in whole ms.
fn until(until_ns: u64) -> Duration {
    Duration::from_millis(until_ns.saturating_sub(clock::now_ns()).div_ceil(1_000_000))
}

impl Hold {
    /// Ends it as its client wished: the lines are let go at once, whatever the group's grace.
    pub fn end(self) {
        self.broker.left(self.session, Cause::Ended);
    }
}
