//! Checking a program: the direction of every line is followed through all steps before the first one is done.

use super::{MAX_CAPTURE, Step};
use crate::config::{Kind, Limits};
use crate::line::{Direction, known_mask};

/// A line as a program finds it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What the session may do with it.
    pub kind: Kind,
    /// Which way it goes now.
    pub now: Direction,
}

/// Why a program can not be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It can not be done: what is wrong, with the step that it is in, from 0.
    Wrong(String),
    /// It asks for more than one of the limits allows.
    Beyond {
        /// The limit's key in the configuration.
        limit: &'static str,
        /// Its value.
        max: u32,
    },
}

/// Checks a whole program against the limits and the lines it would run on. `name` is what the client calls a line,
/// by its position.
///
/// # Errors
/// The first [`Mistake`].
pub fn check<'a>(
    steps: &[Step],
    lines: &[Shape],
    name: impl Fn(usize) -> &'a str,
    limits: &Limits,
) -> Result<(), Mistake> {
    let first = |mask: u64| (mask != 0).then(|| name(mask.trailing_zeros() as usize));
    let inside = |mask: u64, bits: u64| match bits & !mask {
        0 => Ok(()),
        outside => Err(match first(outside & known_mask(lines.len())) {
            Some(line) => format!("bits names line {line:?}, which is not in the mask"),
            None => format!("bits names line {}, which is not in the mask", outside.trailing_zeros()),
        }),
    };
    if steps.is_empty() {
        return Err(Mistake::Wrong("the program has no steps".to_owned()));
    }
    let within = |good: bool, limit, max| if good { Ok(()) } else { Err(Mistake::Beyond { limit, max }) };
    let most = limits.program_steps;
    within(steps.len() <= most as usize, "limits.program_steps", most)?;
    let known = known_mask(lines.len());
    let mut outputs = positions(lines, |shape| shape.now == Direction::Output);
    let both = positions(lines, |shape| matches!(shape.kind, Kind::Both(_)));
    let (mut total_ns, mut edges): (u64, u32) = (0, 0);
    for (index, step) in steps.iter().enumerate() {
        let mistake = |reason: String| Mistake::Wrong(format!("step {index}: {reason}"));
        if !matches!(step, Step::Wait { .. }) && step.mask() == 0 {
            return Err(mistake("the mask names no line".to_owned()));
        }
        if step.mask() & !known != 0 {
            let (named, last) = (highest(step.mask()), lines.len().saturating_sub(1));
            return Err(mistake(format!("the mask names line {named}, the last one is {last}")));
        }
        match *step {
            Step::Set { mask, bits } => {
                inside(mask, bits).map_err(mistake)?;
                if let Some(line) = first(mask & !outputs) {
                    return Err(mistake(format!(
                        "line {line:?} is an input at this point, it can not be set"
                    )));
                }
            }
            Step::Direction { mask, direction, bits } => {
                inside(mask, bits).map_err(mistake)?;
                if let Some(line) = first(mask & !both) {
                    return Err(mistake(format!(
                        "line {line:?} is not held as \"both\", its direction is fixed"
                    )));
                }
                match direction {
                    Direction::Output => outputs |= mask,
                    Direction::Input if bits != 0 => {
                        return Err(mistake("bits are for lines that become outputs".to_owned()));
                    }
                    Direction::Input => outputs &= !mask,
                }
            }
            Step::Edge { mask, .. } | Step::Capture { mask, .. } => {
                if let Some(line) = first(mask & outputs) {
                    return Err(mistake(format!(
                        "line {line:?} is an output at this point, it has no edges"
                    )));
                }
            }
            Step::Wait { .. } => {}
        }
        if let Step::Capture { count, .. } = step {
            if !(1..=MAX_CAPTURE).contains(count) {
                return Err(mistake(format!("a capture takes 1 to {MAX_CAPTURE} edges, not {count}")));
            }
            edges = edges.saturating_add(*count);
            within(edges <= limits.program_edges, "limits.program_edges", limits.program_edges)?;
        }
        total_ns = total_ns.saturating_add(step.longest_ns());
        within(total_ns <= limits.program_ns(), "limits.program_ms", limits.program_ms)?;
    }
    Ok(())
}

fn positions(lines: &[Shape], which: impl Fn(&Shape) -> bool) -> u64 {
    lines.iter().enumerate().filter(|(_, shape)| which(shape)).fold(0, |mask, (i, _)| mask | 1 << i)
}

fn highest(mask: u64) -> u32 {
    63 - mask.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AtStart, Driven, OnRelease};
    use crate::line::Drive;
    use crate::watch::EdgeFilter;
    use proptest::prelude::*;

    fn lines() -> [Shape; 3] {
        let driven = Driven {
            drive: Drive::PushPull,
            at_start: AtStart::Input,
            on_release: OnRelease::Input,
            on_daemon_exit: None,
            one_shot: false,
        };
        [
            Shape { kind: Kind::Output(driven), now: Direction::Output },
            Shape { kind: Kind::Both(driven), now: Direction::Input },
            Shape { kind: Kind::Input, now: Direction::Input },
        ]
    }

    fn checked(steps: &[Step]) -> Result<(), Mistake> {
        check(steps, &lines(), |line| ["out", "both", "in"][line], &Limits::default())
    }

    fn reason(steps: &[Step]) -> String {
        match checked(steps).unwrap_err() {
            Mistake::Wrong(reason) => reason,
            Mistake::Beyond { limit, max } => format!("{limit} {max}"),
        }
    }

    #[test]
    fn a_sensor_may_be_driven_and_then_listened_to() {
        let steps = [
            Step::Direction { mask: 2, direction: Direction::Output, bits: 0 },
            Step::Wait { duration_ns: 100_000_000 },
            Step::Direction { mask: 2, direction: Direction::Input, bits: 0 },
            Step::Edge { mask: 2, filter: EdgeFilter::Rising, timeout_ns: 2_000_000_000 },
        ];
        assert_eq!(checked(&steps), Ok(()));
    }

    #[test]
    fn what_can_not_be_done_is_told_with_its_step() {
        let wait = Step::Wait { duration_ns: 1 };
        let edge = |mask| Step::Edge { mask, filter: EdgeFilter::Both, timeout_ns: 1 };
        assert_eq!(reason(&[]), "the program has no steps");
        assert_eq!(reason(&[wait, edge(0)]), "step 1: the mask names no line");
        assert_eq!(reason(&[edge(1)]), "step 0: line \"out\" is an output at this point, it has no edges");
        assert_eq!(reason(&[edge(1 << 63)]), "step 0: the mask names line 63, the last one is 2");
        assert_eq!(
            reason(&[Step::Set { mask: 2, bits: 0 }]),
            "step 0: line \"both\" is an input at this point, it can not be set"
        );
        assert_eq!(
            reason(&[Step::Set { mask: 1, bits: 2 }]),
            "step 0: bits names line \"both\", which is not in the mask"
        );
        assert_eq!(
            reason(&[Step::Set { mask: 1, bits: 8 }]),
            "step 0: bits names line 3, which is not in the mask"
        );
        assert_eq!(
            reason(&[Step::Direction { mask: 1, direction: Direction::Input, bits: 0 }]),
            "step 0: line \"out\" is not held as \"both\", its direction is fixed"
        );
        assert_eq!(
            reason(&[wait, Step::Direction { mask: 2, direction: Direction::Input, bits: 2 }]),
            "step 1: bits are for lines that become outputs"
        );
        let capture = Step::Capture { mask: 4, filter: EdgeFilter::Both, count: 1025, timeout_ns: 1 };
        assert_eq!(reason(&[capture]), "step 0: a capture takes 1 to 1024 edges, not 1025");
    }

    #[test]
    fn what_is_beyond_a_limit_is_told_by_its_key() {
        let wait = Step::Wait { duration_ns: 1 };
        assert_eq!(reason(&[wait; 257]), "limits.program_steps 256");
        let long = Step::Wait { duration_ns: u64::MAX };
        assert_eq!(reason(&[long, long]), "limits.program_ms 10000");
        let capture = Step::Capture { mask: 4, filter: EdgeFilter::Both, count: 1024, timeout_ns: 1 };
        assert_eq!(reason(&[capture; 5]), "limits.program_edges 400");
    }

    proptest! {
        #[test]
        fn no_program_makes_the_check_overflow(masks in prop::collection::vec(any::<(u64, u64, u8)>(), 1..20)) {
            let steps: Vec<Step> = masks.into_iter().map(|(mask, value, kind)| match kind % 5 {
                0 => Step::Set { mask, bits: value },
                1 => Step::Direction { mask, direction: Direction::Output, bits: value },
                2 => Step::Wait { duration_ns: value },
                3 => Step::Edge { mask, filter: EdgeFilter::Both, timeout_ns: value },
                _ => Step::Capture { mask, filter: EdgeFilter::Both, count: kind.into(), timeout_ns: value },
            }).collect();
            let _ = checked(&steps);
        }
    }
}
