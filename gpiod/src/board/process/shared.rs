//! The one board that all connections share, brought to the present moment whenever somebody touches it.

use crate::board::claim::ClaimId;
use crate::board::model::Board;
use crate::clock::now_ns;
use crate::sorted::SortedMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// A handle to the board. The lock is never held over an await.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Told when the next change has moved. The timer waits for it.
    moved: Notify,
    /// The newest entry of the record. Followers wait for it to grow; it ends with the board.
    last_seq: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    board: Board,
    next_change: Option<u64>,
    /// The connections that edges go over: told when a claim has edges, and when it has ended.
    edges: SortedMap<ClaimId, Arc<Notify>>,
}

/// The connection that a claim's edges go over, while it is. Dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Attached {
    shared: Shared,
    pub claim: ClaimId,
    pub told: Arc<Notify>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.shared.lock().edges.remove(&self.claim);
    }
}

impl Shared {
    pub(super) fn new(board: Board) -> Self {
        let last_seq = watch::Sender::new(board.last_seq());
        let state = State { next_change: board.next_change(), board, edges: SortedMap::new() };
        Self { inner: Arc::new(Inner { state: Mutex::new(state), moved: Notify::new(), last_seq }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the board as it is now, then tells whom it concerns.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Board) -> T) -> T {
        let mut state = self.lock();
        state.board.advance(now_ns());
        let result = act(&mut state.board);
        let next_change = state.board.next_change();
        if state.next_change != next_change {
            state.next_change = next_change;
            self.inner.moved.notify_one();
        }
        for claim in state.board.claims_with_events() {
            if let Some(told) = state.edges.get(&claim) {
                told.notify_one();
            }
        }
        let last_seq = state.board.last_seq();
        self.inner.last_seq.send_if_modified(|seq| std::mem::replace(seq, last_seq) != last_seq);
        result
    }

    /// When the board changes next by itself.
    pub(super) fn next_change(&self) -> Option<u64> {
        self.lock().next_change
    }

    /// Waits until the next change has moved.
    pub(super) async fn moved(&self) {
        self.inner.moved.notified().await;
    }

    /// Follows the newest entry of the record.
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.inner.last_seq.subscribe()
    }

    /// Whether there is such a claim. Unlike [`with`](Self::with) it wakes nobody, so that who was woken may ask.
    pub(super) fn has_claim(&self, claim: ClaimId) -> bool {
        self.lock().board.has_claim(claim)
    }

    /// Makes a connection the one for a claim's edges, if it has none yet.
    pub(super) fn attach(&self, claim: ClaimId) -> Option<Attached> {
        let mut state = self.lock();
        if state.edges.contains_key(&claim) || !state.board.has_claim(claim) {
            return None;
        }
        let told = Arc::new(Notify::new());
        state.edges.insert(claim, Arc::clone(&told));
        Some(Attached { shared: self.clone(), claim, told })
    }

    /// Ends a claim, and with it the connection of its edges.
    pub(super) fn release(&self, claim: ClaimId) {
        self.with(|board| board.release(claim));
        if let Some(told) = self.lock().edges.get(&claim) {
            told.notify_one();
        }
    }
}
