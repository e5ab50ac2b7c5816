//! What is wired to the board: components, checked, as a circuit file describes them.

mod file;

pub use file::Mistakes;

use super::Line;
use super::light::Light;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A checked circuit. No two components share a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circuit {
    /// Wires, each between two lines.
    pub wires: Vec<Wire>,
    /// Buttons.
    pub buttons: Vec<Button>,
    /// Lamps.
    pub leds: Vec<Led>,
    /// Pulse sources.
    pub pulses: Vec<Pulse>,
    /// RC light sensors, at most one on lines that are wired together.
    pub light_sensors: Vec<LightSensor>,
}

/// Joins two lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// Its name.
    pub name: String,
    /// Its two ends.
    pub between: [Line; 2],
}

/// A contact that is closed while it is pressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Button {
    /// Its name.
    pub name: String,
    /// What it pulls when it is pressed.
    pub line: Line,
    /// Where to.
    pub to: Rail,
    /// How its contact bounces, if it does.
    pub bounce: Option<Bounce>,
}

/// What a button connects its line to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rail {
    /// 0 V: the line is low while the button is pressed.
    Ground,
    /// 3.3 V: the line is high while the button is pressed.
    Supply,
}

/// Extra edges after each press and each release, evenly spread and always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// How many; even, so that the contact ends where it should.
    pub edges: u32,
    /// From the first edge to the last extra one.
    pub within_ns: u64,
}

/// A lamp. It shows its line's level and does not change it.
#[derive(Clone, Debug, PartialEq)]
pub struct Led {
    /// Its name.
    pub name: String,
    /// What lights it.
    pub line: Line,
    /// Its colour.
    pub colour: Colour,
    /// Whether it is lit while the line is high, or while it is low.
    pub active: Active,
}

/// The colour of a lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "colours explain themselves")]
pub enum Colour {
    Red,
    Yellow,
    Green,
    Blue,
    White,
}

/// The level that lights a lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// From the line through the lamp to ground.
    High,
    /// From the supply through the lamp to the line.
    Low,
}

/// A source of regular pulses, with a driver as strong as an output; low while it is off.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    /// Its name.
    pub name: String,
    /// What it drives.
    pub line: Line,
    /// From one rising edge to the next.
    pub period_ns: u64,
    /// For how long of that it is high.
    pub high_ns: u64,
    /// Whether it runs from power-on.
    pub on: bool,
}

/// A photoresistor from the supply to a line, and a capacitor from the line to ground.
#[derive(Clone, Debug, PartialEq)]
pub struct LightSensor {
    /// Its name.
    pub name: String,
    /// Where the capacitor's voltage is.
    pub line: Line,
    /// The capacitor.
    pub farads: f64,
    /// What the photoresistor is connected to.
    pub supply_volts: f64,
    /// From which voltage on the line reads high.
    pub threshold_volts: f64,
    /// The photoresistor at 10 lux.
    pub ohms_at_10_lux: f64,
    /// By how many decades the resistance falls when the light grows by one.
    pub gamma: f64,
    /// The light on it.
    pub light: Light,
}

impl LightSensor {
    /// The photoresistor's resistance in so much light.
    pub fn ohms(&self, lux: f64) -> f64 {
        self.ohms_at_10_lux * (-self.gamma * (lux / 10.0).ln()).exp()
    }

    /// How long an empty capacitor takes to the threshold in so much light, with no pull and nobody driving:
    /// `R·C·ln(V/(V − Vth))`, in seconds.
    pub fn charge_seconds(&self, lux: f64) -> f64 {
        let volts = self.supply_volts;
        self.ohms(lux) * self.farads * (volts / (volts - self.threshold_volts)).ln()
    }
}

impl Circuit {
    /// Reads and checks a circuit file.
    ///
    /// # Errors
    /// All [`Mistakes`] that can be told at once, each with file, line, key and reason.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Mistakes> {
        file::parse(file, text)
    }
}
