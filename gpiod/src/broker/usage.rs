//! What is open through each socket, counted against the limits, so that one tenant's use leaves the others theirs.

use super::Scope;
use crate::config::Limits;
use crate::error::Error;
use crate::program::Mistake;
use crate::sorted::SortedMap;
use std::collections::HashMap;

/// What a socket's clients may have a limited number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    Session,
    Watch,
    Program,
    Sample,
}

/// How many of each are open, by socket, and how often limits were reached.
#[derive(Debug, Default)]
pub(super) struct Usage {
    open: HashMap<(Scope, Resource), u32>,
    hits: SortedMap<&'static str, u64>,
}

impl Usage {
    /// Counts one more, if the limit allows it.
    pub(super) fn take(&mut self, scope: Scope, resource: Resource, limits: &Limits) -> Result<(), Error> {
        self.has_room(scope, resource, limits)?;
        *self.open.entry((scope, resource)).or_default() += 1;
        Ok(())
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(
        &mut self,
        scope: Scope,
        resource: Resource,
        limits: &Limits,
    ) -> Result<(), Error> {
        let (limit, max) = bound(resource, limits);
        let open = self.open.get(&(scope, resource)).copied().unwrap_or_default();
        if open < max { Ok(()) } else { Err(self.reached(limit, max)) }
    }

    /// Counts that a limit was reached, and says so.
    pub(super) fn reached(&mut self, limit: &'static str, max: u32) -> Error {
        self.count(limit);
        Error::LimitReached { limit, max: max.into() }
    }

    /// Counts that a request alone asks for more than a limit allows, and says so.
    pub(super) fn beyond(&mut self, limit: &'static str, max: u32) -> Error {
        self.count(limit);
        Error::BeyondLimit { limit, max: max.into() }
    }

    /// Why a program can not be run.
    pub(super) fn refused(&mut self, mistake: Mistake) -> Error {
        match mistake {
            Mistake::Wrong(reason) => Error::InvalidProgram(reason),
            Mistake::Beyond { limit, max } => self.beyond(limit, max),
        }
    }

    /// Counts that a limit was reached.
    pub(super) fn count(&mut self, limit: &'static str) {
        *self.hits.get_or_default(limit) += 1;
    }

    /// How often each limit was reached, by its key.
    pub(super) fn hits(&self) -> &SortedMap<&'static str, u64> {
        &self.hits
    }

    /// How many of each are open.
    pub(super) fn open(&self) -> impl Iterator<Item = (Scope, Resource, u32)> {
        self.open.iter().map(|((scope, resource), open)| (*scope, *resource, *open))
    }

    /// Counts one less.
    pub(super) fn give_back(&mut self, scope: Scope, resource: Resource) {
        if let Some(open) = self.open.get_mut(&(scope, resource)) {
            *open = open.saturating_sub(1);
        }
    }
}

/// A limit's key and value.
fn bound(resource: Resource, limits: &Limits) -> (&'static str, u32) {
    match resource {
        Resource::Session => ("limits.sessions", limits.sessions),
        Resource::Watch => ("limits.watches", limits.watches),
        Resource::Program => ("limits.programs", limits.programs),
        Resource::Sample => ("limits.samples", limits.samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::GroupIndex;

    #[test]
    fn a_socket_that_is_full_leaves_the_others_theirs() {
        let limits = Limits { watches: 2, ..Limits::default() };
        let (one, other) = (Scope::Group(GroupIndex(0)), Scope::Watch(GroupIndex(0)));
        let mut usage = Usage::default();
        usage.take(one, Resource::Watch, &limits).unwrap();
        usage.take(one, Resource::Watch, &limits).unwrap();
        let refused = usage.take(one, Resource::Watch, &limits).unwrap_err();
        assert_eq!(refused.to_string(), "limit limits.watches of 2 is reached");
        usage.take(other, Resource::Watch, &limits).unwrap();
        usage.take(one, Resource::Session, &limits).unwrap();
        assert_eq!(usage.hits().iter().collect::<Vec<_>>(), [(&"limits.watches", &1)]);
        usage.give_back(one, Resource::Watch);
        usage.take(one, Resource::Watch, &limits).unwrap();
    }
}
