//! The kernel's GPIO simulator under the `cdev` backend: its `pull` in sysfs is the hand, its `value` and the kernel's
//! trace are the eyes.

use super::{Bench, irq, trace};
use gpiod::backend::Backend;
use gpiod::backend::cdev::{self, Cdev};
use gpiosim::{Bank, Level, Sim};
use std::fs;

pub(super) struct GpioSim {
    sim: Sim,
    backend: Cdev,
    /// The number of the chip's first line among all of the kernel's.
    first_number: u32,
}

impl GpioSim {
    /// Makes a chip with a Raspberry Pi's label and lines.
    pub(super) fn start() -> Self {
        let mut bank = Bank::new(54, "pinctrl-bcm2835");
        for bcm in 0..54 {
            bank.name(bcm, format!("GPIO{bcm}"));
        }
        let sim =
            gpiosim::builder().with_name("contract").with_bank(&bank).live().expect("gpio-sim, as root");
        irq::stay();
        let backend = cdev::open().unwrap();
        Self { first_number: first_number(), sim, backend }
    }
}

impl Bench for GpioSim {
    fn name(&self) -> String {
        "cdev on gpio-sim".to_owned()
    }

    fn begin(&self) {
        for bcm in 0..28 {
            self.sim.chips()[0].pulldown(bcm).unwrap();
        }
        irq::look_again();
    }

    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn reach(&self) -> (&'static str, String) {
        ("cdev", String::new())
    }

    fn set(&self, bcm: u32, high: bool) -> Option<()> {
        let (before, changes) = (irq::count(), self.is_high(bcm) != high);
        self.sim.chips()[0].set_pull(bcm, if high { Level::High } else { Level::Low }).unwrap();
        if changes {
            irq::settle(before);
        }
        Some(())
    }

    fn is_high(&self, bcm: u32) -> bool {
        self.sim.chips()[0].get_level(bcm).unwrap() == Level::High
    }

    fn levels_during(&self, bcm: u32, act: &mut dyn FnMut()) -> Vec<bool> {
        let mut levels = vec![self.is_high(bcm)];
        trace::begin();
        act();
        let number = self.first_number + bcm;
        levels.extend(trace::sets().into_iter().filter(|(line, _)| *line == number).map(|(_, high)| high));
        levels.dedup();
        levels
    }

    fn turns_during(&self, bcm: u32, act: &mut dyn FnMut()) -> Option<Vec<bool>> {
        trace::begin();
        act();
        let number = self.first_number + bcm;
        Some(
            trace::turns()
                .into_iter()
                .filter(|(line, _)| *line == number)
                .map(|(_, output)| output)
                .collect(),
        )
    }

    fn has_manners_of_gpio_sim(&self) -> bool {
        true
    }
}

/// The number of the first line of our chip, as the older interface in sysfs tells it.
fn first_number() -> u32 {
    let chips = fs::read_dir("/sys/class/gpio").unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &std::path::PathBuf| {
        fs::read_to_string(path.join("label")).is_ok_and(|label| label.trim() == "pinctrl-bcm2835")
    };
    let chip = chips.into_iter().find(ours).expect("CONFIG_GPIO_SYSFS");
    fs::read_to_string(chip.join("base")).unwrap().trim().parse().unwrap()
}
