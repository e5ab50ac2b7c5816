//! Line configurations as the kernel takes them: flags for all, and at most ten attributes for those that differ.

use crate::backend::Wanted;
use crate::line::{Bias, Direction, Drive, LineConfig};
use gpiocdev_uapi::v2::{self, LineFlags, LineValues};

/// Splits lines into requests: each of one chip, and small enough that whatever its lines are configured to be later
/// fits the ten attributes of uAPI v2 (`GPIO_V2_LINE_NUM_ATTRS_MAX`).
///
/// Of `n` lines, all but those with the flags for all may need flags of their own, one more attribute has the outputs'
/// values, and each debounce period needs one: `(n - 1) + 1 + periods` at the most.
pub(super) fn parts(lines: &[Wanted]) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let fits = |part: &&mut Vec<usize>| {
            let same_chip = lines[part[0]].id.chip == line.id.chip;
            let mut periods: Vec<u64> = part.iter().map(|i| lines[*i].config.debounce_ns).collect();
            periods.push(line.config.debounce_ns);
            periods.sort_unstable();
            periods.dedup();
            let periods = periods.iter().filter(|period| **period > 0).count();
            same_chip && part.len() + 1 + periods <= v2::NUM_ATTRS_MAX
        };
        match parts.iter_mut().find(fits) {
            Some(part) => part.push(i),
            None => parts.push(vec![i]),
        }
    }
    parts
}

/// A configuration of all lines of a request. `as_is` has the lines that are left as they are found.
pub(super) fn uapi(lines: &[LineConfig], as_is: u64) -> v2::LineConfig {
    let mut config = v2::LineConfig::default();
    let mut kinds: Vec<(LineFlags, u64)> = Vec::new();
    let mut periods: Vec<(u32, u64)> = Vec::new();
    let mut values = LineValues::default();
    for (i, line) in lines.iter().enumerate() {
        let left = as_is >> i & 1 == 1;
        add(&mut kinds, if left { polarity(line) } else { flags(line) }, i);
        if line.direction == Direction::Output && !left {
            values.set(i, line.value.is_active());
        }
        // Only a line that is an input by these very words may be debounced.
        if line.debounce_ns > 0 && line.direction == Direction::Input && !left {
            add(&mut periods, micros(line.debounce_ns), i);
        }
    }
    let mut kinds = kinds.into_iter();
    config.flags = kinds.next().map_or_else(LineFlags::default, |(flags, _)| flags);
    for (flags, mask) in kinds {
        config.add_flags(flags, mask);
    }
    for (period, mask) in periods {
        config.add_debounce(period, mask);
    }
    if values.mask != 0 {
        config.add_values(&values);
    }
    config
}

/// The kernel's period is in µs; a shorter one is still no none.
fn micros(ns: u64) -> u32 {
    u32::try_from(ns.div_ceil(1000)).unwrap_or(u32::MAX)
}

fn add<T: PartialEq>(kinds: &mut Vec<(T, u64)>, kind: T, i: usize) {
    match kinds.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, mask)) => *mask |= 1 << i,
        None => kinds.push((kind, 1 << i)),
    }
}

fn polarity(line: &LineConfig) -> LineFlags {
    if line.active_low { LineFlags::ACTIVE_LOW } else { LineFlags::empty() }
}

fn flags(line: &LineConfig) -> LineFlags {
    let direction = match (line.direction, line.drive) {
        (Direction::Input, _) => LineFlags::INPUT,
        (Direction::Output, Drive::PushPull) => LineFlags::OUTPUT,
        (Direction::Output, Drive::OpenDrain) => LineFlags::OUTPUT | LineFlags::OPEN_DRAIN,
        (Direction::Output, Drive::OpenSource) => LineFlags::OUTPUT | LineFlags::OPEN_SOURCE,
    };
    // Of an output too: that is a mistake for the kernel to refuse.
    let edges = match line.edges {
        true => LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING,
        false => LineFlags::empty(),
    };
    let bias = match line.bias {
        None => LineFlags::empty(),
        Some(Bias::Disabled) => LineFlags::BIAS_DISABLED,
        Some(Bias::PullUp) => LineFlags::BIAS_PULL_UP,
        Some(Bias::PullDown) => LineFlags::BIAS_PULL_DOWN,
    };
    polarity(line) | direction | edges | bias
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{LineId, Value};
    use gpiocdev_uapi::v2::LineAttributeValue;
    use proptest::prelude::*;

    fn config() -> impl Strategy<Value = LineConfig> {
        let bias = prop_oneof![
            Just(None),
            Just(Some(Bias::Disabled)),
            Just(Some(Bias::PullUp)),
            Just(Some(Bias::PullDown))
        ];
        let drive = prop_oneof![Just(Drive::PushPull), Just(Drive::OpenDrain), Just(Drive::OpenSource)];
        let debounce = prop_oneof![3 => Just(0u64), 2 => 1u64..5].prop_map(|ms| ms * 1_000_000);
        (any::<[bool; 4]>(), bias, drive, debounce).prop_map(
            |([output, active, active_low, edges], bias, drive, debounce_ns)| LineConfig {
                direction: if output { Direction::Output } else { Direction::Input },
                value: Value::from_bit(active),
                bias,
                drive,
                active_low,
                edges: edges && !output,
                debounce_ns,
            },
        )
    }

    fn wanted(chip: u8, offset: usize, config: LineConfig) -> Wanted {
        let id = LineId { chip, offset: u32::try_from(offset).unwrap() };
        Wanted { id, config, as_found: false, claim: true }
    }

    /// The flags, debounce period and value that the kernel would take for a line.
    fn of_line(config: &v2::LineConfig, i: usize) -> (LineFlags, u32, Option<bool>) {
        let (mut flags, mut period, mut value) = (None, 0, None);
        for attr in &config.attrs.0[..config.num_attrs as usize] {
            if attr.mask >> i & 1 == 0 {
                continue;
            }
            match attr.attr.to_value().unwrap() {
                LineAttributeValue::Flags(own) => flags = flags.or(Some(own)),
                LineAttributeValue::DebouncePeriod(us) => period = us,
                LineAttributeValue::Values(bits) => value = Some(bits >> i & 1 == 1),
            }
        }
        (flags.unwrap_or(config.flags), period, value)
    }

    proptest! {
        #[test]
        fn every_line_is_in_one_part_whose_lines_fit_whatever_they_become(
            lines in prop::collection::vec((0u8..3, config(), config()), 0..64),
        ) {
            let asked: Vec<Wanted> =
                lines.iter().enumerate().map(|(i, (chip, now, _))| wanted(*chip, i, *now)).collect();
            let parts = parts(&asked);
            let mut all: Vec<usize> = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lines.len()).collect::<Vec<_>>());
            for part in parts {
                prop_assert!(part.iter().all(|i| asked[*i].id.chip == asked[part[0]].id.chip));
                // A line that becomes something else keeps its debounce period, for when it is an input.
                let later: Vec<LineConfig> = part
                    .iter()
                    .map(|i| {
                        let (_, now, later) = lines[*i];
                        LineConfig { debounce_ns: now.debounce_ns, ..later }
                    })
                    .collect();
                let now = part.iter().map(|i| asked[*i].config).collect();
                let all = if part.len() == 64 { u64::MAX } else { (1 << part.len()) - 1 };
                for (configs, as_found) in [(now, 0), (later.clone(), 0), (later, all)] {
                    let configs: Vec<LineConfig> = configs;
                    let made = uapi(&configs, as_found);
                    for (i, config) in configs.iter().enumerate() {
                        let left = as_found >> i & 1 == 1;
                        let output = config.direction == Direction::Output && !left;
                        let input = config.direction == Direction::Input && !left;
                        let expected = (
                            if left { polarity(config) } else { flags(config) },
                            if input { micros(config.debounce_ns) } else { 0 },
                            output.then_some(config.value.is_active()),
                        );
                        let (got, period, value) = of_line(&made, i);
                        prop_assert_eq!((got, period, value.filter(|_| output)), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn a_line_that_is_left_as_it_is_has_no_direction() {
        let output = LineConfig {
            direction: Direction::Output,
            value: Value::Active,
            bias: None,
            drive: Drive::OpenDrain,
            active_low: true,
            edges: false,
            debounce_ns: 0,
        };
        let made = uapi(&[output, output], 0b01);
        assert_eq!(of_line(&made, 0), (LineFlags::ACTIVE_LOW, 0, None));
        assert_eq!(of_line(&made, 1), (flags(&output), 0, Some(true)));
    }

    #[test]
    fn a_period_is_rounded_up_and_never_to_none() {
        assert_eq!([0, 1, 1000, 1001].map(micros), [0, 1, 1, 2]);
    }
}
