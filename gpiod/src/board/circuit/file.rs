//! Circuit files: TOML to a checked circuit. A mistake says file, line, key and reason.

mod raw;

use super::{Bounce, Button, Circuit, Led, LightSensor, Pulse, Wire};
use crate::board::Line;
use crate::board::light::{BRIGHTEST, Curve, DARKEST, Light, Point};
use crate::board::sensor::SUPPLY_VOLTS;
use crate::sorted::SortedSet;
use raw::{RawCircuit, RawLight, RawLightSensor, RawPulse};
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;
use toml::Spanned;

/// What is wrong with a circuit file: one line for each mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

/// The most components of a circuit: what can still be shown, and told over the control socket in one piece.
const MOST_COMPONENTS: usize = 200;
/// Where a Raspberry Pi's input turns over, roughly.
const THRESHOLD_VOLTS: f64 = 1.8;
/// The most points of a light curve.
const MOST_POINTS: usize = 10_000;

pub(super) fn parse(file: &Path, text: &str) -> Result<Circuit, Mistakes> {
    let mut check = Check { file, text, mistakes: Vec::new(), names: SortedSet::new(), sensed: Vec::new() };
    let raw = match raw::read(text) {
        Ok(raw) => raw,
        Err(mistake) => {
            let span = mistake.at.unwrap_or(0..0);
            check.mistake(&span, &key_at(text, span.start), &mistake.reason);
            return Err(Mistakes(check.mistakes));
        }
    };
    let circuit = check.circuit(raw);
    if check.mistakes.is_empty() { Ok(circuit) } else { Err(Mistakes(check.mistakes)) }
}

/// The key of the entry, or the header of the table, in the line of text that holds this byte.
fn key_at(text: &str, at: usize) -> String {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim();
    line.split('=').next().unwrap_or_default().trim().to_owned()
}

struct Check<'a> {
    file: &'a Path,
    text: &'a str,
    mistakes: Vec<String>,
    names: SortedSet<String>,
    /// Lines with a light sensor, and where the file says so.
    sensed: Vec<(Line, Range<usize>)>,
}

impl Check<'_> {
    fn mistake(&mut self, at: &Range<usize>, key: &str, reason: &str) {
        let line = self.text.get(..at.start).unwrap_or_default().matches('\n').count() + 1;
        let colon = if key.is_empty() { "" } else { ": " };
        self.mistakes.push(format!("{}:{line}: {key}{colon}{reason}", self.file.display()));
    }

    fn circuit(&mut self, raw: RawCircuit) -> Circuit {
        let mut circuit = Circuit::default();
        for wire in raw.wire {
            let between = [
                self.line("between", &wire.between.get_ref()[0]),
                self.line("between", &wire.between.get_ref()[1]),
            ];
            if between[0] == between[1] {
                self.mistake(&wire.between.span(), "between", "a wire needs two different lines");
            }
            circuit.wires.push(Wire { name: self.name(wire.name), between });
        }
        for button in raw.button {
            let bounce = button.bounce.map(|bounce| {
                let edges = *bounce.edges.get_ref();
                if edges % 2 == 1 || !(2..=100).contains(&edges) {
                    self.mistake(
                        &bounce.edges.span(),
                        "bounce.edges",
                        "must be an even number from 2 to 100",
                    );
                }
                let within_ns = self.ns("bounce.within_ms", &bounce.within_ms, 1e-3, 0.001..=1_000.0);
                Bounce { edges, within_ns }
            });
            let line = self.line("line", &button.line);
            circuit.buttons.push(Button { name: self.name(button.name), line, to: button.to, bounce });
        }
        for led in raw.led {
            let line = self.line("line", &led.line);
            circuit.leds.push(Led {
                name: self.name(led.name),
                line,
                colour: led.colour,
                active: led.active,
            });
        }
        for pulse in raw.pulse {
            circuit.pulses.push(self.pulse(pulse));
        }
        for sensor in raw.light_sensor {
            circuit.light_sensors.push(self.light_sensor(sensor));
        }
        self.one_sensor_on_a_net(&circuit);
        if self.names.len() > MOST_COMPONENTS {
            let reason =
                format!("a circuit has at most {MOST_COMPONENTS} components, not {}", self.names.len());
            self.mistake(&(0..0), "", &reason);
        }
        circuit
    }

    fn name(&mut self, name: Spanned<String>) -> String {
        let (span, name) = (name.span(), name.into_inner());
        let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if name.is_empty() || name.len() > 63 || !letters {
            self.mistake(&span, "name", "must be 1 to 63 letters, digits, '-' or '_'");
        } else if !self.names.insert(name.clone()) {
            self.mistake(&span, "name", &format!("another component is called {name:?} too"));
        }
        name
    }

    fn line(&mut self, key: &str, name: &Spanned<String>) -> Line {
        name.get_ref().parse().unwrap_or_else(|error: crate::board::NoSuchLine| {
            self.mistake(&name.span(), key, &error.to_string());
            Line::ALL[0]
        })
    }

    fn number(&mut self, key: &str, value: &Spanned<f64>, allowed: RangeInclusive<f64>) -> f64 {
        if !allowed.contains(value.get_ref()) {
            let reason = format!("must be from {} to {}", allowed.start(), allowed.end());
            self.mistake(&value.span(), key, &reason);
            return *allowed.start();
        }
        *value.get_ref()
    }

    /// A number in this unit (in seconds) as ns.
    fn ns(&mut self, key: &str, value: &Spanned<f64>, unit: f64, allowed: RangeInclusive<f64>) -> u64 {
        nanoseconds(self.number(key, value, allowed) * unit)
    }

    fn pulse(&mut self, raw: RawPulse) -> Pulse {
        let name_at = raw.name.span();
        let line = self.line("line", &raw.line);
        let name = self.name(raw.name);
        let period_ns = match (raw.frequency_hz, raw.period_us) {
            (Some(hz), None) => nanoseconds(1.0 / self.number("frequency_hz", &hz, 0.001..=50_000.0)),
            (None, Some(us)) => self.ns("period_us", &us, 1e-6, 20.0..=1e9),
            (Some(_), Some(us)) => {
                self.mistake(&us.span(), "period_us", "give either frequency_hz or period_us");
                1
            }
            (None, None) => {
                self.mistake(&name_at, "frequency_hz", "is missing, and so is period_us");
                1
            }
        };
        let duty = raw.duty.map_or(0.5, |duty| self.number("duty", &duty, 0.01..=0.99));
        Pulse { name, line, period_ns, high_ns: nanoseconds(period_ns as f64 * 1e-9 * duty), on: raw.on }
    }

    fn light_sensor(&mut self, raw: RawLightSensor) -> LightSensor {
        let line = self.line("line", &raw.line);
        self.sensed.push((line, raw.line.span()));
        let usual = |volts| Spanned::new(0..0, volts);
        let supply = raw.supply_volts.unwrap_or_else(|| usual(SUPPLY_VOLTS));
        let threshold = raw.threshold_volts.unwrap_or_else(|| usual(THRESHOLD_VOLTS));
        let supply_volts = self.number("supply_volts", &supply, 0.5..=5.0);
        let threshold_volts = self.number("threshold_volts", &threshold, 0.1..=5.0);
        if threshold_volts >= supply_volts {
            self.mistake(&threshold.span(), "threshold_volts", "must be less than supply_volts");
        }
        let light = self.light(raw.light);
        LightSensor {
            name: self.name(raw.name),
            line,
            farads: self.number("capacitance_uf", &raw.capacitance_uf, 0.001..=1_000.0) * 1e-6,
            supply_volts,
            threshold_volts,
            ohms_at_10_lux: self.number("ohms_at_10_lux", &raw.ohms_at_10_lux, 100.0..=1e7),
            gamma: self.number("gamma", &raw.gamma, 0.1..=2.0),
            light,
        }
    }

    fn light(&mut self, raw: Spanned<RawLight>) -> Light {
        let at = raw.span();
        let raw = raw.into_inner();
        if let (Some(_), Some(curve)) = (&raw.lux, &raw.curve) {
            self.mistake(&curve.span(), "light.curve", "give either lux or curve");
        }
        if let (None, Some(repeat)) = (&raw.curve, &raw.repeat) {
            self.mistake(&repeat.span(), "light.repeat", "only a curve repeats");
        }
        let Some(curve) = raw.curve else {
            let Some(lux) = raw.lux else {
                self.mistake(&at, "light", "needs lux or curve");
                return Light::Steady(DARKEST);
            };
            return Light::Steady(self.number("light.lux", &lux, DARKEST..=BRIGHTEST));
        };
        let repeat = raw.repeat.is_some_and(Spanned::into_inner);
        let span = curve.span();
        let mut points: Vec<Point> = Vec::new();
        for point in curve.into_inner() {
            let at_ns = self.ns("light.curve.seconds", &point.seconds, 1.0, 0.0..=1e7);
            if points.last().is_some_and(|last| last.at_ns >= at_ns) {
                self.mistake(
                    &point.seconds.span(),
                    "light.curve.seconds",
                    "must be later than the point before",
                );
            }
            points
                .push(Point { at_ns, lux: self.number("light.curve.lux", &point.lux, DARKEST..=BRIGHTEST) });
        }
        if points.len() > MOST_POINTS {
            self.mistake(&span, "light.curve", &format!("has at most {MOST_POINTS} points"));
        }
        if points.first().is_none_or(|first| first.at_ns != 0) {
            self.mistake(&span, "light.curve", "must have a first point at 0 seconds");
        }
        if repeat && points.len() < 2 {
            self.mistake(&span, "light.curve", "needs two points to repeat");
        }
        Light::Curve(Curve { points, repeat })
    }

    /// Two capacitors on one net are one capacitor, which the model does not know.
    fn one_sensor_on_a_net(&mut self, circuit: &Circuit) {
        let wires = circuit.wires.iter().map(|wire| wire.between);
        let nets = crate::board::net::nets(wires);
        let mut taken = SortedSet::new();
        for (line, span) in std::mem::take(&mut self.sensed) {
            if nets.iter().position(|net| net.contains(&line)).is_some_and(|net| !taken.insert(net)) {
                self.mistake(&span, "line", &format!("a light sensor is connected to {line} already"));
            }
        }
    }
}

fn nanoseconds(seconds: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
