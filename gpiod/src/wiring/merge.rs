//! A wiring after its configuration was changed: what is still there keeps its place, so that whoever uses it need not
//! know of the change.

use super::{GroupIndex, LineIndex, WiredGroup, WiredLine, Wiring};
use crate::config::{Kind, Line, Problem, Problems};

/// Places of groups that one life of the daemon can give out. A place is never given to a group of another name: what
/// was opened through the one must not reach the other.
const MAX_GROUPS: usize = 1024;

const STAYS_CLAIMED: &str = "\"keep\" is not to be had from this kernel for a line that is claimed, as this one is as long \
    as this gpiod has it: start gpiod anew, which will drive it without a claim, or leave the key out to accept it";
const IN_CARE: &str = "it is gone from the file, but in the guardian's care as long as this gpiod runs: put it back, or \
    start gpiod anew without it";
const GIVEN_AT_START: &str = "\"input\" needs the guardian here, which is given its lines when gpiod starts: start gpiod anew, \
    or leave the line as it was";
const TAKEN_AT_START: &str = "the guardian was given it when gpiod started, to make it an input when gpiod ends: leave it \
    \"input\", or start gpiod anew";
const NO_OUTPUT: &str =
    "the guardian was given it as an output when gpiod started: leave it one, or start gpiod anew";
const OTHER_BIAS: &str =
    "the guardian was given it with another bias when gpiod started: leave that, or start gpiod anew";

impl Wiring {
    /// The new wiring, with each group and line in its old place. Lines that no group has any more are retired; a
    /// group that is gone has no lines. `held` tells which of the lines the daemon still has: only of those it matters
    /// what they were.
    ///
    /// # Errors
    /// All that only a daemon that is started anew can change.
    pub fn merged(&self, new: Self, held: impl Fn(LineIndex) -> bool) -> Result<Self, Problems> {
        let mut groups: Vec<WiredGroup> = self.groups.iter().map(without_lines).collect();
        let mut lines: Vec<WiredLine> =
            self.lines.iter().map(|line| WiredLine { retired: true, ..line.clone() }).collect();
        let mut problems = Vec::new();
        let places: Vec<GroupIndex> = new
            .groups
            .iter()
            .map(|group| {
                let place = groups.iter().position(|known| known.name == group.name);
                let place = place.unwrap_or_else(|| {
                    groups.push(without_lines(group));
                    groups.len() - 1
                });
                GroupIndex(place)
            })
            .collect();
        if groups.len() > MAX_GROUPS {
            let reason = format!("more than {MAX_GROUPS} have come and gone: start gpiod anew");
            problems.push(Problem { line: 0, key: "group".to_owned(), reason });
        }
        let mut moved = Vec::with_capacity(new.lines.len());
        for line in &new.lines {
            let mut problem = |(key, reason): (&str, &str)| {
                let key = format!("{}.{key}", new.key(line));
                problems.push(Problem { line: line.config.at, key, reason: reason.to_owned() });
            };
            let home = places[line.home.0];
            let place = lines.iter().position(|known| known.info.id == line.info.id);
            let Some(place) = place else {
                changes_care(None, line).into_iter().for_each(problem);
                moved.push(LineIndex(lines.len()));
                lines.push(WiredLine { home, ..line.clone() });
                continue;
            };
            let old = &mut lines[place];
            let line = if held(LineIndex(place)) && old.claim && !line.claim {
                if line.config.kind.driven().is_some_and(|driven| driven.on_daemon_exit.is_some()) {
                    problem(("on_daemon_exit", STAYS_CLAIMED));
                }
                // Let go of, it would be an input for a moment, and the others of its request with it.
                WiredLine { claim: true, at_exit: line.info.at_exit.claimed, ..line.clone() }
            } else {
                line.clone()
            };
            changes_care(Some(old), &line).into_iter().for_each(problem);
            // What the board said of it was said when it was taken, and now says that we have it; of a line that no group
            // had it says what has become of it.
            let in_place = self.lines.get(place).is_some_and(|known| !known.retired);
            let info = if in_place { old.info.clone() } else { line.info.clone() };
            let guardian = old.guardian.clone();
            *old = WiredLine { info, guardian, home, retired: false, ..line };
            moved.push(LineIndex(place));
        }
        // What the guardian was given to care for, it was given at the start.
        for line in lines.iter().filter(|line| line.retired && line.guardian.is_some()) {
            problems.push(Problem { line: 0, key: self.key(line), reason: IN_CARE.to_owned() });
        }
        if !problems.is_empty() {
            return Err(Problems::new(&new.path, problems));
        }
        for (group, place) in new.groups.into_iter().zip(places) {
            let lines = group.lines.into_iter().map(|(name, line)| (name, moved[line.0])).collect();
            groups[place.0] = WiredGroup { lines, ..group };
        }
        Ok(Self { path: new.path, lines, groups })
    }
}

/// Which key of a line asks for another care than the guardian was given at the start, and what to do.
fn changes_care(old: Option<&WiredLine>, line: &WiredLine) -> Option<(&'static str, &'static str)> {
    let had = old.filter(|old| old.guardian.is_some());
    match (had, line.guardian.is_some()) {
        (None, false) => None,
        (None, true) => Some(("on_daemon_exit", GIVEN_AT_START)),
        (Some(_), false) if line.config.kind == Kind::Input => Some(("direction", NO_OUTPUT)),
        (Some(_), false) => Some(("on_daemon_exit", TAKEN_AT_START)),
        (Some(had), true) => (had.config.bias != line.config.bias).then_some(("bias", OTHER_BIAS)),
    }
}

fn without_lines(group: &WiredGroup) -> WiredGroup {
    WiredGroup { lines: Vec::new(), operations: Vec::new(), elsewhere: false, ..group.clone() }
}

/// Whether a line is electrically what it was, and goes the same ways: else whoever holds or watches it must learn.
pub fn same_line(old: &Line, new: &Line) -> bool {
    let (old_drive, new_drive) = (old.kind.driven(), new.kind.driven());
    std::mem::discriminant::<Kind>(&old.kind) == std::mem::discriminant(&new.kind)
        && old_drive.map(|driven| driven.drive) == new_drive.map(|driven| driven.drive)
        && (old.bias, old.active_low, old.debounce) == (new.bias, new.active_low, new.debounce)
}
