//! The 40-pin header of a Raspberry Pi, the same on every model since the 1 B+.
//!
//! Source: Raspberry Pi documentation, "GPIO and the 40-pin header"; power-on pulls: BCM2835 ARM Peripherals,
//! section 6.2, table 6-31.

use crate::line::Bias;

/// What is connected to a header pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// The 3.3 V supply.
    Power3V3,
    /// The 5 V supply.
    Power5V,
    /// Ground.
    Ground,
    /// The line with this BCM number.
    Gpio(u8),
}

/// The header's pins; pin 1 stands first. Odd pins are the inner row, even pins the row at the board's edge.
pub const HEADER: [Pin; 40] = {
    use Pin::{Gpio, Ground, Power3V3, Power5V};
    [
        Power3V3,
        Power5V,
        Gpio(2),
        Power5V,
        Gpio(3),
        Ground,
        Gpio(4),
        Gpio(14),
        Ground,
        Gpio(15), //
        Gpio(17),
        Gpio(18),
        Gpio(27),
        Ground,
        Gpio(22),
        Gpio(23),
        Power3V3,
        Gpio(24),
        Gpio(10),
        Ground, //
        Gpio(9),
        Gpio(25),
        Gpio(11),
        Gpio(8),
        Ground,
        Gpio(7),
        Gpio(0),
        Gpio(1),
        Gpio(5),
        Ground, //
        Gpio(6),
        Gpio(12),
        Gpio(13),
        Ground,
        Gpio(19),
        Gpio(16),
        Gpio(26),
        Gpio(20),
        Ground,
        Gpio(21),
    ]
};

/// How many lines the header has: BCM 0 to 27.
pub const LINES: u8 = 28;

/// The header pin, 1 to 40, of a BCM number; `None` for a line that is not on the header.
pub fn pin_of(bcm: u32) -> Option<u8> {
    (1..)
        .zip(HEADER)
        .find(|(_, pin)| matches!(pin, Pin::Gpio(number) if u32::from(*number) == bcm))
        .map(|(n, _)| n)
}

/// The pull of a header line after power-on.
pub fn power_on_bias(bcm: u32) -> Bias {
    if bcm <= 8 { Bias::PullUp } else { Bias::PullDown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_header_has_one_pin() {
        for bcm in 0..u32::from(LINES) {
            let pin = pin_of(bcm).unwrap();
            assert_eq!(HEADER[usize::from(pin) - 1], Pin::Gpio(u8::try_from(bcm).unwrap()));
        }
        assert_eq!(pin_of(28), None);
    }

    #[test]
    fn the_apps_lines_are_where_their_wiring_says() {
        // The thesis's light sensor is on header pin 7; the lights on 21, 19 and 23.
        assert_eq!([4, 9, 10, 11].map(pin_of), [Some(7), Some(21), Some(19), Some(23)]);
    }
}
