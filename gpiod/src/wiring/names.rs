//! What a board's lines are called in a configuration: by the board's name for a line, or by chip and offset.

use crate::line::LineInfo;
use std::collections::HashMap;

/// The lines of a board, by name.
pub(super) struct Names<'a> {
    board: &'a [LineInfo],
    by_name: HashMap<&'a str, Vec<&'a LineInfo>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(board: &'a [LineInfo]) -> Self {
        let mut by_name: HashMap<&str, Vec<&LineInfo>> = HashMap::new();
        for info in board.iter().filter(|info| !info.name.is_empty()) {
            by_name.entry(&info.name).or_default().push(info);
        }
        Self { board, by_name }
    }

    /// Finds the one line that is called so: `GPIO17`, or `pca9538:3` for offset 3 of the chip with that label.
    ///
    /// # Errors
    /// That there is none, or more than one.
    pub(super) fn find(&self, name: &str) -> Result<&'a LineInfo, String> {
        let found = match self.by_name.get(name) {
            Some(named) => named.clone(),
            None => self.by_offset(name),
        };
        match found[..] {
            [info] => Ok(info),
            [] => Err(format!("the board has no line {name:?}; {}", self.summary())),
            [first, ..] => {
                let places: Vec<String> =
                    found.iter().map(|info| format!("{}:{}", info.chip, info.id.offset)).collect();
                let same_chip = found.iter().all(|info| info.chip == first.chip);
                let way_out = if same_chip { "" } else { "; name it by chip and offset" };
                Err(format!("the board has several lines {name:?} ({}){way_out}", places.join(", ")))
            }
        }
    }

    fn by_offset(&self, name: &str) -> Vec<&'a LineInfo> {
        let Some((chip, offset)) = name.rsplit_once(':') else { return Vec::new() };
        let Ok(offset) = offset.parse::<u32>() else { return Vec::new() };
        self.board.iter().filter(|info| info.chip == chip && info.id.offset == offset).collect()
    }

    /// The chips and what their lines are called, in a few words.
    fn summary(&self) -> String {
        let mut chips: Vec<Vec<&LineInfo>> = Vec::new();
        for info in self.board {
            match chips.last_mut() {
                Some(chip) if chip[0].id.chip == info.id.chip => chip.push(info),
                _ => chips.push(vec![info]),
            }
        }
        let span = |chip: &Vec<&LineInfo>| {
            let (first, last) = (chip[0], chip[chip.len() - 1]);
            match (first.name.is_empty(), last.name.is_empty()) {
                (false, false) if chips.len() == 1 => format!("{} to {}", first.name, last.name),
                _ => format!("{}:0 to {}:{}", first.chip, last.chip, last.id.offset),
            }
        };
        if chips.is_empty() {
            return "it has none".to_owned();
        }
        format!("it has {}", chips.iter().map(span).collect::<Vec<_>>().join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{AtExit, Direction, LineId};

    fn line(chip: u8, label: &str, offset: u32, name: &str) -> LineInfo {
        LineInfo {
            id: LineId { chip, offset },
            chip: label.to_owned(),
            name: name.to_owned(),
            header_pin: None,
            direction: Direction::Input,
            high: None,
            drives_high: None,
            consumer: None,
            function: None,
            at_exit: AtExit::default(),
            waits: false,
        }
    }

    #[test]
    fn a_line_is_found_by_its_name_or_by_its_chip_and_offset_and_never_at_random() {
        let board = [
            line(0, "pinctrl-bcm2835", 0, "GPIO0"),
            line(0, "pinctrl-bcm2835", 1, "RESET"),
            line(1, "expander", 0, ""),
            line(1, "expander", 1, "RESET"),
            line(2, "expander", 0, ""),
        ];
        let names = Names::of(&board);
        assert_eq!(names.find("GPIO0"), Ok(&board[0]));
        assert_eq!(names.find("pinctrl-bcm2835:1"), Ok(&board[1]));
        assert_eq!(
            names.find("RESET").unwrap_err(),
            "the board has several lines \"RESET\" (pinctrl-bcm2835:1, expander:1); name it by chip and offset"
        );
        assert_eq!(
            names.find("expander:0").unwrap_err(),
            "the board has several lines \"expander:0\" (expander:0, expander:0)"
        );
        assert_eq!(
            names.find("GPIO9").unwrap_err(),
            "the board has no line \"GPIO9\"; it has pinctrl-bcm2835:0 to pinctrl-bcm2835:1 and expander:0 to \
             expander:1 and expander:0 to expander:0"
        );
        for unknown in ["", ":", "expander:", "expander:9", "expander:-1", ":0"] {
            assert!(names.find(unknown).is_err(), "{unknown}");
        }
    }
}
