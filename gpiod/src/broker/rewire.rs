//! Another wiring, while sessions and watches go on: whoever is not concerned notices nothing.

use super::prepare::Prepared;
use super::sampler::Sampled;
use super::session::Cause;
use super::state::LineState;
use super::watch::Watcher;
use super::{Broker, EdgeSources, RequestIndex, SessionId, State};
use crate::clock;
use crate::config::Kind;
use crate::error::Error;
use crate::line::{Direction, known_mask};
use crate::log_keys as keys;
use crate::sorted::SortedMap;
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
    /// Puts in force the wiring that was [prepared](Broker::prepare). Lines that no group has any more are released and
    /// let go. Sessions, watches and samplings of lines that changed, are gone or are called otherwise on their socket end
    /// with [`Error::Reconfigured`]. For lines that were found driven before, it stays as it was until when they are kept.
    /// Nothing happens where none was prepared.
    ///
    /// # Errors
    /// [`Error::Stopping`]; then all is as before.
    pub fn rewire(&self) -> Result<Rewired, Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let Some(prepared) = state.prepared.take() else { return Ok(Rewired::default()) };
        let Prepared { wiring: merged, new, taken: (adopted, sources), .. } = prepared;
        let Prepared { claimed, stay_claimed, keep_until_ns, .. } = prepared;
        state.pins.move_to(&claimed);
        state.lines.resize_with(merged.lines.len(), Default::default);
        let old = std::mem::replace(&mut state.wiring, merged);
        state.adopt(&adopted, keep_until_ns);
        let before_ns = clock::now_ns();
        let concerned = state.concerned(&old);
        state.end_concerned(&old, &concerned);
        state.mark_renamed(&old);
        state.shorten_graces();
        let lines: Vec<LineIndex> = concerned.into_iter().collect();
        state.forget_for_newcomers(&old, &lines);
        for line in &lines {
            let State { pins, wiring, .. } = &mut *state;
            pins.rewired(*line, wiring.line(*line));
            // What was heard of it was of another line.
            if let Some(listening) = &mut state.lines[line.0].listening {
                listening.history.deaf(before_ns);
            }
        }
        // What was only just taken is as it was found, or as it is to be at the start.
        let known: Vec<LineIndex> = lines.iter().copied().filter(|line| !new.contains(line)).collect();
        state.claimed(&known);
        let was_input = |line: &LineIndex| old.line(*line).config.kind == Kind::Input;
        let (inputs, driven): (Vec<LineIndex>, Vec<LineIndex>) = known.into_iter().partition(was_input);
        state.release(&driven);
        state.begin(&inputs);
        state.tell_driven(&lines);
        state.tell_still_claimed(&lines);
        state.tell_stay_claimed(&stay_claimed);
        state.heed(&lines, before_ns);
        let State { pins, wiring, .. } = &mut *state;
        let dropped = pins.drop_unused(wiring);
        drop(state);
        self.save();
        Ok(Rewired { sources, dropped })
    }
}

impl State {
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
                    && self.still_admits(old, session.scope, session.holder.caller);
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
            let watchers = std::mem::take(&mut self.lines[line.0].watchers);
            let (go, stay): (Vec<Watcher>, Vec<Watcher>) =
                watchers.into_iter().partition(|watcher| self.is_over(watcher, line, old, concerned));
            self.lines[line.0].watchers = stay;
            for watcher in go {
                watcher.queue.close();
                // From now on it is told nothing, however long its client does not read that.
                self.edges_off(&[line]);
            }
        }
        let samplings = std::mem::take(&mut self.samplings);
        let (go, stay) =
            samplings.into_iter().partition(|(_, sampled)| self.is_sampled_no_more(sampled, old, concerned));
        self.samplings = stay;
        let go: SortedMap<u64, Sampled> = go;
        for sampled in go.values() {
            sampled.queue.end(Err(Error::Reconfigured));
        }
    }

    /// Whether a sampling may not go on.
    fn is_sampled_no_more(&self, sampled: &Sampled, old: &Wiring, concerned: &HashSet<LineIndex>) -> bool {
        let Sampled { scope, caller, lines, .. } = sampled;
        let otherwise = |line: &LineIndex| {
            concerned.contains(line)
                || scope.operations(old, *line) != scope.operations(&self.wiring, *line)
                || self.is_renamed(*scope, *line, old)
        };
        lines.iter().any(otherwise) || !self.still_admits(old, *scope, *caller)
    }

    /// Whether a watcher may not go on. A session's watches go with it, and a program's.
    fn is_over(
        &self,
        watcher: &Watcher,
        line: LineIndex,
        old: &Wiring,
        concerned: &HashSet<LineIndex>,
    ) -> bool {
        if concerned.contains(&line) {
            return true;
        }
        let (Some(scope), Some(caller)) = (watcher.scope, watcher.caller) else { return false };
        scope.operations(old, line) != scope.operations(&self.wiring, line)
            || !self.still_admits(old, scope, caller)
            || self.is_renamed(scope, line, old)
    }

    /// What happened of a line before a group had it is none of the group's business.
    fn forget_for_newcomers(&mut self, old: &Wiring, concerned: &[LineIndex]) {
        for line in (0..self.wiring.lines.len()).map(LineIndex) {
            let before = if line.0 < old.lines.len() { old.groups_of(line) } else { Vec::new() };
            let new = self.wiring.groups_of(line).iter().any(|group| !before.contains(group));
            if (new || concerned.contains(&line))
                && let LineState { seqno, listening: Some(listening), .. } = &mut self.lines[line.0]
            {
                listening.history.forget(*seqno, clock::now_ns());
            }
        }
    }

    /// Whoever is away after its connection broke is waited for no longer than its group's grace is now.
    fn shorten_graces(&mut self) {
        for session in self.sessions.values_mut().filter(|session| !session.after_restart) {
            let grace = u64::try_from(session.scope.grace(&self.wiring).as_nanos()).unwrap_or(u64::MAX);
            let until_ns = clock::now_ns().saturating_add(grace);
            session.holder.away_until_ns = session.holder.away_until_ns.map(|was_ns| was_ns.min(until_ns));
        }
        self.away_changed.notify_one();
    }

    /// Says which lines of removed groups are still driven, as their `on_release` says: nobody can switch them off by us.
    fn tell_driven(&self, lines: &[LineIndex]) {
        let driven = lines.iter().filter(|line| {
            self.wiring.line(**line).retired && self.pins.config(**line).direction == Direction::Output
        });
        for line in driven {
            let (name, value) = (self.wiring.full_name(*line), self.pins.config(*line).value);
            tracing::warn!({ keys::LINE } = name, { keys::VALUE } = %value, "no group has this output any more, it stays as it is");
        }
    }

    /// Says which lines of removed groups can not be given back, since a request is let go as a whole.
    fn tell_still_claimed(&self, lines: &[LineIndex]) {
        for line in
            lines.iter().filter(|line| self.wiring.line(**line).retired && self.wiring.line(**line).claim)
        {
            let others = self.pins.kept_by(*line, &self.wiring);
            let others: Vec<String> = others.into_iter().map(|other| self.wiring.full_name(other)).collect();
            if !others.is_empty() {
                tracing::info!(
                    { keys::LINE } = self.wiring.full_name(*line),
                    { keys::LINES } = others.join(","),
                    "no group has this line any more, it stays claimed until all of these are gone, too"
                );
            }
        }
    }

    /// Says which outputs become inputs when the daemon ends and would not, had it been started with this configuration.
    fn tell_stay_claimed(&self, lines: &[LineIndex]) {
        if !lines.is_empty() {
            let names: Vec<String> = lines.iter().map(|line| self.wiring.full_name(*line)).collect();
            tracing::warn!(
                { keys::LINES } = names.join(","),
                "these outputs stay claimed and become inputs when gpiod ends; after that they keep their levels"
            );
        }
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
