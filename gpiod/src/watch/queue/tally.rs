//! What came into a queue, and what was lost by which cause, counted from its beginning on.

/// Sums that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that were put into the queue.
    pub events: u64,
    /// Events that the kernel lost.
    pub kernel: u64,
    /// Events that the queue had no room for, or that were forgotten before the watcher came back.
    pub watcher: u64,
    /// Events beyond what the configuration allows.
    pub limit: u64,
    /// How often it was seen that the chip swallowed edges.
    pub hardware: u64,
    /// Times in which nobody watched.
    pub restart: u64,
}

impl Tally {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.kernel = self.kernel.saturating_add(other.kernel);
        self.watcher = self.watcher.saturating_add(other.watcher);
        self.limit += other.limit;
        self.hardware += other.hardware;
        self.restart += other.restart;
    }
}
