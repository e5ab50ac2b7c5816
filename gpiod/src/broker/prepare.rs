//! Another wiring is prepared before anything that goes on is touched: what it needs of the board is taken, and given back
//! as it was found if the new configuration is not taken after all.

use super::pins::{Mark, Place, Taken};
use super::{Broker, State};
use crate::config::{Problem, Problems};
use crate::error::Error;
use crate::line::LineId;
use crate::wiring::{LineIndex, Wiring};

/// A wiring whose new lines are held, and which is not in force.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) wiring: Wiring,
    /// The lines that were taken for it.
    pub(super) new: Vec<LineIndex>,
    pub(super) taken: Taken,
    /// Lines that were driven without a claim and are claimed for it, and their places from then on.
    pub(super) claimed: Vec<(LineIndex, Place)>,
    /// Lines that would be driven without a claim after a new start, and stay claimed.
    pub(super) stay_claimed: Vec<LineIndex>,
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
        let unclaimed = new.lines.iter().filter(|line| !line.claim).map(|line| line.info.id);
        let unclaimed: Vec<LineId> = unclaimed.collect();
        let wiring = state.merged(new).map_err(|wrong| Error::ConfigRefused(wrong.to_string()))?;
        let wired = (0..wiring.lines.len()).map(LineIndex).filter(|line| !wiring.line(*line).retired);
        let claims = |line: &LineIndex| wiring.line(*line).claim;
        let stay_claimed = wired.clone().filter(claims);
        let stay_claimed =
            stay_claimed.filter(|line| unclaimed.contains(&wiring.line(*line).info.id)).collect();
        let (known, new): (Vec<LineIndex>, Vec<LineIndex>) = wired.partition(|line| state.pins.has(*line));
        let to_claim = known.into_iter().filter(|line| claims(line) && !state.wiring.line(*line).claim);
        let to_claim: Vec<LineIndex> = to_claim.collect();
        let before = state.pins.mark();
        let State { pins, backend, .. } = &mut *state;
        let mut taken = pins.request(backend.as_ref(), &wiring, &new)?;
        // Last, since a claim that is given back may make an output an input for a moment.
        let claimed = match pins.claim(backend.as_ref(), &wiring, &to_claim) {
            Ok((claimed, sources)) => {
                taken.1.extend(sources);
                claimed
            }
            Err(error) => {
                pins.back_to(before, &taken.0);
                pins.drive_again(&to_claim);
                return Err(error.into());
            }
        };
        state.prepared = Some(Prepared { wiring, new, taken, claimed, stay_claimed, keep_until_ns, before });
        Ok(())
    }

    /// All that keeps another wiring from being taken without a new start.
    pub fn refusals(&self, new: Wiring) -> Vec<Problem> {
        self.lock().merged(new).err().map_or_else(Vec::new, |wrong| wrong.problems)
    }

    /// Gives back what was taken for a wiring that is not to be put in force.
    pub fn discard(&self) {
        self.lock().discard();
    }
}

impl State {
    fn discard(&mut self) {
        if let Some(Prepared { taken: (found, _), claimed, before, .. }) = self.prepared.take() {
            self.pins.back_to(before, &found);
            let claimed: Vec<LineIndex> = claimed.iter().map(|(line, _)| *line).collect();
            self.pins.drive_again(&claimed);
        }
    }

    fn merged(&self, new: Wiring) -> Result<Wiring, Problems> {
        self.wiring.merged(new, |line| self.pins.has(line))
    }
}
