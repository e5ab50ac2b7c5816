//! The board as people see it: every line and every component, at one moment.

use super::{Board, MODEL};
use crate::board::Line;
use crate::board::circuit::{Active, Colour, Rail};
use crate::header;
use crate::json::{Json, Result, by_key, field, object, tagged, words};
use crate::line::{Bias, Direction, Drive};
use serde::Serialize;

/// All of the board at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// The board's model.
    pub board: String,
    /// When: CLOCK_MONOTONIC, ns.
    pub time_ns: u64,
    /// The newest entry of the record that is in it.
    pub last_seq: u64,
    /// Every line, by BCM number.
    pub lines: Vec<LineState>,
    /// Every component, by kind, in the order of the circuit file.
    pub components: Vec<ComponentState>,
}

object!(State { board, time_ns, last_seq, lines, components });

/// One line at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineState {
    /// Which line.
    pub line: Line,
    /// Where it is on the 40-pin header.
    pub header_pin: Option<u8>,
    /// Whether it is high.
    pub high: bool,
    /// Which way it goes.
    pub direction: Direction,
    /// How it drives as an output.
    pub drive: Drive,
    /// Its pull.
    pub bias: Bias,
    /// Who has it.
    pub consumer: Option<String>,
    /// Whether strong drivers disagree on it.
    pub contention: bool,
    /// Whether nothing holds it at its level.
    pub floating: bool,
    /// Whether it is shorted by a fault, and to which level.
    pub stuck_high: Option<bool>,
}

object!(LineState {
    line,
    header_pin,
    high,
    direction,
    drive,
    bias,
    consumer,
    contention,
    floating,
    stuck_high,
});

/// One component at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComponentState {
    /// Its name.
    pub name: String,
    /// Whether it is connected: `false` while a fault has it loose.
    pub connected: bool,
    /// What it is and does.
    #[serde(flatten)]
    pub part: Part,
}

impl Json for ComponentState {
    fn read(mut value: serde_json::Value) -> Result<Self> {
        let (name, connected) = (field(&mut value, "name")?, field(&mut value, "connected")?);
        Ok(Self { name, connected, part: Part::read(value)? })
    }
}
by_key!(ComponentState);

/// What a component is and does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Part {
    /// A wire.
    Wire {
        /// Its ends.
        between: [Line; 2],
    },
    /// A button.
    Button {
        /// Its line.
        line: Line,
        /// Where it pulls the line.
        to: Rail,
        /// Whether somebody presses it.
        pressed: bool,
        /// Whether its contact is closed; bouncing, that is not the same.
        closed: bool,
    },
    /// A lamp.
    Led {
        /// Its line.
        line: Line,
        /// Its colour.
        colour: Colour,
        /// Whether it is lit.
        lit: bool,
    },
    /// A pulse source.
    Pulse {
        /// Its line.
        line: Line,
        /// From rising edge to rising edge, ns.
        period_ns: u64,
        /// For how long of that it is high, ns.
        high_ns: u64,
        /// Whether it runs.
        on: bool,
    },
    /// An RC light sensor.
    LightSensor {
        /// Its line.
        line: Line,
        /// The light on it.
        lux: f64,
        /// Whether that light was set by hand.
        by_hand: bool,
        /// The photoresistor now.
        ohms: f64,
        /// The capacitor now.
        volts: f64,
        /// How long an empty capacitor would take to the threshold in this light, µs.
        expected_charge_us: f64,
    },
}

tagged!(Part, "kind" {
    "wire" => Wire { between },
    "button" => Button { line, to, pressed, closed },
    "led" => Led { line, colour, lit },
    "pulse" => Pulse { line, period_ns, high_ns, on },
    "light-sensor" => LightSensor { line, lux, by_hand, ohms, volts, expected_charge_us },
});
words!(Rail, Colour);

impl Board {
    /// The board at its present moment.
    pub fn state(&self) -> State {
        State {
            board: MODEL.to_owned(),
            time_ns: self.now_ns,
            last_seq: self.last_seq(),
            lines: Line::ALL.map(|line| self.line_state(line)).to_vec(),
            components: self.component_states(),
        }
    }

    fn line_state(&self, line: Line) -> LineState {
        let unit = &self.lines[line.index()];
        LineState {
            line,
            header_pin: header::pin_of(line.bcm()),
            high: unit.high,
            direction: unit.direction,
            drive: unit.drive,
            bias: unit.bias,
            consumer: self.consumer(line),
            contention: unit.contention,
            floating: unit.floating,
            stuck_high: unit.stuck,
        }
    }

    fn component_states(&self) -> Vec<ComponentState> {
        let state = |name: &String, connected: bool, part: Part| ComponentState {
            name: name.clone(),
            connected,
            part,
        };
        let wires = self
            .wires
            .iter()
            .map(|wire| state(&wire.parts.name, wire.connected, Part::Wire { between: wire.parts.between }));
        let buttons = self.buttons.iter().map(|button| {
            let (line, to) = (button.parts.line, button.parts.to);
            let part = Part::Button { line, to, pressed: button.is_pressed(), closed: button.is_closed() };
            state(&button.parts.name, button.connected, part)
        });
        let leds = self.leds.iter().map(|led| {
            let line = led.parts.line;
            let lit = led.connected && self.lines[line.index()].high == (led.parts.active == Active::High);
            state(&led.parts.name, led.connected, Part::Led { line, colour: led.parts.colour, lit })
        });
        let pulses = self.pulses.iter().map(|pulse| {
            let (line, period_ns, high_ns) = (pulse.parts.line, pulse.parts.period_ns, pulse.parts.high_ns);
            state(
                &pulse.parts.name,
                pulse.connected,
                Part::Pulse { line, period_ns, high_ns, on: pulse.is_on() },
            )
        });
        let sensors = self.sensors.iter().map(|sensor| {
            let lux = sensor.lux(self.now_ns);
            let part = Part::LightSensor {
                line: sensor.parts.line,
                lux,
                by_hand: sensor.by_hand.is_some(),
                ohms: sensor.ohms(self.now_ns),
                volts: sensor.volts(self.now_ns),
                expected_charge_us: sensor.parts.charge_seconds(lux) * 1e6,
            };
            state(&sensor.parts.name, sensor.connected, part)
        });
        wires.chain(buttons).chain(leds).chain(pulses).chain(sensors).collect()
    }
}
