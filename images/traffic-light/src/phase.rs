//! The cycle of the light: which lights are on at a moment, and until when.
//!
//! Pure: a moment is the time since the start, and nothing is added up from phase to phase, so that late timers
//! and slow writes shift nothing that comes after them.

use std::fmt;
use std::time::Duration;

/// One cycle at speed 1.
pub(crate) const CYCLE: Duration = Duration::from_secs(11);

/// What the light shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Red,
    RedYellow,
    Green,
    Yellow,
}

/// Which lights are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lights {
    pub(crate) red: bool,
    pub(crate) yellow: bool,
    pub(crate) green: bool,
}

impl Phase {
    /// All phases in their order, each with its end, counted from the beginning of the cycle at speed 1.
    pub(crate) const ENDS: [(Self, Duration); 4] = [
        (Self::Red, Duration::from_secs(3)),
        (Self::RedYellow, Duration::from_secs(4)),
        (Self::Green, Duration::from_secs(9)),
        (Self::Yellow, CYCLE),
    ];

    /// The lights of this phase.
    pub(crate) fn lights(self) -> Lights {
        let (red, yellow, green) = match self {
            Self::Red => (true, false, false),
            Self::RedYellow => (true, true, false),
            Self::Green => (false, false, true),
            Self::Yellow => (false, true, false),
        };
        Lights { red, yellow, green }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Red => "red",
            Self::RedYellow => "red+yellow",
            Self::Green => "green",
            Self::Yellow => "yellow",
        })
    }
}

/// How many times faster than the table the light runs: 0.1 to 1000, in thousandths, so that arithmetic is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Speed {
    thousandths: u32,
}

impl Speed {
    /// As the table says.
    pub(crate) const NORMAL: Self = Self { thousandths: 1000 };

    /// The speed that a text such as `2` or `0.5` names; `None` for anything but 0.1 to 1000 with at most three
    /// decimals.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
            return None;
        }
        let thousandths =
            whole.parse::<u32>().ok()?.checked_mul(1000)? + format!("{decimals:0<3}").parse::<u32>().ok()?;
        (100..=1_000_000).contains(&thousandths).then_some(Self { thousandths })
    }
}

/// What is shown at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The phase.
    pub(crate) phase: Phase,
    /// When the next phase begins, since the start; always later than the moment asked for.
    pub(crate) until: Duration,
}

/// The phase at the time `elapsed` since the start, red first.
pub(crate) fn at(speed: Speed, elapsed: Duration) -> Moment {
    // The moment on the table's own clock, where each phase has a round end; whole numbers, so nothing drifts.
    let now = elapsed.as_nanos() * u128::from(speed.thousandths) / 1000;
    let within = now % CYCLE.as_nanos();
    // The last end is that of the cycle, so there always is one.
    let [.., last] = Phase::ENDS;
    let (phase, end) = Phase::ENDS.into_iter().find(|(_, end)| within < end.as_nanos()).unwrap_or(last);
    // Rounded up, so that at `until` the next phase has begun.
    let until = ((now - within + end.as_nanos()) * 1000).div_ceil(u128::from(speed.thousandths));
    Moment { phase, until: nanoseconds(until) }
}

/// A duration of that many ns; the longest there is here, 584 years, where they are more.
fn nanoseconds(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORDER: [Phase; 4] = [Phase::Red, Phase::RedYellow, Phase::Green, Phase::Yellow];

    #[test]
    fn the_table_is_followed_for_a_cycle_and_into_the_next() {
        let table =
            [(0, Phase::Red), (3, Phase::RedYellow), (4, Phase::Green), (9, Phase::Yellow), (11, Phase::Red)];
        for (second, phase) in table {
            let begin = Duration::from_secs(second);
            assert_eq!(at(Speed::NORMAL, begin).phase, phase, "at {second} s");
            if let Some(before) = begin.checked_sub(Duration::from_nanos(1)) {
                assert_eq!(at(Speed::NORMAL, before).until, begin);
                assert_ne!(at(Speed::NORMAL, before).phase, phase, "just before {second} s");
            }
        }
    }

    #[test]
    fn the_lights_are_those_of_a_traffic_light() {
        let lit = |phase: Phase| {
            let Lights { red, yellow, green } = phase.lights();
            [red, yellow, green]
        };
        assert_eq!(
            ORDER.map(lit),
            [[true, false, false], [true, true, false], [false, false, true], [false, true, false]]
        );
    }

    #[test]
    fn a_year_later_a_cycle_still_begins_on_the_nanosecond() {
        let cycles = 3_000_000;
        let begin = CYCLE * cycles;
        assert_eq!(at(Speed::NORMAL, begin).phase, Phase::Red);
        assert_eq!(at(Speed::NORMAL, begin - Duration::from_nanos(1)).phase, Phase::Yellow);
    }

    #[test]
    fn a_speed_is_a_number_from_a_tenth_to_a_thousand() {
        for (text, thousandths) in
            [("1", 1000), ("0.1", 100), ("1000", 1_000_000), ("2.5", 2500), ("7.125", 7125)]
        {
            assert_eq!(Speed::parse(text), Some(Speed { thousandths }), "{text}");
        }
        let wrong = [
            "",
            "0",
            "0.09",
            "1000.001",
            "-1",
            "+1",
            "1e2",
            "nan",
            "inf",
            ".5",
            "5.",
            "1.2345",
            "99999999999",
        ];
        for text in wrong {
            assert_eq!(Speed::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_phase_is_skipped_and_none_is_repeated(thousandths in 100_u32..=1_000_000, first_ns in 0..u64::MAX / 2) {
            let speed = Speed { thousandths };
            let mut now = at(speed, Duration::from_nanos(first_ns));
            for _ in 0..9 {
                let next = at(speed, now.until);
                let place = |phase| ORDER.iter().position(|other| *other == phase).unwrap();
                prop_assert_eq!(place(next.phase), (place(now.phase) + 1) % 4);
                now = next;
            }
        }

        #[test]
        fn the_end_of_a_phase_is_later_than_now_and_not_a_nanosecond_too_late(
            thousandths in 100_u32..=1_000_000,
            elapsed_ns in 0..u64::MAX / 2,
        ) {
            let speed = Speed { thousandths };
            let elapsed = Duration::from_nanos(elapsed_ns);
            let moment = at(speed, elapsed);
            prop_assert!(moment.until > elapsed);
            prop_assert_eq!(at(speed, moment.until - Duration::from_nanos(1)).phase, moment.phase);
        }

        #[test]
        fn no_conflicting_lights_are_ever_on(elapsed_ns in any::<u64>()) {
            let lights = at(Speed::NORMAL, Duration::from_nanos(elapsed_ns)).phase.lights();
            prop_assert!(!(lights.green && (lights.red || lights.yellow)));
            prop_assert!(lights.red || lights.yellow || lights.green);
        }

        #[test]
        fn a_whole_cycle_at_any_speed_takes_eleven_seconds_by_the_speed(thousandths in 100_u32..=1_000_000) {
            let cycle = Duration::from_secs(11).as_nanos() * 1000 / u128::from(thousandths);
            let yellow_ends = at(Speed { thousandths }, Duration::from_nanos(u64::try_from(cycle).unwrap() - 1)).until;
            prop_assert!(yellow_ends.as_nanos().abs_diff(cycle) <= 1);
        }
    }
}
