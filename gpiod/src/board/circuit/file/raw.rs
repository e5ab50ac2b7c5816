//! The circuit file as it is written, before anything is checked but its form. Unknown keys are errors.

use crate::board::circuit::{Active, Colour, Rail};
use crate::tables::{self, table, words};
use toml::Spanned;

table! {
    #[derive(Debug)]
    pub(super) struct RawCircuit {
        pub wire: Vec<RawWire>,
        pub button: Vec<RawButton>,
        pub led: Vec<RawLed>,
        pub pulse: Vec<RawPulse>,
        pub light_sensor: Vec<RawLightSensor>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawWire {
        pub name: Spanned<String>,
        pub between: Spanned<[Spanned<String>; 2]>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawButton {
        pub name: Spanned<String>,
        pub line: Spanned<String>,
        pub to: Rail,
        pub bounce: Option<RawBounce>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawBounce {
        pub edges: Spanned<u32>,
        pub within_ms: Spanned<f64>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawLed {
        pub name: Spanned<String>,
        pub line: Spanned<String>,
        pub colour: Colour,
        pub active: Active,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawPulse {
        pub name: Spanned<String>,
        pub line: Spanned<String>,
        pub frequency_hz: Option<Spanned<f64>>,
        pub period_us: Option<Spanned<f64>>,
        pub duty: Option<Spanned<f64>>,
        pub on: bool,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawLightSensor {
        pub name: Spanned<String>,
        pub line: Spanned<String>,
        pub capacitance_uf: Spanned<f64>,
        pub supply_volts: Option<Spanned<f64>>,
        pub threshold_volts: Option<Spanned<f64>>,
        pub ohms_at_10_lux: Spanned<f64>,
        pub gamma: Spanned<f64>,
        pub light: Spanned<RawLight>,
    }
}

table! {
    /// Either `lux`, or `curve` and perhaps `repeat`.
    #[derive(Debug)]
    pub(super) struct RawLight {
        pub lux: Option<Spanned<f64>>,
        pub curve: Option<Spanned<Vec<RawPoint>>>,
        pub repeat: Option<Spanned<bool>>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct RawPoint {
        pub seconds: Spanned<f64>,
        pub lux: Spanned<f64>,
    }
}

words!(Rail, Colour, Active = Active::High);

/// Reads a text.
///
/// # Errors
/// It is no TOML, or has not this form.
pub(super) fn read(text: &str) -> tables::Result<RawCircuit> {
    tables::read(text, RawCircuit::KEYS, RawCircuit::of)
}
