//! The traffic light, followed and judged by the board's record: nobody's word counts but that of the pins.

use gpiod::board::Line;
use gpiod::board::record::{Change, Entry};
use std::fmt::Write;
use std::time::Duration;

/// The cycle: which of red, yellow and green are on, and for how many ms.
const CYCLE: [(&str, [bool; 3], u64); 4] = [
    ("red", [true, false, false], 3000),
    ("red+yellow", [true, true, false], 1000),
    ("green", [false, false, true], 5000),
    ("yellow", [false, true, false], 2000),
];
/// BCM numbers of red, yellow and green, as gpiod.toml wires them.
const WIRING: [u32; 3] = [9, 10, 11];
/// How far a phase may be off. The light itself is exact to a few ms; a machine that is busy may not be.
const TOLERANCE: Duration = Duration::from_millis(250);

/// A change of the lights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phase {
    /// What is on now.
    pub(crate) name: String,
    /// When it began: CLOCK_MONOTONIC, ns.
    pub(crate) since_ns: u64,
    /// What was on before, and for how long.
    pub(crate) before: Option<(String, Duration)>,
}

/// How often a phase was seen whole, and how long it was.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    times: u32,
    shortest: Duration,
    longest: Duration,
}

/// The lights so far.
#[derive(Debug, Default)]
pub(crate) struct Lights {
    on: [bool; 3],
    since_ns: u64,
    seen: [Seen; CYCLE.len()],
    faults: Vec<String>,
    /// Whether the traffic light has been told to end: then dark is what follows.
    ending: bool,
}

/// Faults are told, but not for ever.
const MOST_FAULTS: usize = 5;

impl Lights {
    /// Takes entries of the record, oldest first, and returns the changes of the lights. Lines that change at the same
    /// moment change together; the entries of one moment must come in one go.
    pub(crate) fn take(&mut self, entries: &[Entry]) -> Vec<Phase> {
        let mut phases = Vec::new();
        for moment in entries.chunk_by(|one, other| one.time_ns == other.time_ns) {
            let mut on = self.on;
            for entry in moment.iter().filter(|entry| entry.change == Change::Level) {
                let light = WIRING.iter().position(|bcm| Line::new(*bcm) == Some(entry.line));
                if let Some(light) = light {
                    on[light] = entry.high;
                }
            }
            if on != self.on
                && let Some(entry) = moment.first()
            {
                phases.push(self.change(on, entry.time_ns));
            }
        }
        phases
    }

    /// From now on the lights may go dark.
    pub(crate) fn end(&mut self) {
        self.ending = true;
    }

    /// Whether all lights are off.
    pub(crate) fn dark(&self) -> bool {
        self.on == [false; 3]
    }

    fn change(&mut self, on: [bool; 3], at_ns: u64) -> Phase {
        let lasted = Duration::from_nanos(at_ns.saturating_sub(self.since_ns));
        let (old, new) = (phase_of(self.on), phase_of(on));
        let in_order = match (old, new) {
            (Some(old), Some(new)) => new == (old + 1) % CYCLE.len(),
            (Some(_), None) => on == [false; 3] && self.ending,
            (None, new) => self.dark() && new == Some(0),
        };
        if !in_order {
            self.fault(format!("after {} the lights showed {}", name_of(self.on), name_of(on)));
        } else if let (Some(old), Some(_)) = (old, new) {
            self.seen(old, lasted);
        }
        let before = old.map(|_| (name_of(self.on), lasted));
        (self.on, self.since_ns) = (on, at_ns);
        Phase { name: name_of(on), since_ns: at_ns, before }
    }

    fn seen(&mut self, phase: usize, lasted: Duration) {
        let seen = &mut self.seen[phase];
        seen.shortest = if seen.times == 0 { lasted } else { seen.shortest.min(lasted) };
        seen.longest = seen.longest.max(lasted);
        seen.times += 1;
        let (name, _, ms) = CYCLE[phase];
        if lasted.abs_diff(Duration::from_millis(ms)) > TOLERANCE {
            self.fault(format!("{name} lasted {:.3} s, not {:.3} s", lasted.as_secs_f64(), ms as f64 / 1e3));
        }
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }

    /// The durations against the table.
    pub(crate) fn report(&self) -> String {
        let mut text = "traffic light, by the board's record:\n".to_owned();
        for ((name, _, ms), seen) in CYCLE.iter().zip(&self.seen) {
            let table = *ms as f64 / 1e3;
            let _ = match seen.times {
                0 => writeln!(text, "  {name:<10}  {table:.3} s  not seen whole"),
                times => writeln!(
                    text,
                    "  {name:<10}  {table:.3} s  seen whole {times} times, {:.3} to {:.3} s",
                    seen.shortest.as_secs_f64(),
                    seen.longest.as_secs_f64()
                ),
            };
        }
        text
    }

    /// What was wrong.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }
}

fn phase_of(on: [bool; 3]) -> Option<usize> {
    CYCLE.iter().position(|(_, lights, _)| *lights == on)
}

fn name_of(on: [bool; 3]) -> String {
    let lit: Vec<&str> =
        ["red", "yellow", "green"].into_iter().zip(on).filter_map(|(name, on)| on.then_some(name)).collect();
    if lit.is_empty() { "dark".to_owned() } else { lit.join("+") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpiod::board::record::Cause;
    use gpiod::line::Direction;

    fn level(ms: u64, bcm: u32, high: bool) -> Entry {
        Entry {
            seq: 0,
            time_ns: ms * 1_000_000,
            line: Line::new(bcm).unwrap(),
            change: Change::Level,
            high,
            direction: Direction::Output,
            contention: false,
            cause: Cause::Consumer("gpiod:traffic-light".into()),
        }
    }

    fn cycle() -> Vec<Entry> {
        vec![
            level(100, 9, true),
            level(3100, 10, true),
            level(4100, 9, false),
            level(4100, 10, false),
            level(4100, 11, true),
            level(9100, 11, false),
            level(9100, 10, true),
            level(11100, 10, false),
            level(11100, 9, true),
        ]
    }

    #[test]
    fn a_cycle_in_order_and_on_time_has_no_fault() {
        let mut lights = Lights::default();
        let phases = lights.take(&cycle());
        let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["red", "red+yellow", "green", "yellow", "red"]);
        assert_eq!(phases[2].before, Some(("red+yellow".into(), Duration::from_secs(1))));
        lights.end();
        lights.take(&[level(12000, 9, false)]);
        assert!(lights.dark());
        assert_eq!(lights.faults(), [] as [String; 0]);
        assert!(lights.report().contains("green       5.000 s  seen whole 1 times, 5.000 to 5.000 s"));
    }

    #[test]
    fn a_phase_out_of_order_is_a_fault() {
        let mut lights = Lights::default();
        lights.take(&[level(0, 9, true), level(3000, 9, false), level(3000, 11, true)]);
        assert_eq!(lights.faults(), ["after red the lights showed green"]);
    }

    #[test]
    fn a_blink_is_a_fault_however_short_it_is() {
        let mut lights = Lights::default();
        lights.take(&[level(0, 9, true), level(1000, 9, false), level(1001, 9, true)]);
        assert_eq!(lights.faults(), ["after red the lights showed dark"]);
    }

    #[test]
    fn a_phase_that_is_too_short_is_a_fault() {
        let mut lights = Lights::default();
        lights.take(&[level(0, 9, true), level(2000, 10, true)]);
        assert_eq!(lights.faults(), ["red lasted 2.000 s, not 3.000 s"]);
    }
}
