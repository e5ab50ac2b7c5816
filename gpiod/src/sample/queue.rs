//! The queue between the thread that samples and the stream that tells: a few chunks. What there is no room for is not
//! taken: a client that does not read costs nobody anything.

use super::{CHUNKS, Cause, Chunk, Totals, width};
use crate::error::Error;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A chunk that is not full is sent after so many ns.
const FLUSH_NS: u64 = 50_000_000;

/// The reader's end.
#[derive(Debug, Default)]
pub struct Queue(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    chunks: VecDeque<Chunk>,
    /// Set when nothing more comes: why, where that is no good end.
    end: Option<Result<(), Error>>,
    waker: Option<Waker>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it; what waits is still given. The first end counts.
    pub fn end(&self, end: Result<(), Error>) {
        let mut inner = self.lock();
        inner.end.get_or_insert(end);
        inner.wake();
    }

    /// The next chunk; `None` after the last, an error once where it did not end well.
    pub fn poll_take(&self, context: &mut Context<'_>) -> Poll<Option<Result<Chunk, Error>>> {
        let mut inner = self.lock();
        if let Some(chunk) = inner.chunks.pop_front() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        if let Some(end) = &mut inner.end {
            return Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err));
        }
        inner.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Inner {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The sampling thread's end. Dropping it ends the queue.
#[derive(Debug)]
pub struct Feed {
    queue: Arc<Queue>,
    chunk: Chunk,
    /// When the chunk was begun.
    begun_ns: u64,
    width: usize,
    /// The number of the next sample.
    index: u64,
    totals: Totals,
}

impl Feed {
    /// Fills a queue with samples of so many lines.
    pub fn new(queue: Arc<Queue>, lines: usize, now_ns: u64) -> Self {
        let (width, totals) = (width(lines), Totals::default());
        Self { queue, chunk: Chunk::new(0), begun_ns: now_ns, width, index: 0, totals }
    }

    /// The number of the next sample.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Whether there is room for one more sample. Sends the chunk, if it is time to and there is room for it.
    pub fn has_room(&mut self, now_ns: u64) -> bool {
        let old = now_ns.saturating_sub(self.begun_ns) >= FLUSH_NS;
        if (old || self.chunk.is_full()) && !self.chunk.is_empty() && self.queue.lock().chunks.len() < CHUNKS
        {
            self.send(now_ns);
        }
        !self.chunk.is_full()
    }

    /// Adds a sample, for which there is room, that was read so many ns after it was due.
    pub fn put(&mut self, bits: u64, lateness_ns: u64, thread_ns: u64) {
        self.chunk.put(bits, self.width);
        self.chunk.max_lateness_ns = self.chunk.max_lateness_ns.max(lateness_ns);
        self.index += 1;
        self.totals.taken += 1;
        self.totals.thread_ns = thread_ns;
    }

    /// Samples were missed up to a number.
    pub fn miss_to(&mut self, index: u64, cause: Cause) {
        let count = index.saturating_sub(self.index);
        if count > 0 {
            self.chunk.miss(cause, count, self.width);
            self.index = index;
            self.totals.missed += count;
        }
    }

    /// All that was asked for is done: the last chunk is sent, room or not.
    pub fn finish(mut self, thread_ns: u64, now_ns: u64) {
        self.totals.thread_ns = thread_ns;
        self.send(now_ns);
        self.queue.end(Ok(()));
    }

    /// It has failed: what was taken before is told, where there is room.
    pub fn fail(mut self, error: Error, now_ns: u64) {
        if !self.chunk.is_empty() && self.queue.lock().chunks.len() < CHUNKS {
            self.send(now_ns);
        }
        self.queue.end(Err(error));
    }

    fn send(&mut self, now_ns: u64) {
        let mut chunk = std::mem::replace(&mut self.chunk, Chunk::new(self.index));
        self.begun_ns = now_ns;
        chunk.totals = self.totals;
        let mut inner = self.queue.lock();
        inner.chunks.push_back(chunk);
        inner.wake();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Whoever drops it without a word is the thread, when it ends.
        self.queue.end(Err(Error::Stopping));
    }
}
