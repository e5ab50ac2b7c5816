use super::*;
use crate::board::circuit::{Active, Colour, Rail};

fn parse(text: &str) -> Result<Circuit, String> {
    super::parse(Path::new("c.toml"), text).map_err(|mistakes| mistakes.to_string())
}

fn mistakes(text: &str) -> Vec<String> {
    parse(text).unwrap_err().lines().map(str::to_owned).collect()
}

#[test]
fn the_circuit_of_the_demonstration_is_read() {
    let text = include_str!("../../../../demo/circuit.toml");
    let circuit = parse(text).unwrap();
    let leds: Vec<_> = circuit.leds.iter().map(|led| (led.line.bcm(), led.colour, led.active)).collect();
    assert_eq!(
        leds,
        [
            (9, Colour::Red, Active::High),
            (10, Colour::Yellow, Active::High),
            (11, Colour::Green, Active::High)
        ]
    );
    assert_eq!(circuit.buttons[0].to, Rail::Ground);
    assert_eq!(circuit.buttons[0].bounce, Some(Bounce { edges: 6, within_ns: 4_000_000 }));
    let sensor = &circuit.light_sensors[0];
    assert_eq!((sensor.line.bcm(), sensor.supply_volts, sensor.threshold_volts), (4, 3.3, 1.8));
    assert!((sensor.light.lux(8_000_000_000) - 2.0).abs() < 1e-9);
}

#[test]
fn a_pulse_has_a_frequency_or_a_period() {
    let pulse = |keys: &str| parse(&format!("[[pulse]]\nname = 'p'\nline = 'GPIO5'\n{keys}\n"));
    let times =
        |keys: &str| pulse(keys).map(|circuit| (circuit.pulses[0].period_ns, circuit.pulses[0].high_ns));
    assert_eq!(times("frequency_hz = 50"), Ok((20_000_000, 10_000_000)));
    assert_eq!(times("period_us = 100.0\nduty = 0.1"), Ok((100_000, 10_000)));
    assert_eq!(
        times("frequency_hz = 1\nperiod_us = 20").unwrap_err(),
        "c.toml:5: period_us: give either frequency_hz or period_us"
    );
    assert_eq!(times("").unwrap_err(), "c.toml:2: frequency_hz: is missing, and so is period_us");
    assert_eq!(times("period_us = 1").unwrap_err(), "c.toml:4: period_us: must be from 20 to 1000000000");
}

#[test]
fn a_mistake_in_form_says_file_line_key_and_reason() {
    assert_eq!(
        mistakes("[[led]]\nname = 'red'\nline = 'GPIO9'\ncolor = 'red'\n"),
        ["c.toml:4: color: unknown field `color`, expected one of `name`, `line`, `colour`, `active`"]
    );
    assert_eq!(
        mistakes("[[led]]\nname = 'red'\nline = 'GPIO9'\ncolour = 'mauve'\n"),
        [
            "c.toml:4: colour: unknown variant `mauve`, expected one of `red`, `yellow`, `green`, `blue`, `white`"
        ]
    );
    assert_eq!(
        mistakes("\n[[led]]\nname = 'red'\ncolour = 'red'\n"),
        ["c.toml:2: [[led]]: missing field `line`"]
    );
    assert_eq!(mistakes("[[led]\n").len(), 1);
    assert_eq!(
        mistakes("[[lamp]]\n"),
        [
            "c.toml:1: [[lamp]]: unknown field `lamp`, expected one of `wire`, `button`, `led`, `pulse`, `light_sensor`"
        ]
    );
}

#[test]
fn all_mistakes_in_meaning_are_told_at_once() {
    let text = "
[[wire]]
name = 'loop'
between = ['GPIO5', 'GPIO5']
[[button]]
name = 'loop'
line = 'GPIO28'
to = 'ground'
bounce = { edges = 3, within_ms = 0 }
[[led]]
name = 'two words'
line = 'GPIO9'
colour = 'red'
";
    assert_eq!(
        mistakes(text),
        [
            "c.toml:4: between: a wire needs two different lines",
            "c.toml:9: bounce.edges: must be an even number from 2 to 100",
            "c.toml:9: bounce.within_ms: must be from 0.001 to 1000",
            "c.toml:7: line: there is no line \"GPIO28\" on this board, which has GPIO0 to GPIO27",
            "c.toml:6: name: another component is called \"loop\" too",
            "c.toml:11: name: must be 1 to 63 letters, digits, '-' or '_'",
        ]
    );
}

fn sensor(line: &str, light: &str) -> String {
    format!(
        "[[light_sensor]]\nname = '{line}'\nline = '{line}'\ncapacitance_uf = 1\nohms_at_10_lux = 1e4\ngamma = 0.7\n{light}\n"
    )
}

#[test]
fn light_is_steady_or_a_curve_from_0_seconds_on() {
    assert_eq!(parse(&sensor("GPIO4", "light.lux = 5")).unwrap().light_sensors[0].light, Light::Steady(5.0));
    for (light, mistake) in [
        ("light = {}", "light: needs lux or curve"),
        ("light.lux = 0", "light.lux: must be from 0.001 to 200000"),
        ("light.lux = nan", "light.lux: must be from 0.001 to 200000"),
        ("light = { lux = 1, repeat = true }", "light.repeat: only a curve repeats"),
        ("light.curve = []", "light.curve: must have a first point at 0 seconds"),
        ("light.curve = [{ seconds = 1, lux = 1 }]", "light.curve: must have a first point at 0 seconds"),
        (
            "light = { repeat = true, curve = [{ seconds = 0, lux = 1 }] }",
            "light.curve: needs two points to repeat",
        ),
        (
            "light.curve = [{ seconds = 0, lux = 1 }, { seconds = 0, lux = 2 }]",
            "light.curve.seconds: must be later than the point before",
        ),
    ] {
        assert_eq!(mistakes(&sensor("GPIO4", light)), [format!("c.toml:7: {mistake}")]);
    }
}

#[test]
fn two_light_sensors_on_one_net_are_refused() {
    let two = sensor("GPIO4", "light.lux = 5") + &sensor("GPIO5", "light.lux = 5");
    assert_eq!(parse(&two).map(|circuit| circuit.light_sensors.len()), Ok(2));
    let wired = two + "[[wire]]\nname = 'w'\nbetween = ['GPIO5', 'GPIO4']\n";
    assert_eq!(mistakes(&wired), ["c.toml:10: line: a light sensor is connected to GPIO5 already"]);
}

#[test]
fn a_threshold_above_the_supply_is_refused() {
    let text = sensor("GPIO4", "light.lux = 5\nthreshold_volts = 3.3");
    assert_eq!(mistakes(&text), ["c.toml:8: threshold_volts: must be less than supply_volts"]);
}

#[test]
fn the_circuit_in_the_manual_is_read() {
    let manual = include_str!("../../../../../docs/board.md");
    let (_, rest) = manual.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let circuit = parse(text).unwrap();
    let kinds = (circuit.wires.len(), circuit.buttons.len(), circuit.leds.len(), circuit.pulses.len());
    assert_eq!((kinds, circuit.light_sensors.len()), ((1, 1, 1, 1), 1), "one of each kind");
}

#[test]
fn a_circuit_has_a_limit() {
    let led = |n| format!("[[led]]\nname = 'led{n}'\nline = 'GPIO9'\ncolour = 'red'\n");
    let leds = |count| (0..count).map(led).collect::<String>();
    assert_eq!(parse(&leds(200)).map(|circuit| circuit.leds.len()), Ok(200));
    assert_eq!(mistakes(&leds(201)), ["c.toml:1: a circuit has at most 200 components, not 201"]);
}
