//! What else a Raspberry Pi's pin can be, by name.
//!
//! Source: BCM2835 ARM Peripherals, section 6.2, table 6-31; the BCM2711 has the same in its columns 0 and 5 (BCM2711 ARM
//! Peripherals, section 5.3) for the pins that are named here.

/// Functions 0, 3, 4 and 5 of BCM 0 to 27; a dash where the table has none, or none that a header is used for.
const NAMES: [[&str; 4]; 28] = [
    ["SDA0", "-", "-", "-"],
    ["SCL0", "-", "-", "-"],
    ["SDA1", "-", "-", "-"],
    ["SCL1", "-", "-", "-"],
    ["GPCLK0", "-", "-", "ARM_TDI"],
    ["GPCLK1", "-", "-", "ARM_TDO"],
    ["GPCLK2", "-", "-", "ARM_RTCK"],
    ["SPI0_CE1_N", "-", "-", "-"],
    ["SPI0_CE0_N", "-", "-", "-"],
    ["SPI0_MISO", "-", "-", "-"],
    ["SPI0_MOSI", "-", "-", "-"],
    ["SPI0_SCLK", "-", "-", "-"],
    ["PWM0", "-", "-", "ARM_TMS"],
    ["PWM1", "-", "-", "ARM_TCK"],
    ["TXD0", "-", "-", "TXD1"],
    ["RXD0", "-", "-", "RXD1"],
    ["-", "CTS0", "SPI1_CE2_N", "CTS1"],
    ["-", "RTS0", "SPI1_CE1_N", "RTS1"],
    ["PCM_CLK", "-", "SPI1_CE0_N", "PWM0"],
    ["PCM_FS", "-", "SPI1_MISO", "PWM1"],
    ["PCM_DIN", "-", "SPI1_MOSI", "GPCLK0"],
    ["PCM_DOUT", "-", "SPI1_SCLK", "GPCLK1"],
    ["SD0_CLK", "SD1_CLK", "ARM_TRST", "-"],
    ["SD0_CMD", "SD1_CMD", "ARM_RTCK", "-"],
    ["SD0_DAT0", "SD1_DAT0", "ARM_TDO", "-"],
    ["SD0_DAT1", "SD1_DAT1", "ARM_TCK", "-"],
    ["SD0_DAT2", "SD1_DAT2", "ARM_TDI", "-"],
    ["SD0_DAT3", "SD1_DAT3", "ARM_TMS", "-"],
];

/// An alternate function for people: `SPI0_MISO (alt0)`, or `alt3` where it has no name here.
pub(super) fn name(chip: &str, bcm: u8, alternate: u8) -> String {
    // The BCM2711's columns 3 and 4 are its own; the RP1's are all its own.
    let column = match (chip, alternate) {
        ("pinctrl-bcm2835" | "pinctrl-bcm2711", 0) => Some(0),
        ("pinctrl-bcm2835", 3) => Some(1),
        ("pinctrl-bcm2835", 4) => Some(2),
        ("pinctrl-bcm2835", 5) => Some(3),
        ("pinctrl-bcm2711", 5) if (14..=21).contains(&bcm) => Some(3),
        _ => None,
    };
    let name = column.and_then(|column: usize| NAMES.get(usize::from(bcm))?.get(column));
    match name.filter(|name| **name != "-") {
        Some(name) => format!("{name} (alt{alternate})"),
        None => format!("alt{alternate}"),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_traffic_lights_pins_are_spi_and_the_consoles_are_known() {
        let of = |bcm, alternate| name("pinctrl-bcm2835", bcm, alternate);
        assert_eq!(
            [9, 10, 11].map(|bcm| of(bcm, 0)),
            ["SPI0_MISO (alt0)", "SPI0_MOSI (alt0)", "SPI0_SCLK (alt0)"]
        );
        assert_eq!([of(14, 0), of(14, 5), of(18, 5)], ["TXD0 (alt0)", "TXD1 (alt5)", "PWM0 (alt5)"]);
        assert_eq!([of(9, 3), of(40, 0)], ["alt3", "alt0"]);
    }

    #[test]
    fn a_function_of_a_chip_that_is_numbered_otherwise_has_no_wrong_name() {
        assert_eq!(name("pinctrl-bcm2711", 9, 0), "SPI0_MISO (alt0)");
        assert_eq!(name("pinctrl-bcm2711", 16, 3), "alt3");
        assert_eq!(name("pinctrl-rp1", 9, 0), "alt0");
    }
}
