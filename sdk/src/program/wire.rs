//! Programs, to the API's messages, and their results back.

use crate::error::Error;
use crate::line::positions::Positions;
use crate::program::{Program, ProgramResult, Step, StepOutcome, StepResult};
use crate::values::{Names, Values};
use crate::watch::wire::edge_event;
use gpiod_proto::v1;
use gpiod_proto::v1::step::Step as Message;
use std::time::Duration;

impl Program {
    /// The program with positions for lines.
    pub(crate) fn to_wire(&self, lines: &Positions) -> Result<v1::Program, Error> {
        let steps = self.steps.iter().enumerate();
        let steps = steps.map(|(i, step)| {
            let step = step.to_wire(lines, i)?;
            Ok(v1::Step { step: Some(step) })
        });
        Ok(v1::Program { steps: steps.collect::<Result<_, Error>>()? })
    }
}

impl Step {
    fn to_wire(&self, lines: &Positions, i: usize) -> Result<Message, Error> {
        Ok(match self {
            Self::Set(values) => {
                let (mask, bits) = lines.mask_and_bits(values)?;
                Message::Set(v1::SetStep { mask, bits })
            }
            Self::Drive(values) => {
                let (mask, bits) = lines.mask_and_bits(values)?;
                let direction = v1::Direction::Output.into();
                Message::Direction(v1::DirectionStep { mask, direction, bits })
            }
            Self::Listen(listened) => {
                let direction = v1::Direction::Input.into();
                Message::Direction(v1::DirectionStep { mask: lines.mask(listened)?, direction, bits: 0 })
            }
            Self::Wait(duration) => Message::Wait(v1::WaitStep { duration_ns: nanos(*duration, i)? }),
            Self::Edge { lines: awaited, edge, timeout } => Message::Edge(v1::EdgeStep {
                mask: lines.mask(awaited)?,
                edge: v1::Edge::from(*edge).into(),
                timeout_ns: nanos(*timeout, i)?,
            }),
            Self::Capture { lines: captured, edge, count, timeout } => Message::Capture(v1::CaptureStep {
                mask: lines.mask(captured)?,
                edge: v1::Edge::from(*edge).into(),
                count: *count,
                timeout_ns: nanos(*timeout, i)?,
            }),
        })
    }
}

fn nanos(duration: Duration, step: usize) -> Result<u64, Error> {
    u64::try_from(duration.as_nanos()).map_err(|_| {
        Error::invalid(format!("step {step}, counted from 0: {duration:?} is more ns than 64 bits hold"))
    })
}

impl ProgramResult {
    /// The result of a program on the named lines.
    pub(crate) fn from_wire(result: v1::ProgramResult, lines: &Positions) -> Result<Self, Error> {
        let Some(values) = result.values else {
            return Err(Error::protocol("a program's result without values"));
        };
        let steps = result.steps.iter().map(|step| StepResult::from_wire(step, lines.names()));
        Ok(Self {
            steps: steps.collect::<Result<_, _>>()?,
            values: Values::new(lines.names().clone(), lines.all(), values.bits, values.timestamp_ns),
            lost_edges: result.lost_edges,
        })
    }
}

impl StepResult {
    fn from_wire(step: &v1::StepResult, names: &Names) -> Result<Self, Error> {
        let outcome = match step.outcome() {
            v1::StepOutcome::Done => StepOutcome::Done,
            v1::StepOutcome::TimedOut => StepOutcome::TimedOut,
            v1::StepOutcome::Unspecified => return Err(Error::protocol("a step without an outcome")),
        };
        let edges = step.edges.iter().map(|event| edge_event(names, event, 0));
        Ok(Self {
            outcome,
            timestamp_ns: step.timestamp_ns,
            uncertainty_ns: step.uncertainty_ns,
            edges: edges.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Edge, Value};

    fn lines() -> Positions {
        Positions::new(["trigger", "echo"], None).unwrap()
    }

    #[test]
    fn every_step_becomes_its_message() {
        let program = Program::new()
            .set([("trigger", Value::Active)])
            .drive([("echo", Value::Inactive)])
            .listen("echo")
            .wait(Duration::from_micros(10))
            .wait_edge("echo", Edge::Rising, Duration::from_millis(1))
            .capture(["echo", "trigger"], Edge::Both, 40, Duration::from_millis(5));
        let steps: Vec<Message> =
            program.to_wire(&lines()).unwrap().steps.into_iter().map(|step| step.step.unwrap()).collect();
        let (input, output) = (v1::Direction::Input.into(), v1::Direction::Output.into());
        let (rising, both) = (v1::Edge::Rising.into(), v1::Edge::Both.into());
        let expected = [
            Message::Set(v1::SetStep { mask: 1, bits: 1 }),
            Message::Direction(v1::DirectionStep { mask: 2, direction: output, bits: 0 }),
            Message::Direction(v1::DirectionStep { mask: 2, direction: input, bits: 0 }),
            Message::Wait(v1::WaitStep { duration_ns: 10_000 }),
            Message::Edge(v1::EdgeStep { mask: 2, edge: rising, timeout_ns: 1_000_000 }),
            Message::Capture(v1::CaptureStep { mask: 3, edge: both, count: 40, timeout_ns: 5_000_000 }),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn a_duration_beyond_64_bits_of_ns_is_refused_and_not_cut_off() {
        let longest = Duration::from_nanos(u64::MAX);
        Program::new().wait(longest).to_wire(&lines()).unwrap();
        let longer = longest + Duration::from_nanos(1);
        for program in [
            Program::new().wait(longer),
            Program::new().wait_edge("echo", Edge::Both, longer),
            Program::new().capture("echo", Edge::Both, 1, Duration::MAX),
        ] {
            assert!(matches!(program.to_wire(&lines()), Err(Error::Invalid { .. })));
        }
    }

    #[test]
    fn the_time_between_two_steps_is_that_of_their_effects() {
        let step = |timestamp_ns, outcome: v1::StepOutcome| v1::StepResult {
            outcome: outcome.into(),
            timestamp_ns,
            ..Default::default()
        };
        let result = v1::ProgramResult {
            steps: vec![step(1_000, v1::StepOutcome::Done), step(9_000, v1::StepOutcome::TimedOut)],
            values: Some(v1::Values { bits: 0b10, timestamp_ns: 9_500 }),
            lost_edges: 0,
        };
        let result = ProgramResult::from_wire(result, &lines()).unwrap();
        assert_eq!(result.between(0, 1), Some(Duration::from_nanos(8_000)));
        assert_eq!((result.between(1, 0), result.between(0, 2)), (None, None));
        assert_eq!(result.timed_out(), Some(1));
        assert_eq!(result.values.get("echo"), Some(Value::Active));
    }
}
