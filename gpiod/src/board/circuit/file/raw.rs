//! The circuit file as it is written, before anything is checked but its form. Unknown keys are errors.

use crate::board::circuit::{Active, Colour, Rail};
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCircuit {
    #[serde(default)]
    pub wire: Vec<RawWire>,
    #[serde(default)]
    pub button: Vec<RawButton>,
    #[serde(default)]
    pub led: Vec<RawLed>,
    #[serde(default)]
    pub pulse: Vec<RawPulse>,
    #[serde(default)]
    pub light_sensor: Vec<RawLightSensor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWire {
    pub name: Spanned<String>,
    pub between: Spanned<[Spanned<String>; 2]>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawButton {
    pub name: Spanned<String>,
    pub line: Spanned<String>,
    pub to: Rail,
    pub bounce: Option<RawBounce>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBounce {
    pub edges: Spanned<u32>,
    pub within_ms: Spanned<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLed {
    pub name: Spanned<String>,
    pub line: Spanned<String>,
    pub colour: Colour,
    #[serde(default = "high")]
    pub active: Active,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPulse {
    pub name: Spanned<String>,
    pub line: Spanned<String>,
    pub frequency_hz: Option<Spanned<f64>>,
    pub period_us: Option<Spanned<f64>>,
    pub duty: Option<Spanned<f64>>,
    #[serde(default)]
    pub on: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLightSensor {
    pub name: Spanned<String>,
    pub line: Spanned<String>,
    pub capacitance_uf: Spanned<f64>,
    #[serde(default = "supply_volts")]
    pub supply_volts: Spanned<f64>,
    #[serde(default = "threshold_volts")]
    pub threshold_volts: Spanned<f64>,
    pub ohms_at_10_lux: Spanned<f64>,
    pub gamma: Spanned<f64>,
    pub light: Spanned<RawLight>,
}

/// Either `lux`, or `curve` and perhaps `repeat`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLight {
    pub lux: Option<Spanned<f64>>,
    pub curve: Option<Spanned<Vec<RawPoint>>>,
    pub repeat: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPoint {
    pub seconds: Spanned<f64>,
    pub lux: Spanned<f64>,
}

fn high() -> Active {
    Active::High
}

fn supply_volts() -> Spanned<f64> {
    Spanned::new(0..0, crate::board::sensor::SUPPLY_VOLTS)
}

/// Where a Raspberry Pi's input turns over, roughly.
fn threshold_volts() -> Spanned<f64> {
    Spanned::new(0..0, 1.8)
}
