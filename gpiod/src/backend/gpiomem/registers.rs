//! The registers, through rppal: the only file that names it.
//!
//! rppal is retired upstream (0.22.1 is its last). All that is needed of it: `Gpio::new`, `Gpio::get`, `Pin::mode`,
//! `Pin::into_io`, and of `IoPin` `mode`, `set_mode`, `read`, `set_high`, `set_low`, `set_bias` and
//! `set_reset_on_drop`.
//!
//! # Limits
//!
//! It writes one line at a time. It changes a function-select register, which ten lines share, by reading and writing
//! it, and knows nothing of the kernel's lock on it: only this file does so here, but a driver that changes a pin's
//! function in the same microsecond may win or lose. The Pi 5's registers are rppal's `rp1`, not tested on hardware.

use crate::line::Bias;
use rppal::gpio::{self, Gpio, IoPin, Level, Mode};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which function a pin was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Input,
    Output,
    /// An alternate function: its number.
    Other(u8),
}

/// The header lines of a Raspberry Pi, by BCM number.
#[derive(Debug)]
pub(super) struct Registers {
    pins: Mutex<Vec<IoPin>>,
    count: u8,
}

impl Registers {
    /// Maps the registers and moves nothing.
    pub(super) fn open() -> io::Result<Self> {
        device()?;
        let gpio = Gpio::new().map_err(explained)?;
        let mut pins = Vec::new();
        for bcm in 0..crate::header::LINES {
            let pin = gpio.get(bcm).map_err(explained)?;
            // It stays in the function that it has.
            let mode = pin.mode();
            let mut pin = pin.into_io(mode);
            // What lines do at our end is decided elsewhere.
            pin.set_reset_on_drop(false);
            pins.push(pin);
        }
        Ok(Self { pins: Mutex::new(pins), count: crate::header::LINES })
    }

    /// Whether these are the registers of this BCM number.
    pub(super) fn has(&self, bcm: u8) -> bool {
        bcm < self.count
    }

    fn pin<T>(&self, bcm: u8, with: impl FnOnce(&mut IoPin) -> T) -> T {
        let mut pins: MutexGuard<'_, Vec<IoPin>> = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut pins[usize::from(bcm)])
    }

    /// Which function the pin has now.
    pub(super) fn found(&self, bcm: u8) -> Found {
        match self.pin(bcm, |pin| pin.mode()) {
            // A Pi 5's pin that is switched off is nobody's.
            Mode::Input | Mode::Null => Found::Input,
            Mode::Output => Found::Output,
            Mode::Alt0 => Found::Other(0),
            Mode::Alt1 => Found::Other(1),
            Mode::Alt2 => Found::Other(2),
            Mode::Alt3 => Found::Other(3),
            Mode::Alt4 => Found::Other(4),
            Mode::Alt5 => Found::Other(5),
            Mode::Alt6 => Found::Other(6),
            Mode::Alt7 => Found::Other(7),
            Mode::Alt8 => Found::Other(8),
        }
    }

    /// Whether the line is high, whoever makes it so.
    pub(super) fn is_high(&self, bcm: u8) -> bool {
        self.pin(bcm, |pin| pin.read()) == Level::High
    }

    /// The level that an output drives. Of an input it is the one that it will drive as an output (BCM2835 ARM
    /// Peripherals, 6.1, GPSETn).
    pub(super) fn set(&self, bcm: u8, high: bool) {
        self.pin(bcm, |pin| if high { pin.set_high() } else { pin.set_low() });
    }

    /// Makes the pin an output or an input, if it is not.
    pub(super) fn make(&self, bcm: u8, output: bool) {
        let mode = if output { Mode::Output } else { Mode::Input };
        self.pin(bcm, |pin| {
            if pin.mode() != mode {
                pin.set_mode(mode);
            }
        });
    }

    /// Switches the pull. On the chips before the BCM2711 rppal waits twice for 5 µs at least, by sleeping: 100 µs and more.
    pub(super) fn pull(&self, bcm: u8, bias: Bias) {
        let bias = match bias {
            Bias::Disabled => gpio::Bias::Off,
            Bias::PullUp => gpio::Bias::PullUp,
            Bias::PullDown => gpio::Bias::PullDown,
        };
        self.pin(bcm, |pin| pin.set_bias(bias));
    }
}

/// The registers' device: of a Pi 5, else of any earlier one. rppal would take all of the memory in its place.
fn device() -> io::Result<()> {
    let mut refused = None;
    for path in ["/dev/gpiomem0", "/dev/gpiomem"] {
        match File::options().read(true).write(true).open(Path::new(path)) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let text = format!("{path}: {error}; give the daemon read and write access to it");
                refused = Some(io::Error::new(error.kind(), text));
            }
        }
    }
    Err(refused.unwrap_or_else(|| {
        let text =
            "there is neither /dev/gpiomem nor (on a Pi 5) /dev/gpiomem0: give the container that device";
        io::Error::new(ErrorKind::NotFound, text)
    }))
}

fn explained(error: gpio::Error) -> io::Error {
    match error {
        gpio::Error::UnknownModel => io::Error::new(
            ErrorKind::Unsupported,
            "rppal does not know the board: it looks for Revision in /proc/cpuinfo, then for compatible and model below \
             /sys/firmware/devicetree/base, which containers hide; kind = \"cdev\" needs neither",
        ),
        gpio::Error::PermissionDenied(path) => io::Error::new(
            ErrorKind::PermissionDenied,
            format!("{path}: give the daemon read and write access to it"),
        ),
        gpio::Error::Io(error) => io::Error::new(
            error.kind(),
            format!("rppal, which opens /dev/gpiochip0 and on until the Pi's chip is found: {error}"),
        ),
        error @ (gpio::Error::PinUsed(_) | gpio::Error::PinNotAvailable(_) | gpio::Error::ThreadPanic) => {
            io::Error::other(error)
        }
    }
}
