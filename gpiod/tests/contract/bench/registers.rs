//! A Raspberry Pi's registers under the `gpiomem` backend, on QEMU's raspi3b: outputs read back, nothing comes from
//! outside. The eye is the same registers, so what they say is the emulation's word.

use super::Bench;
use gpiod::backend::Backend;
use gpiod::backend::gpiomem::{self, Gpiomem};

pub(super) struct Registers {
    backend: Gpiomem,
}

impl Registers {
    pub(super) fn start() -> Self {
        Self { backend: gpiomem::open().unwrap() }
    }
}

impl Bench for Registers {
    fn name(&self) -> String {
        "gpiomem on raspi3b".to_owned()
    }

    fn begin(&self) {}

    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn reach(&self) -> (&'static str, String) {
        ("gpiomem", String::new())
    }

    fn set(&self, _bcm: u32, _high: bool) -> Option<()> {
        None
    }

    fn is_high(&self, bcm: u32) -> bool {
        super::find(&self.backend, bcm).high.unwrap()
    }

    fn sees_all(&self) -> bool {
        false
    }

    /// Before and after: what happened in between nobody saw.
    fn levels_during(&self, bcm: u32, act: &mut dyn FnMut()) -> Vec<bool> {
        let mut levels = vec![self.is_high(bcm)];
        act();
        levels.push(self.is_high(bcm));
        levels.dedup();
        levels
    }
}
