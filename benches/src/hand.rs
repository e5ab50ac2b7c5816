//! The hand on a line: a thread that moves it, while others hear of that.

use crate::Fallible;
use crate::chip::{Pull, Settle};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Hand {
    wanted: Sender<u32>,
    done: Receiver<Fallible<()>>,
    _thread: JoinHandle<()>,
}

impl Hand {
    pub(crate) fn on(mut pull: Pull) -> Fallible<Self> {
        let (wanted, wishes) = channel::<u32>();
        let (answer, done) = channel();
        let thread = std::thread::Builder::new().name("hand".to_owned()).spawn(move || {
            let mut settle = Settle::default();
            for edges in wishes {
                let moved = (0..edges).try_for_each(|_| pull.toggle().and_then(|()| settle.wait()));
                if answer.send(moved).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wanted, done, _thread: thread })
    }

    /// Makes edges, one after the other as fast as the kernel can tell them apart. Does not wait for that.
    pub(crate) fn make(&self, edges: u32) -> Fallible<()> {
        self.wanted.send(edges).map_err(|_| "the hand is gone".into())
    }

    /// Waits until the edges have been made.
    pub(crate) fn rest(&self) -> Fallible<()> {
        self.done.recv()?
    }

    /// Whether the edges have been made; true once for each time that they were asked for.
    pub(crate) fn rests(&self) -> Fallible<bool> {
        match self.done.try_recv() {
            Ok(done) => done.map(|()| true),
            Err(TryRecvError::Empty) => Ok(false),
            Err(TryRecvError::Disconnected) => Err("the hand is gone".into()),
        }
    }
}
