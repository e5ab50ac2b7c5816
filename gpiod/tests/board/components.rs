//! Components, as a program meets them through the backend.

use crate::bench::{Board, input, output, with_bias};
use gpiod::board::model::Part;
use gpiod::board::record::Change;
use gpiod::line::{Bias, Direction, Edge, LineConfig};
use std::time::Duration;

const MS: u64 = 1_000_000;

const SENSOR: &str = "
[[light_sensor]]
name = 'window'
line = 'GPIO4'
capacitance_uf = 1
ohms_at_10_lux = 10_000
gamma = 0.7
light.lux = 0.3
";

/// Empties the capacitor, lets go with this pull, and returns how long it took to charge and how long it should
/// take by the board's own word, both in µs, and the photoresistor's ohms.
async fn reading(board: &Board, bias: Bias) -> (f64, f64, f64) {
    let (mut hold, mut edges) = board.hold(&[(4, with_bias(Bias::Disabled, output()))]);
    let mut client = board.client().await;
    // Emptied when the capacitor says so: a program would wait, a test asks.
    let sensor = loop {
        let state = client.state().await.unwrap();
        let Part::LightSensor { volts, ohms, expected_charge_us, .. } = state.components[0].part else {
            panic!("{:?}", state.components);
        };
        if volts < 3.3 * 50.0 / (ohms + 50.0) + 1e-6 {
            break (expected_charge_us, ohms);
        }
    };
    let let_go = hold.configure(&[(0, with_bias(bias, input()))]).unwrap();
    let edge = edges.next(1).await[0];
    assert_eq!(edge.edge, Edge::Rising);
    ((edge.timestamp_ns - let_go.timestamp_ns) as f64 / 1e3, sensor.0, sensor.1)
}

#[tokio::test]
async fn a_light_sensor_charges_in_the_time_of_the_formula() {
    let board = Board::start(SENSOR, &[]);
    let (measured, expected, _) = reading(&board, Bias::Disabled).await;
    assert!((measured / expected - 1.0).abs() < 1e-3, "{measured} µs, not {expected} µs");
}

#[tokio::test]
async fn a_pull_up_that_is_left_on_makes_it_seem_brighter_by_as_much_as_physics_says() {
    let board = Board::start(SENSOR, &[]);
    let (measured, expected, ohms) = reading(&board, Bias::PullUp).await;
    let parallel = expected * 50e3 / (50e3 + ohms);
    assert!(measured < expected / 2.0, "{measured} µs of {expected} µs");
    assert!((measured / parallel - 1.0).abs() < 2e-3, "{measured} µs, not {parallel} µs");
}

#[tokio::test]
async fn light_by_hand_is_the_light_that_is_read() {
    let board = Board::start(SENSOR, &[]);
    board.client().await.light("window", Some(100.0)).await.unwrap();
    let (measured, expected, ohms) = reading(&board, Bias::Disabled).await;
    assert!((ohms - 10_000.0 * 10_f64.powf(-0.7)).abs() < 1e-6);
    // What the driver could not take out of the capacitor is missing from the time.
    let left = 3.3 * 50.0 / (ohms + 50.0);
    let true_time = expected * ((3.3 - left) / 1.5).ln() / (3.3_f64 / 1.5).ln();
    assert!((measured - true_time).abs() < 0.1, "{measured} µs, not {true_time} µs");
}

const BUTTON: &str = "
[[button]]
name = 'b'
line = 'GPIO17'
to = 'ground'
bounce = { edges = 6, within_ms = 3 }
";

fn pulled_up() -> LineConfig {
    LineConfig { active_low: true, ..with_bias(Bias::PullUp, input()) }
}

#[tokio::test]
async fn a_bouncing_button_is_seen_as_it_bounces() {
    let board = Board::start(BUTTON, &[]);
    let (_hold, mut edges) = board.hold(&[(17, pulled_up())]);
    board.client().await.press("b", Some(Duration::from_millis(10))).await.unwrap();
    let seen = edges.next(14).await;
    let since: Vec<_> = seen.iter().map(|edge| edge.timestamp_ns - seen[0].timestamp_ns).collect();
    let bounce = |from| (0..=6).map(move |n| from + n * MS / 2);
    assert_eq!(since, bounce(0).chain(bounce(10 * MS)).collect::<Vec<_>>());
    assert!(
        seen.iter()
            .zip([Edge::Rising, Edge::Falling].iter().cycle())
            .take(7)
            .all(|(e, edge)| e.edge == *edge)
    );
}

#[tokio::test]
async fn debounce_makes_one_edge_of_it_at_the_end_of_its_period() {
    let board = Board::start(BUTTON, &[]);
    let mut client = board.client().await;
    let (mut hold, mut edges) = board.hold(&[(17, LineConfig { debounce_ns: 5 * MS, ..pulled_up() })]);
    let since = client.state().await.unwrap().last_seq;
    client.press("b", None).await.unwrap();
    let pressed = client.wait_for(since, |entry| entry.change == Change::Level).await.unwrap().time_ns;
    let seen = edges.next(1).await;
    assert_eq!((seen[0].edge, seen[0].timestamp_ns, seen[0].line_seqno), (Edge::Rising, pressed + 8 * MS, 1));
    assert_eq!(hold.read(1).unwrap().bits, 1);
    client.release("b").await.unwrap();
    let seen = edges.next(1).await;
    assert_eq!((seen.len(), seen[0].edge, seen[0].line_seqno), (1, Edge::Falling, 2));
}

#[tokio::test]
async fn a_pulse_source_is_counted_to_the_nanosecond() {
    let board =
        Board::start("[[pulse]]\nname = 'p'\nline = 'GPIO22'\nfrequency_hz = 1000\nduty = 0.25\n", &[]);
    let (_hold, mut edges) = board.hold(&[(22, input())]);
    let mut client = board.client().await;
    client.pulse("p", true).await.unwrap();
    let seen = edges.next(40).await;
    client.pulse("p", false).await.unwrap();
    // On a busy machine the buffer may overflow: the numbers say by how much, and the times still fit.
    let at = |seqno: u32| u64::from((seqno - 1) / 2) * MS + if seqno % 2 == 1 { 0 } else { MS / 4 };
    let began = seen[0].timestamp_ns - at(seen[0].line_seqno);
    for edge in seen {
        assert_eq!(edge.timestamp_ns, began + at(edge.line_seqno));
        assert_eq!(edge.edge == Edge::Rising, edge.line_seqno % 2 == 1);
    }
    assert_eq!(client.state().await.unwrap().lines[22].direction, Direction::Input);
}
