//! Letting go by order of the administrator: whoever holds a line of a group is told why.

use super::session::Cause;
use super::{Broker, SessionId};
use crate::error::Error;
use crate::holder::Holder;
use crate::wiring::{GroupIndex, LineIndex};

/// Whose lines were let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// Who held them.
    pub holder: Holder,
    /// Which, by their names on the holder's socket.
    pub lines: Vec<String>,
}

impl Broker {
    /// Lets go of all that is held of a group or waits for whoever drove it before the daemon started, at once and
    /// whatever its grace; `None` for a group that is not here.
    pub fn release_group(&self, group: &str, reason: &str) -> Option<Vec<Released>> {
        let mut state = self.lock();
        let found =
            state.wiring.groups.iter().find(|known| known.name == group && !known.lines.is_empty())?;
        let lines: Vec<LineIndex> = found.lines.iter().map(|(_, line)| *line).collect();
        let holders = lines.iter().filter_map(|line| state.lines[line.0].holder);
        let mut holders: Vec<SessionId> = holders.collect();
        holders.sort_unstable_by_key(|session| session.0);
        holders.dedup();
        let mut released = Vec::new();
        for id in holders {
            if let Some(session) = state.sessions.get_mut(&id) {
                session.end(Error::Released(reason.to_owned()));
            }
            if let Some(session) = state.remove(id, Cause::Released) {
                let lines = session.lines.into_iter().map(|line| line.name).collect();
                released.push(Released { holder: session.holder, lines });
            }
        }
        state.release_found(&lines);
        drop(state);
        self.save();
        Some(released)
    }

    /// The place of a group, if it ever was here.
    pub fn place_of(&self, group: &str) -> Option<GroupIndex> {
        let state = self.lock();
        // A part knows the groups of all the others, without lines.
        let mut groups = (0..).map(GroupIndex).zip(&state.wiring.groups);
        groups.find(|(_, known)| known.name == group).map(|(index, _)| index)
    }
}
