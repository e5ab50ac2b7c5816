//! The kernel's simulated chip, as the world outside sees it: pulls to move its lines, values to look at.

use gpiosim::{Bank, Sim};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the world outside waits for something.
const PATIENCE: Duration = Duration::from_secs(30);

/// A chip with a Raspberry Pi's label and lines.
pub(crate) struct Chip {
    _sim: Sim,
    /// Its device file.
    pub(crate) device: PathBuf,
    /// The number of its first line among all of the kernel's.
    pub(crate) first_number: u32,
    pulls: Vec<File>,
    values: Vec<File>,
}

impl Chip {
    pub(crate) fn new() -> Self {
        let mut bank = Bank::new(54, "pinctrl-bcm2835");
        for bcm in 0..54 {
            bank.name(bcm, format!("GPIO{bcm}"));
        }
        let sim = gpiosim::builder().with_name("kernel").with_bank(&bank).live().expect("gpio-sim, as root");
        let device = sim.chips()[0].dev_path().clone();
        let name = device.file_name().unwrap().to_owned();
        let base = fs::canonicalize(Path::new("/sys/bus/gpio/devices").join(name)).unwrap();
        let open = |file: &str| -> Vec<File> {
            let path = |bcm: u32| base.join(format!("sim_gpio{bcm}")).join(file);
            (0..28).map(|bcm| File::options().read(true).write(true).open(path(bcm)).unwrap()).collect()
        };
        let (pulls, values) = (open("pull"), open("value"));
        Self { _sim: sim, device, first_number: first_number(), pulls, values }
    }

    /// Moves all lines that nobody drives low.
    pub(crate) fn quiet(&self) {
        (0..28).for_each(|bcm| self.pull(bcm, false));
    }

    /// Moves a line that nobody drives.
    pub(crate) fn pull(&self, bcm: u32, high: bool) {
        let word: &[u8] = if high { b"pull-up" } else { b"pull-down" };
        self.pulls[bcm as usize].write_all_at(word, 0).unwrap();
    }

    pub(crate) fn is_high(&self, bcm: u32) -> bool {
        let mut digit = [0];
        self.values[bcm as usize].read_exact_at(&mut digit, 0).unwrap();
        digit == *b"1"
    }

    /// Waits until lines have these levels.
    pub(crate) fn await_levels(&self, lines: &[(u32, bool)]) {
        let begin = Instant::now();
        while lines.iter().any(|(bcm, high)| self.is_high(*bcm) != *high) {
            assert!(begin.elapsed() < PATIENCE, "the lines never became {lines:?}");
            std::thread::yield_now();
        }
    }
}

fn first_number() -> u32 {
    let chips = fs::read_dir("/sys/class/gpio").unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| {
        fs::read_to_string(path.join("label")).is_ok_and(|label| label.trim() == "pinctrl-bcm2835")
    };
    let chip = chips.into_iter().find(ours).expect("CONFIG_GPIO_SYSFS");
    fs::read_to_string(chip.join("base")).unwrap().trim().parse().unwrap()
}
