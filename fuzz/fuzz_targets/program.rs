//! The check of programs: it never panics, and what it lets through keeps the limits and drives no input.
#![no_main]

use arbitrary::Arbitrary;
use gpiod::config::{AtStart, Driven, Kind, Limits, OnRelease};
use gpiod::line::{Direction, Drive};
use gpiod::program::{Shape, Step, check};
use gpiod::watch::EdgeFilter;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    steps: Vec<Raw>,
    /// Of each line: whether it is an input, an output or both, and whether it is driven now.
    lines: Vec<(u8, bool)>,
    most_steps: u32,
    most_ms: u32,
}

#[derive(Arbitrary, Debug)]
enum Raw {
    Set { mask: u64, bits: u64 },
    Turn { mask: u64, output: bool, bits: u64 },
    Wait { ns: u64 },
    Edge { mask: u64, filter: u8, ns: u64 },
    Capture { mask: u64, filter: u8, count: u32, ns: u64 },
}

fn filter(number: u8) -> EdgeFilter {
    [EdgeFilter::Rising, EdgeFilter::Falling, EdgeFilter::Both][usize::from(number % 3)]
}

impl Raw {
    fn step(&self) -> Step {
        match *self {
            Self::Set { mask, bits } => Step::Set { mask, bits },
            Self::Turn { mask, output, bits } => {
                let direction = if output { Direction::Output } else { Direction::Input };
                Step::Direction { mask, direction, bits }
            }
            Self::Wait { ns } => Step::Wait { duration_ns: ns },
            Self::Edge { mask, filter: number, ns } => {
                Step::Edge { mask, filter: filter(number), timeout_ns: ns }
            }
            Self::Capture { mask, filter: number, count, ns } => {
                Step::Capture { mask, filter: filter(number), count, timeout_ns: ns }
            }
        }
    }
}

fn shape((way, driven): (u8, bool)) -> Shape {
    let how = Driven {
        drive: Drive::PushPull,
        at_start: AtStart::Inactive,
        on_release: OnRelease::Keep,
        on_daemon_exit: None,
        one_shot: false,
    };
    let kind = [Kind::Input, Kind::Output(how), Kind::Both(how)][usize::from(way % 3)];
    let now = if driven && kind != Kind::Input { Direction::Output } else { Direction::Input };
    Shape { kind, now }
}

fuzz_target!(|input: Input| {
    let steps: Vec<Step> = input.steps.iter().map(Raw::step).collect();
    let lines: Vec<Shape> = input.lines.iter().take(64).copied().map(shape).collect();
    let limits = Limits {
        program_steps: 1 + input.most_steps % 4096,
        program_ms: 1 + input.most_ms % 600_000,
        ..Limits::default()
    };
    if check(&steps, &lines, |_| "line", &limits).is_err() {
        return;
    }
    assert!(!steps.is_empty() && steps.len() <= limits.program_steps as usize);
    let mut outputs: Vec<bool> = lines.iter().map(|line| line.now == Direction::Output).collect();
    let mut longest_ns: u128 = 0;
    let of = |mask: u64| (0..64).filter(move |i| mask >> i & 1 == 1);
    for step in steps {
        match step {
            Step::Set { mask, bits } => assert!(bits & !mask == 0 && of(mask).all(|i| outputs[i])),
            Step::Direction { mask, direction, .. } => {
                for i in of(mask) {
                    assert!(matches!(lines[i].kind, Kind::Both(_)));
                    outputs[i] = direction == Direction::Output;
                }
            }
            Step::Wait { duration_ns } => longest_ns += u128::from(duration_ns),
            Step::Edge { mask, timeout_ns, .. } | Step::Capture { mask, timeout_ns, .. } => {
                assert!(of(mask).all(|i| !outputs[i]));
                longest_ns += u128::from(timeout_ns);
            }
        }
    }
    assert!(longest_ns <= u128::from(limits.program_ns()));
});
