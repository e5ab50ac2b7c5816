//! Outputs that the last daemon drove for somebody and that no group has any more: nobody can switch them off by us.

use crate::backend::Backend;
use crate::config::Config;
use crate::line::{Direction, LineId};
use crate::log_keys as keys;
use crate::state_file::{HeldAs, Saved};
use crate::wiring::find;
use std::collections::HashSet;

/// Names them in the log. They stay as they are: what was to become of them was in a configuration that is gone.
pub(super) fn tell(backend: &dyn Backend, saved: &Saved, config: &Config) {
    let board = match backend.lines() {
        Ok(board) => board,
        Err(error) => {
            tracing::warn!({ keys::ERROR } = %error, "which outputs of the last daemon are still driven is not known");
            return;
        }
    };
    let configured = config.groups.iter().flat_map(|group| &group.lines);
    let wired: HashSet<LineId> =
        configured.filter_map(|line| find(&board, &line.board_line).ok()).map(|info| info.id).collect();
    for session in &saved.sessions {
        for line in &session.lines {
            let Some(place) = line.place.as_ref().filter(|_| line.held_as != HeldAs::Input) else { continue };
            let driven = board.iter().find(|info| info.place() == *place);
            let driven = driven.filter(|info| info.direction == Direction::Output && info.consumer.is_none());
            if let Some(info) = driven.filter(|info| !wired.contains(&info.id)) {
                // On the admin socket the name has its group already.
                let group = session.group.iter().map(|group| format!("{group}/"));
                let name: String = group.chain([line.name.clone()]).collect();
                tracing::warn!(
                    { keys::LINE } = name,
                    board_line = info.name_or_place(),
                    "the last daemon drove this output, no group has it any more, it stays as it is"
                );
            }
        }
    }
}
