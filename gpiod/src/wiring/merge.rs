//! A wiring after its configuration was changed: what is still there keeps its place, so that whoever uses it need not
//! know of the change.

use super::{GroupIndex, LineIndex, WiredGroup, WiredLine, Wiring};
use crate::config::{Kind, Line};

/// Places of groups that one life of the daemon can give out. A place is never given to a group of another name: what
/// was opened through the one must not reach the other.
const MAX_GROUPS: usize = 1024;

impl Wiring {
    /// The new wiring, with each group and line in its old place. Lines that no group has any more are retired; a
    /// group that is gone has no lines.
    ///
    /// # Errors
    /// What only a daemon that is started anew can change.
    pub fn merged(&self, new: Self) -> Result<Self, String> {
        let mut groups: Vec<WiredGroup> = self.groups.iter().map(without_lines).collect();
        let mut lines: Vec<WiredLine> =
            self.lines.iter().map(|line| WiredLine { retired: true, ..line.clone() }).collect();
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
            return Err(format!("more than {MAX_GROUPS} groups have come and gone: start gpiod anew"));
        }
        let mut moved = Vec::with_capacity(new.lines.len());
        for line in &new.lines {
            let home = places[line.home.0];
            let Some(place) = lines.iter().position(|known| known.info.id == line.info.id) else {
                if line.guardian.is_some() {
                    return Err(at_exit_changes(line));
                }
                moved.push(LineIndex(lines.len()));
                lines.push(WiredLine { home, ..line.clone() });
                continue;
            };
            let old = &mut lines[place];
            let fate = |line: &WiredLine| (line.at_exit, line.guardian.is_some(), line.claim);
            if fate(old) != fate(line) {
                return Err(at_exit_changes(line));
            }
            if line.guardian.is_some() && old.config.bias != line.config.bias {
                return Err(format!(
                    "{}: the guardian was given it with another bias at the start: start gpiod anew",
                    line.config.board_line
                ));
            }
            // What the board said of it was said when it was taken, and now says that we have it; of a line that no group
            // had it says what has become of it.
            let info = if old.retired { line.info.clone() } else { old.info.clone() };
            let guardian = old.guardian.clone();
            *old = WiredLine { info, guardian, home, retired: false, ..line.clone() };
            moved.push(LineIndex(place));
        }
        // What the guardian was given to care for, it was given at the start.
        if let Some(line) = lines.iter().find(|line| line.retired && line.guardian.is_some()) {
            return Err(at_exit_changes(line));
        }
        for (group, place) in new.groups.into_iter().zip(places) {
            let lines = group.lines.into_iter().map(|(name, line)| (name, moved[line.0])).collect();
            groups[place.0] = WiredGroup { lines, ..group };
        }
        Ok(Self { lines, groups })
    }
}

fn without_lines(group: &WiredGroup) -> WiredGroup {
    WiredGroup { lines: Vec::new(), operations: Vec::new(), ..group.clone() }
}

fn at_exit_changes(line: &WiredLine) -> String {
    format!(
        "{}: what it does when gpiod ends can only be changed by starting it anew",
        line.config.board_line
    )
}

/// Whether a line is electrically what it was, and goes the same ways: else whoever holds or watches it must learn.
pub fn same_line(old: &Line, new: &Line) -> bool {
    let (old_drive, new_drive) = (old.kind.driven(), new.kind.driven());
    std::mem::discriminant::<Kind>(&old.kind) == std::mem::discriminant(&new.kind)
        && old_drive.map(|driven| driven.drive) == new_drive.map(|driven| driven.drive)
        && (old.bias, old.active_low, old.debounce) == (new.bias, new.active_low, new.debounce)
}
