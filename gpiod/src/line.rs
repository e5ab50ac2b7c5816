//! The words for lines, as Linux GPIO uAPI v2 and libgpiod use them. No I/O, no policy.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The most lines that one request, group or session can have: the width of a mask (uAPI `GPIO_V2_LINES_MAX`).
pub const MAX_LINES: usize = 64;

/// The most edges that a request keeps for a reader who is late: all that uAPI v2 gives (`GPIO_V2_LINES_MAX * 16`; by
/// default the kernel keeps 16 for each line). When it is full the oldest is dropped.
pub const EVENT_BUFFER: u16 = 1024;

/// One line of the board: its chip, by position in [`Backend::lines`](crate::backend::Backend::lines)' order of
/// chips, and its offset there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LineId {
    /// Which chip of the board.
    pub chip: u8,
    /// Which line of the chip. On the chip of a Raspberry Pi's header this is the BCM number.
    pub offset: u32,
}

/// Which way a line goes at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It is read.
    Input,
    /// It is driven.
    Output,
}

/// The logical value of a line: after active-low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Logical zero; low, or high on an active-low line.
    Inactive,
    /// Logical one; high, or low on an active-low line.
    Active,
}

impl Value {
    /// The value that a bit stands for.
    pub fn from_bit(bit: bool) -> Self {
        if bit { Self::Active } else { Self::Inactive }
    }

    /// Whether the value is active.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

/// The pull of a line that nobody drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// No pull.
    Disabled,
    /// A resistor to the supply.
    PullUp,
    /// A resistor to ground.
    PullDown,
}

/// How an output drives its two values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drive {
    /// Both levels are driven.
    #[default]
    PushPull,
    /// Only low is driven; high is left to a pull.
    OpenDrain,
    /// Only high is driven; low is left to a pull.
    OpenSource,
}

/// A change of a line's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// Inactive to active.
    Rising,
    /// Active to inactive.
    Falling,
}

/// What a line is asked to be: the attributes of one line in a kernel line request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LineConfig {
    /// Which way it goes.
    pub direction: Direction,
    /// For an output, the value it drives from the first moment; of no meaning for an input.
    pub value: Value,
    /// Its pull; `None` leaves the board's.
    pub bias: Option<Bias>,
    /// How it drives; of no meaning for an input.
    pub drive: Drive,
    /// Whether low is the active level.
    pub active_low: bool,
    /// Whether both its edges are reported. Only for an input: the kernel reports no edges of outputs.
    pub edges: bool,
    /// A level must be stable for this long before its edge is reported, in ns; 0 is no debounce. Of no meaning for an
    /// output: it is for when the line is an input.
    pub debounce_ns: u64,
}

/// What is known of a line of the board without holding it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineInfo {
    /// Which line.
    pub id: LineId,
    /// Label of its chip, such as `pinctrl-bcm2835`.
    pub chip: String,
    /// What the board calls it, such as `GPIO17`; may be empty.
    pub name: String,
    /// Where it is on the board's header, from 1; `None` where it is on none.
    pub header_pin: Option<u8>,
    /// Which way it goes now.
    pub direction: Direction,
    /// Whether it is high; `None` where that can not be known without holding the line.
    pub high: Option<bool>,
    /// For an output, whether it drives high, which somebody stronger may overrule; `None` where that can not be known
    /// without holding it.
    pub drives_high: Option<bool>,
    /// Who holds it in the kernel (on the simulated board, by a claim); `None` when it is free.
    pub consumer: Option<String>,
    /// The other function that its pin has now, such as `SPI0_MISO (alt0)`: then it is nobody's line. `None` where the
    /// pin is an input or an output, and where the board can not tell.
    pub function: Option<String>,
    /// What becomes of it as an output when its holder's process ends.
    pub at_exit: AtExit,
    /// Whether its chip is behind a bus such as I²C, so that each access waits for that.
    pub waits: bool,
}

impl LineInfo {
    /// Chip and offset, such as `pinctrl-bcm2835:17`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.chip, self.id.offset)
    }

    /// Its name, or chip and offset where it has none.
    pub fn name_or_place(&self) -> String {
        if self.name.is_empty() { self.place() } else { self.name.clone() }
    }
}

/// What becomes of an output when its holder's process ends, as far as the board lets one choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AtExit {
    /// What the end of a claim does; `None` where nobody can tell.
    pub claimed: Option<OnExit>,
    /// Whether it can be driven without a claim. What is driven so is kept, whatever the end of a claim does.
    pub unclaimed: bool,
}

/// What an output does when the process that drove it has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExit {
    /// It keeps its level without a blink.
    Keep,
    /// It becomes an input.
    Input,
}

impl fmt::Display for OnExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keep => "keep",
            Self::Input => "input",
        })
    }
}

/// Values of the lines of a request at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Values {
    /// Bit i is the value of the line at position i; 1 is active.
    pub bits: u64,
    /// When they were read.
    #[serde(flatten)]
    pub read: Moment,
}

/// When something was done, as well as that can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// CLOCK_MONOTONIC, ns.
    pub timestamp_ns: u64,
    /// The true moment is at most this many ns away; 0 where the board itself stamped it.
    pub uncertainty_ns: u64,
}

impl Moment {
    /// Some moment between two, both in ns: what is known of something that was done between two looks at the clock.
    pub fn between(begin_ns: u64, end_ns: u64) -> Self {
        let length_ns = end_ns.saturating_sub(begin_ns);
        Self { timestamp_ns: begin_ns + length_ns / 2, uncertainty_ns: length_ns.div_ceil(2) }
    }

    /// The earliest that it can have been, ns.
    pub fn earliest_ns(self) -> u64 {
        self.timestamp_ns.saturating_sub(self.uncertainty_ns)
    }

    /// The latest that it can have been, ns.
    pub fn latest_ns(self) -> u64 {
        self.timestamp_ns.saturating_add(self.uncertainty_ns)
    }

    /// The span that has both in it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::between(self.earliest_ns().min(other.earliest_ns()), self.latest_ns().max(other.latest_ns()))
    }
}

/// An edge, as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeEvent {
    /// The line's position in its request.
    pub position: u8,
    /// Which edge.
    pub edge: Edge,
    /// When: CLOCK_MONOTONIC, ns.
    pub timestamp_ns: u64,
    /// Counts the edges of all lines of the request, from 1. A gap is what the kernel's buffer lost.
    pub seqno: u32,
    /// Counts the edges of this line within its request, from 1. A gap is what the kernel's buffer lost of this line.
    pub line_seqno: u32,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Inactive => "inactive",
            Self::Active => "active",
        })
    }
}

/// The mask of the first `count` positions.
pub fn known_mask(count: usize) -> u64 {
    u64::MAX.checked_shl(u32::try_from(count).unwrap_or(u32::MAX)).map_or(u64::MAX, |beyond| !beyond)
}

/// The positions of the ones of a mask, lowest first.
pub fn ones(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let i = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (i < 64).then_some(i as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_of_64_lines_is_full() {
        assert_eq!([0, 1, 63, 64].map(known_mask), [0, 1, u64::MAX >> 1, u64::MAX]);
    }

    #[test]
    fn the_true_moment_is_never_outside_of_what_is_told() {
        for (begin, end) in [(10, 10), (10, 11), (10, 12), (7, 100)] {
            let moment = Moment::between(begin, end);
            assert!(moment.earliest_ns() <= begin && end <= moment.latest_ns(), "{begin} {end}");
            assert!(moment.uncertainty_ns <= (end - begin) / 2 + 1);
        }
        let both = Moment::between(10, 20).and(Moment::between(30, 41));
        assert!(both.earliest_ns() <= 10 && both.latest_ns() >= 41);
    }

    #[test]
    fn the_ones_of_a_mask_are_told_lowest_first() {
        assert_eq!(ones(1 << 63 | 0b101).collect::<Vec<_>>(), [0, 2, 63]);
        assert_eq!(ones(0).count(), 0);
    }
}
