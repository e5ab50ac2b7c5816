use super::*;
use crate::board::Line;
use crate::board::light::{Curve, Point};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 77 * SECOND;

fn parts(light: Light) -> circuit::LightSensor {
    circuit::LightSensor {
        name: "window".to_owned(),
        line: Line::ALL[4],
        farads: 1e-6,
        supply_volts: 3.3,
        threshold_volts: 1.8,
        ohms_at_10_lux: 10_000.0,
        gamma: 0.7,
        light,
    }
}

/// The moments at which the level changes until `until`, looked at only at these moments.
fn changes(sensor: &mut LightSensor, looks: impl IntoIterator<Item = u64>, until: u64) -> Vec<u64> {
    let mut changes = Vec::new();
    for look in looks.into_iter().chain([until]) {
        while let Some(at) = sensor.next_change().filter(|at| *at <= look) {
            if sensor.advance(at) {
                changes.push(at);
            }
        }
        sensor.volts(look);
    }
    changes
}

#[test]
fn an_empty_capacitor_takes_the_time_of_the_formula() {
    for lux in [0.01, 1.0, 10.0, 1_000.0] {
        let mut sensor = LightSensor::new(parts(Light::Steady(lux)), START);
        let at = changes(&mut sensor, [], u64::MAX)[0];
        let expected = sensor.parts.charge_seconds(lux) * 1e9;
        assert!(
            ((at - START) as f64 - expected).abs() <= 1.0,
            "{lux} lux: {} ns, not {expected}",
            at - START
        );
    }
}

#[test]
fn a_driver_empties_the_capacitor_as_far_as_it_is_strong_enough() {
    let mut sensor = LightSensor::new(parts(Light::Steady(10.0)), START);
    changes(&mut sensor, [], START + SECOND);
    sensor.set_load(START + SECOND, Load::default().and(1, DRIVER_OHMS, 0.0));
    let fell = changes(&mut sensor, [], START + 2 * SECOND);
    // 3.3 V fall below 1.8 V in RC·ln(3.3/1.8) with 1 µF and a little less than 50 ohms: some 30 µs, and no less.
    assert!((29_000..31_000).contains(&(fell[0] - START - SECOND)), "{fell:?}");
    let left = 3.3 * 50.0 / 10_050.0;
    assert!((sensor.volts(START + 2 * SECOND) - left).abs() < 1e-6);
}

#[test]
fn a_pull_up_that_is_left_on_charges_as_well() {
    let mut sensor = LightSensor::new(parts(Light::Steady(1.0)), START);
    sensor.set_load(START, Load::default().and(1, PULL_OHMS, SUPPLY_VOLTS));
    let at = changes(&mut sensor, [], u64::MAX)[0];
    let (resistor, pull) = (sensor.ohms(START), PULL_OHMS);
    let expected = 1e9 * resistor * pull / (resistor + pull) * 1e-6 * (3.3_f64 / 1.5).ln();
    assert!(((at - START) as f64 - expected).abs() <= 1.0);
}

fn dusk() -> Light {
    let point = |s: u64, lux| Point { at_ns: s * SECOND, lux };
    Light::Curve(Curve { points: vec![point(0, 500.0), point(2, 0.1), point(3, 300.0)], repeat: true })
}

#[test]
fn under_changing_light_the_capacitor_follows_its_differential_equation() {
    let load = Load::default().and(1, PULL_OHMS, 0.0);
    let mut sensor = LightSensor::new(parts(dusk()), START);
    sensor.set_load(START, load);
    let crossings = changes(&mut sensor, [], START + 3 * SECOND);
    // The same by Runge and Kutta, in steps of 20 µs.
    let slope = |t: f64, v: f64| {
        let ohms = sensor
            .parts
            .ohms(sensor.parts.light.lux(Duration::from_secs_f64(t).as_nanos().try_into().unwrap()));
        ((3.3 - v) / ohms - v / PULL_OHMS) / 1e-6
    };
    let (h, mut t, mut v, mut expected) = (20e-6, 0.0, 0.0, Vec::new());
    while t < 3.0 {
        let k1 = slope(t, v);
        let k2 = slope(t + h / 2.0, v + h / 2.0 * k1);
        let k3 = slope(t + h / 2.0, v + h / 2.0 * k2);
        let k4 = slope(t + h, v + h * k3);
        let next = v + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        if (v < 1.8) != (next < 1.8) {
            expected.push(t + h * (1.8 - v) / (next - v));
        }
        (t, v) = (t + h, next);
    }
    assert_eq!((crossings.len(), expected.len()), (3, 3), "up in the light, down at dusk, up again");
    for (got, expected) in crossings.into_iter().zip(expected) {
        let got = (got - START) as f64 * 1e-9;
        assert!((got - expected).abs() < 1e-6, "{got} s, not {expected} s");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn looking_more_often_changes_nothing(mut looks in prop::collection::vec(0..6 * SECOND, 0..40)) {
        looks.sort_unstable();
        let sensor = || {
            let mut sensor = LightSensor::new(parts(dusk()), START);
            sensor.set_load(START, Load::default().and(1, PULL_OHMS, 0.0));
            sensor
        };
        let (mut looked, mut left_alone) = (sensor(), sensor());
        let looks: Vec<u64> = looks.into_iter().map(|at| START + at).collect();
        let end = START + 6 * SECOND;
        prop_assert_eq!(changes(&mut looked, looks, end), changes(&mut left_alone, [], end));
    }
}
