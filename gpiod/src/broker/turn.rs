//! A turn of a holder: some reads and writes, with nobody else's in between. What all of them need is found once, and what
//! is counted of them is counted when it is over.

use super::{Command, Hold, State};
use crate::audit::Drove;
use crate::error::Error;
use crate::line::{Moment, Values};
use std::sync::MutexGuard;

/// The broker's attention for a moment, for some operations of a holder: nobody else's come between.
#[derive(Debug)]
pub struct Turn<'a> {
    state: MutexGuard<'a, State>,
    hold: &'a Hold,
    reads: u32,
    writes: u32,
    /// Lines that it was found to be free to set. They stay so until it is over.
    settable: u64,
    /// What it drove.
    drove: Drove,
    /// When the first operation was done, and the last.
    begun_ns: Option<u64>,
    last_ns: u64,
}

impl<'a> Turn<'a> {
    /// Operations that are done in one turn at most, and for how long, so that others need not wait: those of a chip on a
    /// bus take far longer than those of the processor's own pins.
    const OPERATIONS: u32 = 64;
    const LASTS_NS: u64 = 50_000;

    /// Begins when nobody else has one.
    pub(super) fn begin(hold: &'a Hold) -> Self {
        let state = hold.broker.lock();
        let drove = Drove::default();
        Self { state, hold, reads: 0, writes: 0, settable: 0, drove, begun_ns: None, last_ns: 0 }
    }

    /// Whether others are to have theirs before the next operation.
    pub fn is_over(&self) -> bool {
        let begun_ns = self.begun_ns.unwrap_or(self.last_ns);
        self.reads + self.writes >= Self::OPERATIONS || self.last_ns.saturating_sub(begun_ns) > Self::LASTS_NS
    }

    fn done(&mut self, when: Moment) {
        self.begun_ns.get_or_insert(when.timestamp_ns);
        self.last_ns = when.timestamp_ns;
    }

    /// Reads lines; mask 0 is all that may be read.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::NotPermitted`], [`Error::Hardware`].
    pub fn read(&mut self, mask: u64) -> Result<Values, Error> {
        self.reads += 1;
        let Hold { session, indices, .. } = self.hold;
        self.state.session(*session)?.refers(mask, 0)?;
        let mask = self.state.readable(*session, mask)?;
        let values = self.state.pins.read(indices, mask)?;
        self.done(values.read);
        Ok(values)
    }

    /// Sets outputs, all or none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::NotPermitted`], [`Error::WrongDirection`], [`Error::ProgramRunning`],
    /// [`Error::Hardware`].
    pub fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        self.writes += 1;
        let Hold { session, indices, .. } = self.hold;
        if mask & !self.settable != 0 || mask == 0 || bits & !mask != 0 {
            self.state.may_write(*session, mask, bits)?;
            self.settable |= mask;
        }
        let moment = self.state.write(indices, mask, bits)?;
        self.drove.wrote(mask, moment.timestamp_ns);
        self.done(moment);
        Ok(moment)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Hold { session, scope, .. } = self.hold;
        self.state.counts.commands(*scope, Command::Read, self.reads);
        self.state.counts.commands(*scope, Command::Write, self.writes);
        if !self.drove.is_nothing() {
            self.state.drives(*session, |drove| drove.add(&self.drove));
        }
    }
}
