//! The manners of the kernel's GPIO simulator (`drivers/gpio/gpio-sim.c`): what it remembers of a line, and what moves
//! that.
//!
//! gpio-sim has no wires and no resistors. A line has a value and a pull, and whatever happens outside is a new pull,
//! whose moment is all that counts: it moves the value then, unless the line is claimed as an output. So the last one
//! who moved a line is right, be it a button or the pull of a configuration, and neither holds it there.

use crate::line::Bias;

/// What gpio-sim remembers of a line. Both are low at power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Its level.
    high: bool,
    /// The level that it falls to when it is freed: of whatever pulled last, also while that moved nothing.
    pull_high: bool,
    /// What was connected to it when last looked at, and brings it to which level.
    outside: Option<bool>,
}

impl Memory {
    /// Its level.
    pub(super) fn is_high(self) -> bool {
        self.high
    }

    /// Whether nothing holds it at its level if nobody drives it.
    pub(super) fn floats(self) -> bool {
        self.high != self.pull_high
    }

    /// A configuration applies a pull, and moves the line if it is not driven under it. An open drain that lets go is
    /// not: the kernel makes that an input first, and takes it for an output only then.
    pub(super) fn configured(&mut self, pull: Bias) {
        self.pull(pull == Bias::PullUp, true);
    }

    /// Its claim drives it, whatever else was done to it at this moment.
    pub(super) fn driven(&mut self, high: bool) {
        self.high = high;
    }

    /// Its claim has ended.
    pub(super) fn freed(&mut self) {
        self.high = self.pull_high;
    }

    /// Looks at what is connected. What changed there moves a line that is `open`, that is not claimed as an output;
    /// with nothing connected any more it is the turn of the line's own pull.
    pub(super) fn look(&mut self, outside: Option<bool>, own_pull: Bias, open: bool) {
        if self.outside != outside {
            self.outside = outside;
            self.pull(outside.unwrap_or(own_pull == Bias::PullUp), open);
        }
    }

    /// Whatever is connected counts as new when it is looked at next.
    pub(super) fn forget_outside(&mut self) {
        self.outside = None;
    }

    fn pull(&mut self, high: bool, open: bool) {
        self.pull_high = high;
        if open {
            self.high = high;
        }
    }
}
