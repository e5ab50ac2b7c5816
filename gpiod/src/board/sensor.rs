//! The RC light sensor: supply, photoresistor, line, capacitor, ground. Time to charge is what its light is read by.
//!
//! The capacitor sees the photoresistor, the pulls and the drivers of its net as resistors, so all that spoils a
//! reading on a bench spoils it here: a capacitor not emptied, a pull left on, a driver that is not strong enough.
//! While nothing changes its voltage is an exponential and its crossing of the threshold is solved, not searched.
//! While the light changes it goes in steps so short that the photoresistor changes by a thousandth at most.

use super::circuit;
use super::light::Light;
use std::time::Duration;

/// An output's own resistance, ohms: about what a Raspberry Pi's pad has at 8 mA.
pub(super) const DRIVER_OHMS: f64 = 50.0;
/// A pull's resistance, ohms.
pub(super) const PULL_OHMS: f64 = 50_000.0;
/// The supply of pulls and outputs, volts.
pub(super) const SUPPLY_VOLTS: f64 = 3.3;

/// How many steps are looked ahead for a crossing before the search is put off.
const LOOK_AHEAD: u32 = 200;
/// By how much the logarithm of the resistance may change in one step.
const STEP: f64 = 1e-3;
const SHORTEST_STEP_NS: u64 = 50_000;
const LONGEST_STEP_NS: u64 = 1_000_000_000;

/// What the lines of the sensor's net do to the capacitor, as one resistor and one source.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Load {
    /// 1/ohms.
    siemens: f64,
    /// What flows into an empty capacitor, amperes.
    amperes: f64,
}

impl Load {
    /// Adds `count` resistors of this size to a source of this voltage.
    pub(super) fn and(self, count: u32, ohms: f64, volts: f64) -> Self {
        let siemens = f64::from(count) / ohms;
        Self { siemens: self.siemens + siemens, amperes: self.amperes + siemens * volts }
    }
}

/// A light sensor at work.
#[derive(Debug)]
pub(super) struct LightSensor {
    pub parts: circuit::LightSensor,
    pub connected: bool,
    /// The light that is set by hand, in place of the circuit's.
    pub by_hand: Option<Light>,
    power_on_ns: u64,
    load: Load,
    /// Where the capacitor was last worked out: a change of the circuit or the end of a step.
    at_ns: u64,
    volts: f64,
    high: bool,
    next: Next,
}

/// What the capacitor does next by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Crosses(u64),
    /// Nothing before this moment; look again then.
    LookAgain(u64),
    Nothing,
}

/// A time in which the resistance counts as constant.
struct Step {
    end_ns: u64,
    target_volts: f64,
    tau_s: f64,
}

impl Step {
    fn volts_after(&self, from_volts: f64, ns: u64) -> f64 {
        let passed = (-(ns as f64) * 1e-9 / self.tau_s).exp();
        self.target_volts + (from_volts - self.target_volts) * passed
    }

    /// After how many ns the threshold is crossed, for a sensor that now counts as high or low.
    fn crossing(&self, from_volts: f64, threshold: f64, high: bool) -> Option<u64> {
        let (to_go, left) = if high {
            (from_volts - self.target_volts, threshold - self.target_volts)
        } else {
            (self.target_volts - from_volts, self.target_volts - threshold)
        };
        if left <= 0.0 {
            return None;
        }
        let seconds = (self.tau_s * (to_go / left).ln()).max(0.0);
        u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_nanos()).ok()
    }
}

impl LightSensor {
    /// The sensor at power-on, its capacitor empty.
    pub(super) fn new(parts: circuit::LightSensor, now_ns: u64) -> Self {
        let mut sensor = Self {
            parts,
            connected: true,
            by_hand: None,
            power_on_ns: now_ns,
            load: Load::default(),
            at_ns: now_ns,
            volts: 0.0,
            high: false,
            next: Next::Nothing,
        };
        sensor.look_ahead();
        sensor
    }

    pub(super) fn is_high(&self) -> bool {
        self.high
    }

    /// When the sensor wants [`advance`](Self::advance) to be called.
    pub(super) fn next_change(&self) -> Option<u64> {
        match self.next {
            Next::Crosses(at) | Next::LookAgain(at) => Some(at),
            Next::Nothing => None,
        }
    }

    /// Goes to this moment, at most to the next change. Returns whether the level changed there.
    pub(super) fn advance(&mut self, now_ns: u64) -> bool {
        if self.next_change().is_none_or(|at| at > now_ns) {
            return false;
        }
        let crossed = matches!(self.next, Next::Crosses(_));
        self.high ^= crossed;
        self.catch_up(now_ns);
        self.look_ahead();
        crossed
    }

    /// From now on the lines of the net load the capacitor so.
    pub(super) fn set_load(&mut self, now_ns: u64, load: Load) {
        if load != self.load {
            self.rebase(now_ns);
            self.load = load;
            self.look_ahead();
        }
    }

    /// From now on this light falls on it; `None` is the circuit's own.
    pub(super) fn set_light(&mut self, now_ns: u64, light: Option<Light>) {
        self.rebase(now_ns);
        self.by_hand = light;
        self.look_ahead();
    }

    pub(super) fn light(&self) -> &Light {
        self.by_hand.as_ref().unwrap_or(&self.parts.light)
    }

    pub(super) fn lux(&self, now_ns: u64) -> f64 {
        self.light().lux(now_ns.saturating_sub(self.power_on_ns))
    }

    pub(super) fn ohms(&self, now_ns: u64) -> f64 {
        self.parts.ohms(self.lux(now_ns))
    }

    pub(super) fn volts(&self, now_ns: u64) -> f64 {
        let (mut at_ns, mut volts) = (self.at_ns, self.volts);
        while at_ns < now_ns {
            let step = self.step(at_ns);
            let end_ns = step.end_ns.min(now_ns);
            volts = step.volts_after(volts, end_ns - at_ns);
            at_ns = end_ns;
        }
        volts
    }

    /// Works the capacitor out to the last end of a step: never to a moment of the caller's choice, so that the
    /// result does not hang on when somebody looked.
    fn catch_up(&mut self, now_ns: u64) {
        loop {
            let step = self.step(self.at_ns);
            if step.end_ns > now_ns {
                break;
            }
            self.volts = step.volts_after(self.volts, step.end_ns - self.at_ns);
            self.at_ns = step.end_ns;
        }
    }

    fn rebase(&mut self, now_ns: u64) {
        self.volts = self.volts(now_ns);
        self.at_ns = now_ns;
    }

    fn look_ahead(&mut self) {
        let (mut at_ns, mut volts) = (self.at_ns, self.volts);
        self.next = Next::Nothing;
        for _ in 0..LOOK_AHEAD {
            let step = self.step(at_ns);
            let length_ns = step.end_ns - at_ns;
            if let Some(ns) = step.crossing(volts, self.parts.threshold_volts, self.high)
                && ns <= length_ns
            {
                self.next = Next::Crosses(at_ns.saturating_add(ns));
                return;
            }
            if step.end_ns == u64::MAX {
                return;
            }
            volts = step.volts_after(volts, length_ns);
            at_ns = step.end_ns;
        }
        self.next = Next::LookAgain(at_ns);
    }

    /// The step that begins at this moment. Ends of steps stand on a grid that begins with the span of the light.
    fn step(&self, from_ns: u64) -> Step {
        let since_ns = from_ns.saturating_sub(self.power_on_ns);
        let span = self.light().span(since_ns);
        let end_ns = if span.per_ns == 0.0 {
            span.end_ns
        } else {
            let ns = STEP / (self.parts.gamma * span.per_ns.abs());
            let length = Duration::try_from_secs_f64(ns * 1e-9).unwrap_or(Duration::MAX).as_nanos();
            let length = u64::try_from(length).unwrap_or(u64::MAX).clamp(SHORTEST_STEP_NS, LONGEST_STEP_NS);
            let count = (since_ns - span.start_ns) / length + 1;
            span.end_ns.min(span.start_ns.saturating_add(count.saturating_mul(length)))
        };
        let middle_ns = if span.per_ns == 0.0 { since_ns } else { since_ns.midpoint(end_ns) };
        let siemens = 1.0 / self.parts.ohms(span.ln_lux_at(middle_ns).exp());
        let all = self.load.siemens + siemens;
        Step {
            end_ns: end_ns.saturating_add(self.power_on_ns),
            target_volts: (self.load.amperes + siemens * self.parts.supply_volts) / all,
            tau_s: self.parts.farads / all,
        }
    }
}

#[cfg(test)]
mod tests;
