//! Lines that a changed configuration calls otherwise. A socket's clients know lines by their names alone, so what goes on
//! under a name must not be another line's.

use super::{Scope, State};
use crate::clock;
use crate::wiring::{GroupIndex, LineIndex, Wiring};

impl State {
    /// Whether a socket calls a line otherwise than before, or has it no longer.
    pub(super) fn is_renamed(&self, scope: Scope, line: LineIndex, old: &Wiring) -> bool {
        let name = scope.name_of(&self.wiring, line);
        name.is_none() || name != scope.name_of(old, line)
    }

    /// From now on nobody goes on from where a watcher was before under a name that is another line's now.
    pub(super) fn mark_renamed(&mut self, old: &Wiring) {
        let groups = (0..self.wiring.groups.len()).map(|group| Scope::Group(GroupIndex(group)));
        let now_ns = clock::now_ns();
        for scope in groups.chain([Scope::Admin]) {
            // A group that is new had none.
            let known = !matches!(scope, Scope::Group(group) if group.0 >= old.groups.len());
            let before = if known { scope.lines(old) } else { Vec::new() };
            for named in scope.lines(&self.wiring).into_iter().filter(|named| !before.contains(named)) {
                self.renamed_ns.insert((scope, named.1), now_ns);
            }
        }
    }

    /// Whether one of these lines was called otherwise on the socket at a moment.
    pub(super) fn is_renamed_since(&self, scope: Option<Scope>, lines: &[LineIndex], moment_ns: u64) -> bool {
        let Some(scope) = scope.map(Scope::full) else { return false };
        let named = |line: &LineIndex| self.renamed_ns.get(&(scope, *line));
        lines.iter().filter_map(named).any(|since_ns| *since_ns > moment_ns)
    }
}
