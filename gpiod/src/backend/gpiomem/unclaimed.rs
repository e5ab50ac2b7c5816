//! Outputs that are driven without a claim, so that they keep their levels whatever the end of a claim would do.
//! They have no edges, and the kernel does not show whose they are.

use super::registers::Registers;
use crate::backend::{Error, HeldLines};
use crate::clock;
use crate::line::{Direction, Drive, LineConfig, Moment, Value, Values, ones};
use std::io;
use std::sync::Arc;

/// Lines of the registers alone.
#[derive(Debug)]
pub(super) struct Unclaimed {
    registers: Arc<Registers>,
    lines: Vec<(u8, LineConfig)>,
}

impl Unclaimed {
    /// Makes lines what they are to be.
    pub(super) fn drive(registers: Arc<Registers>, lines: Vec<(u8, LineConfig)>) -> Self {
        let unclaimed = Self { registers, lines };
        for (bcm, config) in &unclaimed.lines {
            if let Some(bias) = config.bias {
                unclaimed.registers.pull(*bcm, bias);
            }
            unclaimed.apply(*bcm, config);
        }
        unclaimed
    }

    /// The level first, so that an output drives it from its first moment; one that drives a single level is made an
    /// input for the other, as the kernel does it (drivers/gpio/gpiolib.c, `gpio_set_open_drain_value_commit`).
    fn apply(&self, bcm: u8, config: &LineConfig) {
        let high = config.value.is_active() != config.active_low;
        let drives = match config.drive {
            Drive::PushPull => true,
            Drive::OpenDrain => !high,
            Drive::OpenSource => high,
        };
        let output = config.direction == Direction::Output && drives;
        if output {
            self.registers.set(bcm, high);
        }
        self.registers.make(bcm, output);
    }
}

impl HeldLines for Unclaimed {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        let begin_ns = clock::now_ns();
        let mut bits = 0;
        for i in ones(mask) {
            let (bcm, config) = &self.lines[i];
            bits |= u64::from(self.registers.is_high(*bcm) != config.active_low) << i;
        }
        Ok(Values { bits, read: Moment::between(begin_ns, clock::now_ns()) })
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        let input = |i: &usize| self.lines[*i].1.direction == Direction::Input;
        if let Some(i) = ones(mask).find(input) {
            let text = format!("GPIO{} is an input", self.lines[i].0);
            let source = io::Error::new(io::ErrorKind::PermissionDenied, text);
            return Err(Error::Failed { operation: "writing lines", source });
        }
        let begin_ns = clock::now_ns();
        for i in ones(mask & !bits).chain(ones(mask & bits)) {
            self.lines[i].1.value = Value::from_bit(bits >> i & 1 == 1);
            let (bcm, config) = self.lines[i];
            self.apply(bcm, &config);
        }
        Ok(Moment::between(begin_ns, clock::now_ns()))
    }

    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        let begin_ns = clock::now_ns();
        for (position, config) in lines {
            let Some((bcm, line)) = self.lines.get_mut(usize::from(*position)) else { continue };
            let (bcm, before) = (*bcm, std::mem::replace(line, *config));
            if let Some(bias) = config.bias.filter(|_| config.bias != before.bias) {
                self.registers.pull(bcm, bias);
            }
            self.apply(bcm, config);
        }
        Ok(Moment::between(begin_ns, clock::now_ns()))
    }
}
