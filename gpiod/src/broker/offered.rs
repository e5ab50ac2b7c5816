//! What is asked by whoever offers groups to others and knows who has them: to make a group ready, whether it can be used,
//! and whose it is.

use super::audited::word;
use super::{Broker, Scope, State};
use crate::audit::tell;
use crate::error::Error;
use crate::health::Health;
use crate::holder::Caller;
use crate::line::LineConfig;
use crate::pods::{Access, Pods, Tenant};
use crate::wiring::{LineIndex, WiredGroup, Wiring};
use std::sync::Arc;

impl Broker {
    /// From now on these know which pods have which group, and hear of lines that can not be used. To be called once.
    pub fn know(&self, pods: &Arc<Pods>, health: &Arc<Health>) {
        let _ = self.pods.set(Arc::clone(pods));
        let mut state = self.lock();
        state.pods = Arc::clone(pods);
        state.pins.tell_health(Arc::clone(health));
    }

    /// Waits until it is known which pods have a socket's group, but not long: where the group is for some of them
    /// alone or, with `holds`, where it is to be told who holds it.
    pub async fn look_for_pods(&self, scope: Scope, holds: bool) {
        let Some(pods) = self.pods.get().filter(|pods| pods.is_told()) else { return };
        let asks = {
            let state = self.lock();
            let asks = holds || !scope.namespaces(&state.wiring).is_empty();
            scope.access().filter(|_| asks).map(|access| (scope.name(&state.wiring).to_owned(), access))
        };
        if let Some((group, access)) = asks {
            pods.look(&group, access).await;
        }
    }

    /// Whether lines of a group are here.
    pub fn has_group(&self, group: &str) -> bool {
        self.lock().group(group).is_some()
    }

    /// The namespaces that a group is for; none: all.
    pub fn namespaces_of(&self, group: &str) -> Vec<String> {
        self.lock().group(group).map(|group| group.allowed.namespaces.clone()).unwrap_or_default()
    }

    /// Makes the lines of a group that nobody holds, and that are kept for nobody, what they are without a holder:
    /// `on_release`. All others stay as they are.
    ///
    /// # Errors
    /// [`Error::GroupNotFound`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn make_ready(&self, group: &str) -> Result<(), Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let missing = || Error::GroupNotFound { group: group.to_owned(), known: Vec::new() };
        let lines = &state.group(group).ok_or_else(missing)?.lines;
        let free = |line: &LineIndex| {
            let now = &state.lines[line.0];
            let driven = state.wiring.line(*line).config.kind.driven().is_some();
            driven && now.holder.is_none() && now.adopted_until_ns.is_none()
        };
        let free = lines.iter().filter(|(_, line)| free(line));
        let changed = free.filter_map(|(name, line)| {
            let ready = state.released(*line);
            (ready != *state.pins.config(*line)).then(|| (name.clone(), *line, ready))
        });
        let changed: Vec<(String, LineIndex, LineConfig)> = changed.collect();
        if changed.is_empty() {
            return Ok(());
        }
        let changes: Vec<(LineIndex, LineConfig)> =
            changed.iter().map(|(_, line, to)| (*line, *to)).collect();
        state.configure(&changes)?;
        let names: Vec<&str> = changed.iter().map(|(name, _, _)| name.as_str()).collect();
        let became = changed.iter().map(|(name, line, _)| format!("{name}={}", word(&state.pins, *line)));
        tell::readied(group, &names.join(","), &became.collect::<Vec<_>>().join(","));
        Ok(())
    }

    /// The groups of which a line can not be used, each with the first reason.
    pub fn unusable(&self, health: &Health) -> Vec<(String, String)> {
        let state = self.lock();
        let why = |line: LineIndex| {
            let wired = state.wiring.line(line);
            let name = wired.info.name_or_place();
            if state.pins.is_failing(line) {
                return Some(format!("the last access to {name} failed"));
            }
            // Of a line that we have claimed the kernel tells our own name.
            let consumer = health.taken_by(wired.info.id).filter(|_| !wired.claim)?;
            Some(format!("{name} is held by {consumer:?}"))
        };
        let unusable = |group: &WiredGroup| {
            Some((group.name.clone(), group.lines.iter().find_map(|(_, line)| why(*line))?))
        };
        state.wiring.groups.iter().filter_map(unusable).collect()
    }

    /// Whether the last access to any line failed.
    pub fn is_failing(&self) -> bool {
        let state = self.lock();
        (0..state.wiring.lines.len()).map(LineIndex).any(|line| state.pins.is_failing(line))
    }

    /// Reads the lines to which the last access failed, to see whether it still does.
    pub fn try_failing(&self) {
        self.lock().pins.try_failing();
    }
}

impl Scope {
    /// Which of its group's sockets it is; `None` for the administrator's.
    fn access(self) -> Option<Access> {
        match self {
            Self::Group(_) => Some(Access::Full),
            Self::Watch(_) => Some(Access::Watch),
            Self::Admin => None,
        }
    }
}

impl State {
    /// A group whose lines are here.
    fn group(&self, name: &str) -> Option<&WiredGroup> {
        self.wiring.groups.iter().find(|group| group.name == name && !group.lines.is_empty())
    }

    /// Whether a client is let in at a socket: by its ids, and by the pods that have the group.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::NamespaceNotAllowed`], [`Error::PodUnknown`].
    pub(super) fn admit(&self, scope: Scope, caller: Caller) -> Result<(), Error> {
        scope.admit_caller(&self.wiring, caller)?;
        match (scope.namespaces(&self.wiring), scope.access()) {
            ([], _) | (_, None) => Ok(()),
            (namespaces, Some(access)) => self.pods.admit(scope.name(&self.wiring), access, namespaces),
        }
    }

    /// Whether a client that was let in still is after the wiring was another. That its pod is not known just now is
    /// no reason, if it was looked at by the same list before.
    pub(super) fn still_admits(&self, old: &Wiring, scope: Scope, caller: Caller) -> bool {
        match self.admit(scope, caller) {
            Err(Error::PodUnknown { .. }) => scope.namespaces(old) == scope.namespaces(&self.wiring),
            outcome => outcome.is_ok(),
        }
    }

    /// The pod that has the group of a socket.
    pub(super) fn tenant(&self, scope: Scope) -> Tenant {
        match scope {
            Scope::Group(_) => self.pods.tenant(scope.name(&self.wiring)),
            Scope::Watch(_) | Scope::Admin => Tenant::Untold,
        }
    }
}
