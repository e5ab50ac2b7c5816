//! What a Raspberry Pi is known by: its model, its GPIO chip, and which of its lines are on which header pin.
//!
//! Sources: Raspberry Pi documentation, "GPIO and the 40-pin header" and "Raspberry Pi revision codes"; the labels are
//! those of drivers/pinctrl/bcm/pinctrl-bcm2835.c and of Raspberry Pi's drivers/pinctrl/pinctrl-rp1.c.

use crate::header;
use std::fs;

/// The labels of the chips that a Pi's header is on, and whose Pis they are.
const HEADER_CHIPS: [(&str, &str); 3] = [
    ("pinctrl-bcm2835", "Raspberry Pi 1, 2, 3 or Zero"),
    ("pinctrl-bcm2711", "Raspberry Pi 4 or 400"),
    ("pinctrl-rp1", "Raspberry Pi 5 or 500"),
];

/// Whether a chip of this label has a Pi's header lines, with the BCM numbers as offsets.
pub(super) fn is_header_chip(label: &str) -> bool {
    HEADER_CHIPS.iter().any(|(known, _)| *known == label)
}

/// The board's model as its firmware tells it; `None` where nothing does, as in a container that hides it.
pub(super) fn board_model() -> Option<String> {
    let tree = ["/proc/device-tree/model", "/sys/firmware/devicetree/base/model"];
    let by_tree = tree.iter().find_map(|path| fs::read_to_string(path).ok());
    // Raspberry Pi's kernel also says it where a container sees it in any case.
    let by_cpu = || model_of_cpuinfo(&fs::read_to_string("/proc/cpuinfo").ok()?);
    let model = by_tree.map(|model| model.trim_end_matches(['\0', '\n']).to_owned());
    model.filter(|model| !model.is_empty()).or_else(by_cpu)
}

fn model_of_cpuinfo(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("Model"))?;
    Some(line.trim_start_matches(|c: char| c.is_whitespace() || c == ':').to_owned())
}

/// What a board is called that does not tell its model.
pub(super) fn board_by_chips(labels: &[&str]) -> String {
    let known = HEADER_CHIPS.iter().find(|(label, _)| labels.contains(label));
    known.map_or_else(|| "Linux board".to_owned(), |(_, boards)| format!("{boards} (by its GPIO chip)"))
}

/// The BCM name of a header line, such as `GPIO17`.
pub(super) fn bcm_name(offset: u32) -> Option<String> {
    (offset < u32::from(header::LINES)).then(|| format!("GPIO{offset}"))
}

/// Which lines a model has on its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// 40 pins: all since the 1 A+ and B+.
    Pins40,
    /// 26 pins: 1 A, and 1 B of the second revision. They are the first 26 of the later ones.
    Pins26,
    /// 26 pins of the first 1 B, with other lines on pins 3, 5 and 13.
    Pins26First,
}

impl Header {
    pub(super) fn of(model: &str) -> Self {
        match model.strip_prefix("Raspberry Pi Model ") {
            Some("B Rev 1") => Self::Pins26First,
            // The B+ and A+ are called `Model B Plus` and `Model A Plus`.
            Some(rest)
                if rest == "B" || rest == "A" || rest.starts_with("B Rev") || rest.starts_with("A Rev") =>
            {
                Self::Pins26
            }
            _ => Self::Pins40,
        }
    }

    /// The header pin, from 1, of a BCM number; `None` for one that is not on it.
    pub(super) fn pin_of(self, bcm: u32) -> Option<u8> {
        let bcm = match (self, bcm) {
            (Self::Pins26First, 0) => 2,
            (Self::Pins26First, 1) => 3,
            (Self::Pins26First, 21) => 27,
            (Self::Pins26First, 2 | 3 | 27) => return None,
            _ => bcm,
        };
        header::pin_of(bcm).filter(|pin| self == Self::Pins40 || *pin <= 26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_told_by_the_model() {
        for (model, header) in [
            ("Raspberry Pi Model B Rev 1", Header::Pins26First),
            ("Raspberry Pi Model B Rev 2", Header::Pins26),
            ("Raspberry Pi Model A Rev 2", Header::Pins26),
            ("Raspberry Pi Model B Plus Rev 1.2", Header::Pins40),
            ("Raspberry Pi Model A Plus Rev 1.1", Header::Pins40),
            ("Raspberry Pi 2 Model B Rev 1.1", Header::Pins40),
            ("Raspberry Pi 3 Model B", Header::Pins40),
            ("Raspberry Pi Zero 2 W Rev 1.0", Header::Pins40),
            ("Raspberry Pi 5 Model B Rev 1.0", Header::Pins40),
        ] {
            assert_eq!(Header::of(model), header, "{model}");
        }
    }

    #[test]
    fn the_first_boards_have_fewer_pins_and_the_very_first_others() {
        assert_eq!([4, 9, 26, 28].map(|bcm| Header::Pins40.pin_of(bcm)), [Some(7), Some(21), Some(37), None]);
        assert_eq!([4, 9, 26, 2].map(|bcm| Header::Pins26.pin_of(bcm)), [Some(7), Some(21), None, Some(3)]);
        let first = [0, 1, 21, 2, 3, 27, 4].map(|bcm| Header::Pins26First.pin_of(bcm));
        assert_eq!(first, [Some(3), Some(5), Some(13), None, None, None, Some(7)]);
    }

    #[test]
    fn the_model_is_found_where_raspberry_pis_kernel_says_it() {
        let cpuinfo = "processor\t: 0\n\nRevision\t: c03111\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n";
        assert_eq!(model_of_cpuinfo(cpuinfo).as_deref(), Some("Raspberry Pi 4 Model B Rev 1.1"));
        assert_eq!(model_of_cpuinfo("model name\t: some processor\n"), None);
    }

    #[test]
    fn a_board_without_a_model_is_known_by_its_chip() {
        assert_eq!(board_by_chips(&["x", "pinctrl-rp1"]), "Raspberry Pi 5 or 500 (by its GPIO chip)");
        assert_eq!(board_by_chips(&["gpio-sim"]), "Linux board");
    }
}
