//! One reading: what the steps of the program tell about the light, and how that is written down.
//!
//! The circuit is a photoresistor that charges a capacitor. The program empties the capacitor by driving the line
//! low, lets go, and waits until the line has risen to the level that counts as high: the darker, the longer.

use gpiod_sdk::{Edge, Program, StepOutcome, StepResult, Value};
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

/// How long the line is driven low: 0.1 s empties 1 µF through any resistor that does not harm the line.
pub(crate) const DISCHARGE: Duration = Duration::from_millis(100);

/// The program's steps, by their position.
const LISTEN: usize = 2;
const RISE: usize = 3;

/// The program of one reading on a line.
pub(crate) fn program(line: &str, timeout: Duration) -> Program {
    Program::new().drive([(line, Value::Inactive)]).wait(DISCHARGE).listen(line).wait_edge(
        line,
        Edge::Rising,
        timeout,
    )
}

/// One reading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// When it ended, on the wall clock.
    pub(crate) time: SystemTime,
    /// What it found.
    pub(crate) outcome: Outcome,
}

/// What a reading found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The line rose.
    Charged {
        /// From letting go to the edge. Larger is darker.
        charge: Duration,
        /// The true time is at most this far away.
        uncertainty: Duration,
        /// Edges that the kernel lost meanwhile. Above 0 the first edge may be among them, and the true time shorter.
        lost_edges: u64,
    },
    /// The line did not rise in time.
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
        /// Whether the line is high all the same, which no capacitor explains.
        high: bool,
    },
}

impl Outcome {
    /// What the program's steps say; `None` where they are not the steps of [`program`].
    ///
    /// `high` is the line's value at the end.
    pub(crate) fn from_steps(steps: &[StepResult], lost_edges: u64, high: bool) -> Option<Self> {
        let (listen, rise) = (steps.get(LISTEN)?, steps.get(RISE)?);
        // An edge may be stamped a moment before the step that let the line go was seen to be done: that is no
        // time at all, within the uncertainty.
        let time = Duration::from_nanos(rise.timestamp_ns.saturating_sub(listen.timestamp_ns));
        Some(match rise.outcome {
            StepOutcome::Done => Self::Charged {
                charge: time,
                uncertainty: Duration::from_nanos(listen.uncertainty_ns.saturating_add(rise.uncertainty_ns)),
                lost_edges,
            },
            StepOutcome::TimedOut => Self::TimedOut { waited: time, high },
        })
    }

    /// One word for programs: `ok`, `uncertain` or `timeout`.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Charged { lost_edges: 0, .. } => "ok",
            Self::Charged { .. } => "uncertain",
            Self::TimedOut { .. } => "timeout",
        }
    }
}

/// For people: the charge time in whole µs, or words.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Charged { charge, lost_edges, .. } => {
                let rounded = nanoseconds(charge).saturating_add(500) / 1000;
                match lost_edges {
                    0 => write!(f, "{rounded}"),
                    lost => write!(f, "{rounded} or less: the kernel lost {lost} edges"),
                }
            }
            Self::TimedOut { waited, high: false } => {
                write!(f, "dark or disconnected: not charged within {} ms", milliseconds(waited))
            }
            Self::TimedOut { waited, high: true } => {
                write!(f, "always high, so no capacitor: no edge within {} ms", milliseconds(waited))
            }
        }
    }
}

impl Reading {
    /// For programs: one JSON object in one line, without the line's end.
    pub(crate) fn to_json(&self) -> String {
        let time = humantime::format_rfc3339_millis(self.time);
        let mut json = format!(r#"{{"time":"{time}","status":"{}""#, self.outcome.status());
        // Numbers and fixed words need no escaping, and writing to a string can not fail.
        let _ = match self.outcome {
            Outcome::Charged { charge, uncertainty, lost_edges } => write!(
                json,
                r#","charge_us":{},"uncertainty_us":{},"lost_edges":{lost_edges}}}"#,
                Microseconds(charge),
                Microseconds(uncertainty)
            ),
            Outcome::TimedOut { waited, high } => {
                let cause = if high { "always high" } else { "dark or disconnected" };
                let waited = Microseconds(waited);
                write!(json, r#","charge_us":null,"waited_us":{waited},"cause":"{cause}"}}"#)
            }
        };
        json
    }
}

/// A duration in ns. Text of numbers of 128 bits, which a duration itself gives, would be a kilobyte of the image.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A duration in whole ms.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in µs with three decimals, which is all that there is.
struct Microseconds(Duration);

impl fmt::Display for Microseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = nanoseconds(self.0);
        write!(f, "{}.{:03}", ns / 1000, ns % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(timestamp_ns: u64, uncertainty_ns: u64) -> StepResult {
        StepResult { outcome: StepOutcome::Done, timestamp_ns, uncertainty_ns, edges: vec![] }
    }

    fn steps(listen: StepResult, rise: StepResult) -> Vec<StepResult> {
        vec![step(1, 0), step(2, 0), listen, rise]
    }

    fn charged(us: u64, lost_edges: u64) -> Outcome {
        Outcome::Charged {
            charge: Duration::from_micros(us),
            uncertainty: Duration::from_nanos(1500),
            lost_edges,
        }
    }

    #[test]
    fn the_charge_time_runs_from_letting_go_to_the_edge() {
        let outcome = Outcome::from_steps(&steps(step(100_000, 2000), step(8_223_456, 500)), 0, true);
        let charge = Duration::from_nanos(8_123_456);
        let uncertainty = Duration::from_nanos(2500);
        assert_eq!(outcome, Some(Outcome::Charged { charge, uncertainty, lost_edges: 0 }));
    }

    #[test]
    fn an_edge_stamped_before_letting_go_is_no_time_at_all() {
        let outcome = Outcome::from_steps(&steps(step(500, 100), step(450, 0)), 0, true).unwrap();
        assert_eq!(outcome.to_string(), "0");
    }

    #[test]
    fn a_time_out_says_dark_or_disconnected() {
        let late = StepResult { outcome: StepOutcome::TimedOut, ..step(2_000_100_000, 0) };
        let outcome = Outcome::from_steps(&steps(step(100_000, 0), late.clone()), 0, false).unwrap();
        assert_eq!(outcome.to_string(), "dark or disconnected: not charged within 2000 ms");
        let high = Outcome::from_steps(&steps(step(100_000, 0), late), 0, true).unwrap();
        assert_eq!(high.to_string(), "always high, so no capacitor: no edge within 2000 ms");
        assert_eq!((outcome.status(), high.status()), ("timeout", "timeout"));
    }

    #[test]
    fn a_lost_edge_makes_a_reading_uncertain() {
        assert_eq!(charged(70, 2).to_string(), "70 or less: the kernel lost 2 edges");
        assert_eq!(charged(70, 2).status(), "uncertain");
        assert_eq!(charged(70, 0).status(), "ok");
    }

    #[test]
    fn steps_of_another_program_are_no_reading() {
        assert_eq!(Outcome::from_steps(&[], 0, false), None);
        assert_eq!(Outcome::from_steps(&[step(1, 0), step(2, 0), step(3, 0)], 0, false), None);
    }

    #[test]
    fn json_has_the_time_of_day_and_all_numbers() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_250);
        let json = Reading { time, outcome: charged(8123, 0) }.to_json();
        assert_eq!(
            json,
            r#"{"time":"2026-11-18T11:06:40.250Z","status":"ok","charge_us":8123.000,"uncertainty_us":1.500,"lost_edges":0}"#
        );
        let outcome = Outcome::TimedOut { waited: Duration::from_secs(2), high: false };
        let json = Reading { time, outcome }.to_json();
        assert!(
            json.contains(r#""charge_us":null,"waited_us":2000000.000,"cause":"dark or disconnected""#),
            "{json}"
        );
    }

    proptest! {
        #[test]
        fn every_reading_is_one_line_of_json_that_says_the_same(
            listen_ns in any::<u64>(),
            rise_ns in any::<u64>(),
            uncertainties in any::<(u64, u64)>(),
            lost_edges in any::<u64>(),
            (timed_out, high) in any::<(bool, bool)>(),
        ) {
            let outcome = if timed_out { StepOutcome::TimedOut } else { StepOutcome::Done };
            let rise = StepResult { outcome, ..step(rise_ns, uncertainties.1) };
            let outcome = Outcome::from_steps(&steps(step(listen_ns, uncertainties.0), rise), lost_edges, high).unwrap();
            let json = Reading { time: SystemTime::UNIX_EPOCH, outcome }.to_json();
            prop_assert!(!json.contains('\n'));
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read["charge_us"].is_null(), timed_out);
            if let Some(us) = read["charge_us"].as_f64() {
                let ns = Duration::from_nanos(rise_ns.saturating_sub(listen_ns));
                prop_assert!((us - ns.as_secs_f64() * 1e6).abs() <= us * 1e-9);
            }
        }
    }
}
