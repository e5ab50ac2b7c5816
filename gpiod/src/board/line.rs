//! A line of the simulated board, by its BCM number: written `GPIO4`, as the board's own lines are called.

use crate::header;
use crate::json::{self, Json, by_key};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// One of the lines GPIO0 to GPIO27.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Line(u8);

/// How many lines the board has.
pub(super) const COUNT: usize = header::LINES as usize;

impl Json for Line {
    fn read(value: serde_json::Value) -> json::Result<Self> {
        json::text(value)
    }
}
by_key!(Line);

impl Line {
    /// All lines of the board, by BCM number.
    pub const ALL: [Self; COUNT] = {
        let mut all = [Self(0); COUNT];
        let mut bcm = 0;
        while bcm < header::LINES {
            all[bcm as usize] = Self(bcm);
            bcm += 1;
        }
        all
    };

    /// The line with this BCM number, if the board has it.
    pub fn new(bcm: u32) -> Option<Self> {
        u8::try_from(bcm).ok().filter(|bcm| *bcm < header::LINES).map(Self)
    }

    /// The BCM number.
    pub fn bcm(self) -> u32 {
        u32::from(self.0)
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// There is no such line on the board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no line {0:?} on this board, which has GPIO0 to GPIO27")]
pub struct NoSuchLine(String);

impl FromStr for Line {
    type Err = NoSuchLine;

    fn from_str(text: &str) -> Result<Self, NoSuchLine> {
        let number = text.strip_prefix("GPIO").filter(|digits| *digits == "0" || !digits.starts_with('0'));
        let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        number
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::new)
            .ok_or_else(|| NoSuchLine(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Line {
    type Error = NoSuchLine;

    fn try_from(text: String) -> Result<Self, NoSuchLine> {
        text.parse()
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.to_string()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("GPIO{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found_by_its_name_and_nothing_else_is() {
        for line in Line::ALL {
            assert_eq!(line.to_string().parse(), Ok(line));
        }
        for wrong in ["", "GPIO", "GPIO28", "GPIO04", "GPIO+4", "gpio4", "4", "GPIO4 ", "GPIO99999999999"] {
            assert!(wrong.parse::<Line>().is_err(), "{wrong}");
        }
    }
}
