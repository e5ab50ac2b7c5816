//! The programs that are measured, each with a client of the least that its interface needs.

mod dbus;
mod gpio_manager;
mod gpiod;
mod raw;
mod rgpiod;

use super::arguments::Arguments;
use super::turn::Subject;
use crate::Fallible;
use crate::chip::Chip;
use std::path::PathBuf;
use std::process::Command;

/// A program and a way to use it: a column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The kernel's ioctls, without a daemon: the floor.
    Raw,
    /// gpiod through a session.
    Session(PathBuf),
    /// gpiod through calls of their own.
    Unary(PathBuf),
    /// rgpiod of lg, over TCP on the loopback device; where it is.
    Rgpiod(Option<PathBuf>),
    /// gpio-manager of libgpiod, over a D-Bus of its own; where it is.
    GpioManager(Option<PathBuf>),
}

impl Program {
    /// All of them, the floor first.
    pub(crate) fn all(wanted: &Arguments) -> Vec<Self> {
        vec![
            Self::Raw,
            Self::Session(wanted.gpiod.clone()),
            Self::Unary(wanted.gpiod.clone()),
            Self::Rgpiod(wanted.rgpiod.clone()),
            Self::GpioManager(wanted.gpio_manager.clone()),
        ]
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Raw => "raw ioctl",
            Self::Session(_) => "gpiod, session",
            Self::Unary(_) => "gpiod, unary",
            Self::Rgpiod(_) => "rgpiod",
            Self::GpioManager(_) => "gpio-manager",
        }
    }

    pub(crate) fn is_given(&self) -> bool {
        !matches!(self, Self::Rgpiod(None) | Self::GpioManager(None))
    }

    /// What the program says of its version.
    pub(crate) fn version(&self) -> Fallible<String> {
        let (path, argument) = match self {
            Self::Raw => {
                let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
                return Ok(format!("Linux {}", release.trim()));
            }
            Self::Session(path) | Self::Unary(path) => (path, "--version"),
            Self::Rgpiod(Some(path)) => (path, "-v"),
            Self::GpioManager(Some(path)) => (path, "--version"),
            Self::Rgpiod(None) | Self::GpioManager(None) => return Ok(String::new()),
        };
        let said = Command::new(path).arg(argument).output();
        let said = said.map_err(|error| format!("{}: {error}", path.display()))?;
        if !said.status.success() {
            return Err(
                format!("{}: {}", path.display(), String::from_utf8_lossy(&said.stderr).trim()).into()
            );
        }
        Ok(String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().to_owned())
    }

    /// Starts it, with a client.
    pub(crate) fn start(&self, chip: &Chip) -> Fallible<Box<dyn Subject>> {
        Ok(match self {
            Self::Raw => Box::new(raw::Raw::start(chip)?),
            Self::Session(path) => Box::new(gpiod::Gpiod::session(path)?),
            Self::Unary(path) => Box::new(gpiod::Gpiod::unary(path)?),
            Self::Rgpiod(Some(path)) => Box::new(rgpiod::Rgpiod::start(path, chip)?),
            Self::GpioManager(Some(path)) => Box::new(gpio_manager::GpioManager::start(path, chip)?),
            Self::Rgpiod(None) | Self::GpioManager(None) => return Err("not given".into()),
        })
    }
}

/// Tells lost edges by the kernel's sequence numbers of a line.
#[derive(Debug, Default)]
struct Sequence {
    last: Option<u64>,
}

impl Sequence {
    /// How many are missing before this one.
    fn missing(&mut self, number: u64) -> u64 {
        let last = self.last.replace(number).unwrap_or(0);
        number.saturating_sub(last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn a_gap_in_a_sequence_is_what_was_lost() {
        let mut sequence = Sequence::default();
        assert_eq!([1, 2, 5, 6].map(|number| sequence.missing(number)), [0, 0, 2, 0]);
    }
}
