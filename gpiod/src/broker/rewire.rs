//! Another wiring, while sessions and watches go on: whoever is not concerned notices nothing.

use super::session::Cause;
use super::{Broker, EdgeSources, RequestIndex, Scope, SessionId, State};
use crate::clock;
use crate::error::Error;
use crate::line::known_mask;
use crate::wiring::{LineIndex, Wiring, same_line};
use std::collections::HashSet;

/// What a new wiring brought with it.
#[derive(Debug, Default)]
pub struct Rewired {
    /// Where the edges of new requests come from.
    pub sources: EdgeSources,
    /// Requests of which no line is left: their edge sources are to be dropped.
    pub dropped: Vec<RequestIndex>,
}

impl Broker {
    /// Exchanges the wiring for another. Lines that are new are taken; lines that no group has any more are released
    /// and let go. Sessions and watches of lines that changed or are gone end with [`Error::Reconfigured`].
    ///
    /// # Errors
    /// [`Error::ConfigRefused`] for what only a daemon that is started anew can change, [`Error::Hardware`] when a new
    /// line can not be had; then all is as before.
    pub fn rewire(&self, new: Wiring) -> Result<Rewired, Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let merged = state.wiring.merged(new).map_err(Error::ConfigRefused)?;
        let (adopted, sources) = state.take_new(&merged)?;
        let old = std::mem::replace(&mut state.wiring, merged);
        for line in adopted {
            state.lines[line.0].adopted = true;
        }
        let before_ns = clock::now_ns();
        let concerned = state.concerned(&old);
        state.end_concerned(&old, &concerned);
        let lines: Vec<LineIndex> = concerned.into_iter().collect();
        for line in &lines {
            let State { pins, wiring, .. } = &mut *state;
            pins.rewired(*line, wiring.line(*line));
            // What was heard of it was of another line.
            if let Some(listening) = &mut state.lines[line.0].listening {
                listening.history.deaf(before_ns);
            }
        }
        state.release(&lines);
        state.heed(&lines, before_ns);
        let State { pins, wiring, .. } = &mut *state;
        let dropped = pins.drop_unused(wiring);
        drop(state);
        self.save();
        Ok(Rewired { sources, dropped })
    }
}

impl State {
    /// Takes the lines of a wiring that are not held yet; answers which were found driven.
    fn take_new(&mut self, merged: &Wiring) -> Result<(Vec<LineIndex>, EdgeSources), Error> {
        let wanted: Vec<LineIndex> = (0..merged.lines.len())
            .map(LineIndex)
            .filter(|line| !merged.line(*line).retired && !self.pins.has(*line))
            .collect();
        let (adopted, sources) = self.pins.request(self.backend.as_ref(), merged, &wanted)?;
        self.lines.resize_with(merged.lines.len(), Default::default);
        Ok((adopted, sources))
    }

    /// The lines that are not what they were.
    fn concerned(&self, old: &Wiring) -> HashSet<LineIndex> {
        (0..old.lines.len())
            .map(LineIndex)
            .filter(|line| {
                let (was, is) = (old.line(*line), self.wiring.line(*line));
                was.retired != is.retired || !same_line(&was.config, &is.config)
            })
            .collect()
    }

    /// Ends what uses a line that is not what it was, or that its socket has no longer by that name.
    fn end_concerned(&mut self, old: &Wiring, concerned: &HashSet<LineIndex>) {
        let over: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                let known = session.scope.lines(&self.wiring);
                let may = self.rights(session.scope, &session.indices) == session.rights
                    && session.scope.lets_in(&self.wiring, session.holder.caller);
                !may || session.indices.iter().zip(&session.lines).any(|(line, named)| {
                    concerned.contains(line)
                        || !known.iter().any(|(name, index)| index == line && *name == named.name)
                })
            })
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.end(Error::Reconfigured);
            }
            self.remove(id, Cause::Reconfigured);
        }
        for line in (0..old.lines.len()).map(LineIndex) {
            for watcher in &self.lines[line.0].watchers {
                let Some(scope) = watcher.scope else { continue };
                let may = scope.operations(old, line) == scope.operations(&self.wiring, line)
                    && scope.allowed(old) == scope.allowed(&self.wiring);
                if !may || concerned.contains(&line) || !self.reaches(scope, line) {
                    watcher.queue.close();
                }
            }
        }
    }

    fn reaches(&self, scope: Scope, line: LineIndex) -> bool {
        scope.lines(&self.wiring).iter().any(|(_, known)| *known == line)
    }

    /// Whether a write to any lines of one socket's group is one access.
    pub(super) fn atomic_writes(&self) -> bool {
        self.backend.atomic_writes()
            && self.wiring.groups.iter().all(|group| {
                let lines: Vec<LineIndex> = group.lines.iter().map(|(_, line)| *line).collect();
                self.pins.in_one_request(&lines, known_mask(lines.len()))
            })
    }
}
