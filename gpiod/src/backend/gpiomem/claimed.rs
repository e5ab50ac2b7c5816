//! Lines that are claimed in the kernel and, where nothing of the kernel's is needed, read and written through the
//! registers.

use super::registers::Registers;
use crate::backend::cdev::Held;
use crate::backend::{Error, HeldLines};
use crate::clock;
use crate::line::{Direction, Drive, LineConfig, Moment, Values, ones};
use std::sync::Arc;

/// A request of the kernel, and the registers of its lines.
#[derive(Debug)]
pub(super) struct Claimed {
    kernel: Held,
    registers: Arc<Registers>,
    /// The BCM number of each line; `None` where it is on another chip.
    bcms: Vec<Option<u8>>,
    /// Positions that are read by registers: those that the kernel does not debounce.
    readable: u64,
    /// Positions that are written by registers: outputs that drive both levels.
    writable: u64,
}

impl Claimed {
    pub(super) fn new(kernel: Held, bcms: Vec<Option<u8>>, registers: Arc<Registers>) -> Self {
        let mut claimed = Self { kernel, registers, bcms, readable: 0, writable: 0 };
        claimed.sort();
        claimed
    }

    /// Finds out which lines need the kernel.
    fn sort(&mut self) {
        (self.readable, self.writable) = (0, 0);
        for (i, (line, bcm)) in self.kernel.lines().iter().zip(&self.bcms).enumerate() {
            if bcm.is_none() {
                continue;
            }
            let pushes = line.direction == Direction::Output && line.drive == Drive::PushPull;
            let debounced = line.direction == Direction::Input && line.debounce_ns > 0;
            self.readable |= u64::from(!debounced) << i;
            self.writable |= u64::from(pushes) << i;
        }
    }

    fn bcm(&self, position: usize) -> u8 {
        self.bcms[position].unwrap_or_default()
    }
}

impl HeldLines for Claimed {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        if mask & !self.readable != 0 {
            return self.kernel.read(mask);
        }
        let begin_ns = clock::now_ns();
        let mut bits = 0;
        for i in ones(mask) {
            let high = self.registers.is_high(self.bcm(i));
            bits |= u64::from(high != self.kernel.lines()[i].active_low) << i;
        }
        Ok(Values { bits, read: Moment::between(begin_ns, clock::now_ns()) })
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        if mask & !self.writable != 0 {
            return self.kernel.write(mask, bits);
        }
        let begin_ns = clock::now_ns();
        for i in ones(mask & !bits).chain(ones(mask & bits)) {
            let active = bits >> i & 1 == 1;
            self.registers.set(self.bcm(i), active != self.kernel.lines()[i].active_low);
        }
        let moment = Moment::between(begin_ns, clock::now_ns());
        self.kernel.wrote(mask, bits);
        Ok(moment)
    }

    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        let moment = self.kernel.configure(lines)?;
        self.sort();
        Ok(moment)
    }
}
