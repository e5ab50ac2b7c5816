//! A chip of the kernel's GPIO simulator, as the world outside sees it: pulls to move its lines, values to look at.

use crate::Fallible;
use gpiosim::{Bank, Sim};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to handle an edge.
const PATIENCE: Duration = Duration::from_secs(20);

/// A chip with a Raspberry Pi's label and lines. It is there until it is dropped.
#[derive(Debug)]
pub(crate) struct Chip {
    _sim: Sim,
    /// Its device file.
    pub(crate) device: PathBuf,
    /// Where sysfs has its lines.
    lines: PathBuf,
}

impl Chip {
    pub(crate) fn new() -> Fallible<Self> {
        if !Path::new("/sys/kernel/config/gpio-sim").exists() {
            return Err(
                "this kernel has no gpio-sim; scripts/hardware/sim-guest.sh boots one that has it".into()
            );
        }
        let mut bank = Bank::new(54, "pinctrl-bcm2835");
        for bcm in 0..54 {
            bank.name(bcm, format!("GPIO{bcm}"));
        }
        let sim = gpiosim::builder()
            .with_name("bench")
            .with_bank(&bank)
            .live()
            .map_err(|error| error.to_string())?;
        let device = sim.chips().first().ok_or("gpio-sim made no chip")?.dev_path().clone();
        let name = device.file_name().ok_or("a chip's device without a name")?;
        let lines = fs::canonicalize(Path::new("/sys/bus/gpio/devices").join(name))?;
        Ok(Self { _sim: sim, device, lines })
    }

    /// The number in the name of its device file.
    pub(crate) fn number(&self) -> Fallible<u32> {
        let name = self.device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Ok(name.trim_start_matches("gpiochip").parse()?)
    }

    pub(crate) fn is_high(&self, bcm: u32) -> Fallible<bool> {
        Ok(fs::read_to_string(self.file(bcm, "value"))?.trim() == "1")
    }

    /// What moves one line again and again.
    pub(crate) fn pull(&self, bcm: u32) -> Fallible<Pull> {
        let mut pull = Pull { file: File::options().write(true).open(self.file(bcm, "pull"))?, high: true };
        pull.toggle()?;
        Ok(pull)
    }

    fn file(&self, bcm: u32, name: &str) -> PathBuf {
        self.lines.join(format!("sim_gpio{bcm}")).join(name)
    }
}

/// The pull of one line that nobody drives; low at first.
#[derive(Debug)]
pub(crate) struct Pull {
    file: File,
    high: bool,
}

impl Pull {
    pub(crate) fn set(&mut self, high: bool) -> Fallible<()> {
        let word: &[u8] = if high { b"pull-up" } else { b"pull-down" };
        self.file.write_all_at(word, 0)?;
        self.high = high;
        Ok(())
    }

    pub(crate) fn toggle(&mut self) -> Fallible<()> {
        self.set(!self.high)
    }
}

/// Waits until the kernel has taken in all edges that were made so far: the interrupt of a line is handled by a thread,
/// and until that sleeps again the next edge would be one with the last.
#[derive(Debug, Default)]
pub(crate) struct Settle {
    /// The numbers of those threads; looking for them takes longer than looking at them.
    threads: Vec<String>,
}

impl Settle {
    pub(crate) fn wait(&mut self) -> Fallible<()> {
        if self.threads.is_empty() || self.threads.iter().any(|thread| state(thread).is_none()) {
            self.threads = interrupt_threads()?;
        }
        let begin = Instant::now();
        while self.threads.iter().any(|thread| state(thread).is_some_and(|state| state != 'S')) {
            if begin.elapsed() > PATIENCE {
                return Err("an interrupt's thread does not come to rest".into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

/// The threads that handle interrupts of lines, by their numbers.
pub(crate) fn interrupt_threads() -> Fallible<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(number) = entry?.file_name().into_string() else { continue };
        let is_process = number.bytes().all(|byte| byte.is_ascii_digit());
        let name = || fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
        if is_process && name().starts_with("irq/") {
            found.push(number);
        }
    }
    Ok(found)
}

/// What a thread does, by the letter that `/proc` has for it; `None` when it has ended.
fn state(thread: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
