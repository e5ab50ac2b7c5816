//! The kernel whose manners the board has: GPIO drivers differ in what a line does that nobody drives any more.

use crate::line::OnExit;

/// A kernel, by what its GPIO driver does with lines that are let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernel {
    /// Raspberry Pi's: an output stays as it is when its claim ends (`persist_gpio_outputs=Y`).
    #[default]
    RaspberryPi,
    /// Upstream's: an output becomes an input when its claim ends (`persist_gpio_outputs=N`, and before it had that
    /// parameter).
    Upstream,
    /// Any kernel's GPIO simulator, gpio-sim: lines remember and do not know electricity. A claimed output is moved by
    /// nobody else; a line that is let go keeps its level until something moves it; a claim's end drops a line to its
    /// pull.
    GpioSim,
}

impl Kernel {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::RaspberryPi, Self::Upstream, Self::GpioSim];

    /// What an output does when its claim ends; `None` where a daemon could not know.
    pub fn at_claims_end(self) -> Option<OnExit> {
        match self {
            Self::RaspberryPi => Some(OnExit::Keep),
            Self::Upstream => Some(OnExit::Input),
            Self::GpioSim => None,
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::RaspberryPi => "raspberry-pi",
            Self::Upstream => "upstream",
            Self::GpioSim => "gpio-sim",
        }
    }
}
