//! Nets: lines that wires join, and which level strong drivers and pulls give them.

use super::Line;

/// What is connected to a net at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drivers {
    /// Strong drivers to the supply.
    pub highs: u32,
    /// Strong drivers to ground.
    pub lows: u32,
    /// Pull-ups.
    pub ups: u32,
    /// Pull-downs.
    pub downs: u32,
}

impl Drivers {
    /// Adds one strong driver.
    pub(super) fn strong(&mut self, high: bool) {
        if high { self.highs += 1 } else { self.lows += 1 }
    }

    /// What is left without one strong driver that was added.
    pub(super) fn without(self, high: bool) -> Self {
        match high {
            true => Self { highs: self.highs.saturating_sub(1), ..self },
            false => Self { lows: self.lows.saturating_sub(1), ..self },
        }
    }

    /// The level that strong drivers give, if there are any; low wins.
    pub(super) fn strong_level(self) -> Option<bool> {
        (self.highs + self.lows > 0).then_some(self.lows == 0)
    }

    /// Whether strong drivers disagree.
    pub(super) fn contention(self) -> bool {
        self.highs > 0 && self.lows > 0
    }

    /// Whether nothing holds the net at a level.
    pub(super) fn floating(self) -> bool {
        self.highs + self.lows == 0 && self.ups == self.downs
    }

    /// The level they give: low wins among strong drivers, strong wins over pulls, more pulls win over fewer.
    /// A net that nothing holds keeps the level it had.
    pub(super) fn level(self, last: bool) -> bool {
        let pulled = if self.ups != self.downs { self.ups > self.downs } else { last };
        self.strong_level().unwrap_or(pulled)
    }
}

/// The nets that these wires make: every line is in one of them, alone if no wire ends there.
pub(super) fn nets(wires: impl IntoIterator<Item = [Line; 2]>) -> Vec<Vec<Line>> {
    let mut nets: Vec<Vec<Line>> = Line::ALL.iter().map(|line| vec![*line]).collect();
    for [one, other] in wires {
        let of = |line| nets.iter().position(|net| net.contains(&line));
        if let (Some(one), Some(other)) = (of(one), of(other))
            && one != other
        {
            let joined = std::mem::take(&mut nets[other]);
            nets[one].extend(joined);
            nets.swap_remove(other);
        }
    }
    nets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drivers() -> impl Strategy<Value = Drivers> {
        (0..3u32, 0..3u32, 0..3u32, 0..3u32).prop_map(|(highs, lows, ups, downs)| Drivers {
            highs,
            lows,
            ups,
            downs,
        })
    }

    proptest! {
        #[test]
        fn a_strong_low_always_wins(drivers in drivers(), last: bool) {
            prop_assume!(drivers.lows > 0);
            prop_assert!(!drivers.level(last));
        }

        #[test]
        fn pulls_do_not_count_against_strong_drivers(drivers in drivers(), last: bool) {
            let strong = Drivers { ups: 0, downs: 0, ..drivers };
            prop_assume!(strong.highs + strong.lows > 0);
            prop_assert_eq!(drivers.level(last), strong.level(!last));
            prop_assert!(!drivers.floating());
        }

        #[test]
        fn only_a_floating_net_remembers(drivers in drivers()) {
            prop_assert_eq!(drivers.level(true) != drivers.level(false), drivers.floating());
        }

        #[test]
        fn every_line_is_in_one_net(ends in prop::collection::vec((0..28u32, 0..28u32), 0..40)) {
            let wires = ends.iter().filter_map(|(one, other)| Some([Line::new(*one)?, Line::new(*other)?]));
            let nets = nets(wires.clone());
            let mut all: Vec<Line> = nets.concat();
            all.sort();
            prop_assert_eq!(all, Line::ALL.to_vec());
            for [one, other] in wires {
                prop_assert!(nets.iter().any(|net| net.contains(&one) && net.contains(&other)));
            }
        }
    }
}
