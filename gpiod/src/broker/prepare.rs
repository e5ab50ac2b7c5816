//! Another wiring is prepared before anything that goes on is touched: what it needs of the board is taken, and given back
//! as it was found if the new configuration is not taken after all.

use super::pins::{Mark, Taken};
use super::{Broker, State};
use crate::error::Error;
use crate::wiring::{LineIndex, Wiring};

/// A wiring whose new lines are held, and which is not in force.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) wiring: Wiring,
    /// The lines that were taken for it.
    pub(super) new: Vec<LineIndex>,
    pub(super) taken: Taken,
    /// Until when those that were found driven are kept.
    pub(super) keep_until_ns: u64,
    /// What was held before.
    before: Mark,
}

impl Broker {
    /// Takes the lines that another wiring adds; [`Broker::rewire`] puts it in force, [`Broker::discard`] gives them back.
    /// Sessions and watches notice nothing. New lines that are found driven are kept until `keep_until_ns` for whoever
    /// drove them, as at the start.
    ///
    /// # Errors
    /// [`Error::ConfigRefused`] for what only a daemon that is started anew can change, [`Error::Hardware`] when a new
    /// line can not be had; then all is as before.
    pub fn prepare(&self, new: Wiring, keep_until_ns: u64) -> Result<(), Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        state.discard();
        let wiring = state.wiring.merged(new).map_err(Error::ConfigRefused)?;
        let new: Vec<LineIndex> = (0..wiring.lines.len())
            .map(LineIndex)
            .filter(|line| !wiring.line(*line).retired && !state.pins.has(*line))
            .collect();
        let before = state.pins.mark();
        let State { pins, backend, .. } = &mut *state;
        let taken = pins.request(backend.as_ref(), &wiring, &new)?;
        state.prepared = Some(Prepared { wiring, new, taken, keep_until_ns, before });
        Ok(())
    }

    /// Gives back what was taken for a wiring that is not to be put in force.
    pub fn discard(&self) {
        self.lock().discard();
    }
}

impl State {
    fn discard(&mut self) {
        if let Some(Prepared { taken: (found, _), before, .. }) = self.prepared.take() {
            self.pins.back_to(before, &found);
        }
    }
}
