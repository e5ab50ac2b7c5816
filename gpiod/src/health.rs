//! Which lines can not be used now, as far as the daemon knows: another program has the line in the kernel, or the board
//! failed at the last access to it. Whoever offers groups to others wants to know.
//!
//! A board that goes altogether ends the daemon, and so is not told here.

use crate::line::LineId;
use crate::sorted::SortedMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What is known, shared by all who tell and ask.
#[derive(Debug, Default)]
pub struct Health {
    /// Lines that another program has, and its name.
    taken: Mutex<SortedMap<LineId, String>>,
    changed: Notify,
}

impl Health {
    fn lock(&self) -> MutexGuard<'_, SortedMap<LineId, String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another program has the line, or nobody has it.
    pub fn held_by(&self, line: LineId, consumer: Option<&str>) {
        let mut taken = self.lock();
        match consumer {
            Some(consumer) => taken.insert(line, consumer.to_owned()),
            None => taken.remove(&line),
        };
        drop(taken);
        self.changed();
    }

    /// Who has the line, if another program does.
    pub fn taken_by(&self, line: LineId) -> Option<String> {
        self.lock().get(&line).cloned()
    }

    /// Something may be otherwise than it was.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// Waits until something may be. For one who waits.
    pub async fn changes(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_taken_until_it_is_given_back_and_both_are_told() {
        let health = Health::default();
        let line = LineId { chip: 0, offset: 4 };
        health.held_by(line, Some("spi"));
        health.changes().await;
        assert_eq!(health.taken_by(line).as_deref(), Some("spi"));
        health.held_by(line, None);
        health.changes().await;
        assert_eq!(health.taken_by(line), None);
    }
}
