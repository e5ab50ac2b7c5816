//! The light sensor, followed and judged: what the app says it measured beside what physics says of the board.
//!
//! The board tells what the charge time would be in the light of the moment. The light changes while the capacitor
//! charges, so a reading is held against the middle of its charge, found in the board's record.

use gpiod::board::Line;
use gpiod::board::record::{Cause, Change, Entry};
use gpiod::line::Direction;
use serde::Deserialize;
use std::collections::VecDeque;

/// BCM number of the sensor's line, as gpiod.toml wires it.
const WIRING: u32 = 4;
/// How far a reading may be off: the larger of these. The second is what an output's own resistance leaves in the
/// capacitor, and more.
const TOLERANCE: (f64, f64) = (0.02, 100.0);
/// How many moments of the light, charges and readings are remembered: many times what one reading needs.
const KEPT: usize = 256;

/// What the app prints.
#[derive(Debug, Deserialize)]
struct Printed {
    status: String,
    charge_us: Option<f64>,
}

/// A reading and what it should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// When the capacitor had charged: CLOCK_MONOTONIC, ns.
    pub(crate) time_ns: u64,
    /// The app's word, µs.
    pub(crate) measured_us: f64,
    /// Physics' word, µs.
    pub(crate) expected_us: f64,
}

impl Reading {
    fn error_us(&self) -> f64 {
        (self.measured_us - self.expected_us).abs()
    }

    /// The error in parts of what is allowed: above 1 the reading is off.
    fn error(&self) -> f64 {
        self.error_us() / TOLERANCE.1.max(self.expected_us * TOLERANCE.0)
    }

    /// By how many per cent the reading is larger than it should be.
    pub(crate) fn percent(&self) -> f64 {
        (self.measured_us / self.expected_us - 1.0) * 100.0
    }
}

/// Where the capacitor is, as the record tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Capacitor {
    #[default]
    Unknown,
    Emptied,
    ChargingSince(u64),
}

/// The readings so far.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    capacitor: Capacitor,
    /// When the charge time would have been what, oldest first.
    light: VecDeque<(u64, f64)>,
    /// Charges that no reading was told for yet: when they began and ended.
    charges: VecDeque<(u64, u64)>,
    /// Readings whose charge was not seen yet, µs.
    told: VecDeque<f64>,
    count: u32,
    worst: Option<Reading>,
    faults: Vec<String>,
}

impl Readings {
    /// Takes entries of the record. Says whether the light of this moment is wanted.
    pub(crate) fn take(&mut self, entries: &[Entry]) -> bool {
        let mut wanted = false;
        for entry in entries.iter().filter(|entry| Some(entry.line) == Line::new(WIRING)) {
            match (entry.change, self.capacitor) {
                (Change::Direction, _) if entry.direction == Direction::Output => {
                    self.capacitor = Capacitor::Emptied;
                }
                (Change::Direction, Capacitor::Emptied) => {
                    self.capacitor = Capacitor::ChargingSince(entry.time_ns);
                    wanted = true;
                }
                (Change::Level, Capacitor::ChargingSince(since_ns))
                    if entry.high && matches!(entry.cause, Cause::LightSensor(_)) =>
                {
                    self.capacitor = Capacitor::Unknown;
                    push(&mut self.charges, (since_ns, entry.time_ns));
                    wanted = true;
                }
                _ => {}
            }
        }
        wanted
    }

    /// Takes what the charge time would be in the light of a moment.
    pub(crate) fn take_light(&mut self, time_ns: u64, expected_us: f64) {
        push(&mut self.light, (time_ns, expected_us));
    }

    /// Takes a line of the app.
    pub(crate) fn take_line(&mut self, line: &str) {
        match serde_json::from_str::<Printed>(line) {
            Ok(Printed { charge_us: Some(charge_us), .. }) => push(&mut self.told, charge_us),
            Ok(Printed { status, charge_us: None }) => self.fault(format!("the light sensor says {status}")),
            Err(_) => self.fault(format!("the light sensor says what is no reading: {line}")),
        }
    }

    /// The next reading whose charge and whose light are known.
    pub(crate) fn next(&mut self) -> Option<Reading> {
        let (since_ns, time_ns) = *self.charges.front()?;
        // Until the light is known after the charge, the middle of the charge is not between two moments.
        self.light.back().filter(|(at_ns, _)| *at_ns >= time_ns)?;
        let measured_us = self.told.pop_front()?;
        self.charges.pop_front();
        let expected_us = self.expected(since_ns.midpoint(time_ns))?;
        let reading = Reading { time_ns, measured_us, expected_us };
        self.count += 1;
        if self.worst.is_none_or(|worst| reading.error() > worst.error()) {
            self.worst = Some(reading);
        }
        Some(reading)
    }

    /// The charge time in the light of a moment, between the two moments next to it. Light and resistance change
    /// by so much per cent a second, so logarithms go in a straight line.
    fn expected(&self, at_ns: u64) -> Option<f64> {
        let after = self.light.iter().position(|(time_ns, _)| *time_ns >= at_ns)?;
        let (end_ns, end_us) = self.light[after];
        let Some((start_ns, start_us)) = after.checked_sub(1).map(|before| self.light[before]) else {
            return Some(end_us);
        };
        let part = (at_ns - start_ns) as f64 / (end_ns - start_ns).max(1) as f64;
        Some(start_us * (end_us / start_us).powf(part))
    }

    fn fault(&mut self, fault: String) {
        // Said once: a light sensor that fails fails for ever.
        if self.faults.is_empty() {
            self.faults.push(fault);
        }
    }

    /// How many readings there were and how good they were.
    pub(crate) fn report(&self) -> String {
        let Some(worst) = self.worst else { return "light sensor: no reading\n".to_owned() };
        format!(
            "light sensor, by the board's physics:\n  {} readings, the worst {:.1} us off ({:+.2} %): {:.1} us where physics says {:.1} us\n",
            self.count,
            worst.error_us(),
            worst.percent(),
            worst.measured_us,
            worst.expected_us
        )
    }

    /// How many readings there were.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// What was wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        if let Some(worst) = self.worst.filter(|worst| worst.error() > 1.0) {
            faults.push(format!(
                "a reading was {:.1} us where physics says {:.1} us",
                worst.measured_us, worst.expected_us
            ));
        }
        faults
    }
}

/// Adds to a queue of [`KEPT`]; the oldest goes.
fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == KEPT {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(us: u64, change: Change, direction: Direction, cause: Cause) -> Entry {
        let line = Line::new(WIRING).unwrap();
        Entry { seq: 0, time_ns: us * 1000, line, change, high: true, direction, contention: false, cause }
    }

    /// Emptied until 1000 µs, charged at 3000 µs.
    fn charge() -> Vec<Entry> {
        let daemon = || Cause::Consumer("gpiod:light-sensor".into());
        vec![
            entry(0, Change::Direction, Direction::Output, daemon()),
            entry(1000, Change::Direction, Direction::Input, daemon()),
            entry(3000, Change::Level, Direction::Input, Cause::LightSensor("window".into())),
        ]
    }

    fn reading(measured: &str, light: [(u64, f64); 2]) -> (Option<Reading>, Readings) {
        let mut readings = Readings::default();
        assert!(readings.take(&charge()));
        for (us, expected_us) in light {
            readings.take_light(us * 1000, expected_us);
        }
        readings.take_line(measured);
        (readings.next(), readings)
    }

    #[test]
    fn a_reading_is_held_against_the_middle_of_its_charge() {
        let line = r#"{"status":"ok","charge_us":2000.5,"uncertainty_us":0.000,"lost_edges":0}"#;
        let (reading, readings) = reading(line, [(1000, 1000.0), (3000, 4000.0)]);
        let reading = reading.unwrap();
        assert!((reading.expected_us - 2000.0).abs() < 1e-6, "{reading:?}");
        assert_eq!((reading.measured_us, reading.time_ns), (2000.5, 3_000_000));
        assert_eq!(readings.faults(), [] as [String; 0]);
    }

    #[test]
    fn a_reading_that_is_off_is_a_fault() {
        let line = r#"{"status":"ok","charge_us":2150.0}"#;
        let (_, readings) = reading(line, [(1000, 2000.0), (3000, 2000.0)]);
        assert_eq!(readings.faults(), ["a reading was 2150.0 us where physics says 2000.0 us"]);
    }

    #[test]
    fn a_time_out_and_garbage_are_faults() {
        for line in [r#"{"status":"timeout","charge_us":null}"#, "dark"] {
            let (none, readings) = reading(line, [(1000, 2000.0), (3000, 2000.0)]);
            assert_eq!(none, None);
            assert_eq!(readings.faults().len(), 1, "{line}");
        }
    }

    #[test]
    fn nothing_is_judged_before_the_light_after_the_charge_is_known() {
        let line = r#"{"status":"ok","charge_us":2000.0}"#;
        assert_eq!(reading(line, [(1000, 2000.0), (2999, 2000.0)]).0, None);
    }
}
