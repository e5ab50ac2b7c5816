//! Waiting, and how a run is ended before its time: Ctrl-C and its like are told through a descriptor, so that the lines
//! are let go in any case.

use crate::backend;
use crate::clock::now_ns;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Whoever started the test ended it, with this signal.
    #[error("ended by signal {0}")]
    Stopped(u8),
    /// The board refused.
    #[error(transparent)]
    Board(#[from] backend::Error),
    /// The system refused.
    #[error("the system refused")]
    Os(#[from] io::Error),
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Self {
        Self::Os(errno.into())
    }
}

/// The signals that end the test.
#[derive(Debug)]
pub(super) struct Stop {
    signals: SignalFd,
}

impl Stop {
    /// From here on signals are told by [`check`](Self::check) and [`wait`](Self::wait) alone.
    pub(super) fn listen() -> io::Result<Self> {
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            mask.add(signal);
        }
        mask.thread_block()?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { signals })
    }

    /// Whether a signal has come, without waiting.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        match self.signals.read_signal()? {
            Some(signal) => Err(Trouble::Stopped(u8::try_from(signal.ssi_signo).unwrap_or(u8::MAX))),
            None => Ok(()),
        }
    }

    /// Waits until the source is readable, or for a moment of CLOCK_MONOTONIC; tells whether it is readable.
    pub(super) fn wait(&self, source: Option<BorrowedFd<'_>>, until_ns: u64) -> Result<bool, Trouble> {
        loop {
            let left_ms = until_ns.saturating_sub(now_ns()).div_ceil(1_000_000);
            let timeout = PollTimeout::from(u16::try_from(left_ms).unwrap_or(u16::MAX));
            let mut ready = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            ready.extend(source.map(|source| PollFd::new(source, PollFlags::POLLIN)));
            match poll(&mut ready, timeout) {
                Ok(0) if left_ms > u64::from(u16::MAX) => continue,
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            }
            self.check()?;
            if ready.get(1).is_some_and(|source| source.any() == Some(true)) {
                return Ok(true);
            }
        }
    }

    /// Lets time pass, where that is what a step is about.
    pub(super) fn pass(&self, ns: u64) -> Result<(), Trouble> {
        self.wait(None, now_ns().saturating_add(ns)).map(|_| ())
    }
}
