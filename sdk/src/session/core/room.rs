//! How many commands may wait for their answers. It is counted where they are kept, under the same lock; whoever finds no
//! room stands in a queue, first come, first served.

use super::{Core, IN_FLIGHT};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Room for commands.
#[derive(Debug)]
pub(super) struct Room {
    free: usize,
    /// How many stand in the queue; what becomes free meanwhile is theirs.
    queued: usize,
    queue: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Self { free: IN_FLIGHT, queued: 0, queue: Arc::new(Semaphore::new(0)) }
    }
}

impl Room {
    /// Takes room for one command, if there is some.
    pub(super) fn take(&mut self) -> bool {
        let some = self.free > 0;
        self.free -= usize::from(some);
        some
    }

    /// Gives it back.
    pub(super) fn give_back(&mut self) {
        if self.queued > 0 { self.queue.add_permits(1) } else { self.free += 1 }
    }

    fn leave_queue(&mut self) {
        self.queued -= 1;
        // What was meant for those who have left.
        while self.queued == 0
            && let Ok(one) = self.queue.try_acquire()
        {
            one.forget();
            self.free += 1;
        }
    }
}

/// Whoever stands in the queue.
struct Queued<'a>(&'a Core);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.lock().room.leave_queue();
    }
}

impl Core {
    /// Takes room for one command, as soon as there is some. Whoever has it is to use it at once.
    pub(super) async fn room(&self) {
        let queue = {
            let mut state = self.lock();
            if state.room.take() {
                return;
            }
            state.room.queued += 1;
            Arc::clone(&state.room.queue)
        };
        let _queued = Queued(self);
        // It is never closed.
        if let Ok(one) = queue.acquire().await {
            one.forget();
        }
    }

    /// For how many commands there is room.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.lock().room.free
    }
}
