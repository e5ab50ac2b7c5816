//! What the HTTP pages say: pure, from a path and the state to a page.

use crate::reading::{Outcome, Reading};
use gpiod_pages::{Page, Status};
use std::fmt::Write;
use std::time::{Duration, SystemTime};

/// What the pages tell about.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Whether the line is held at present.
    pub(crate) connected: bool,
    /// The last reading.
    pub(crate) last: Option<Reading>,
    ok: u64,
    uncertain: u64,
    timeout: u64,
}

impl State {
    /// Takes a new reading.
    pub(crate) fn take(&mut self, reading: Reading) {
        match reading.outcome {
            Outcome::Charged { lost_edges: 0, .. } => self.ok += 1,
            Outcome::Charged { .. } => self.uncertain += 1,
            Outcome::TimedOut { .. } => self.timeout += 1,
        }
        self.last = Some(reading);
    }
}

const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of that path.
pub(crate) fn page(path: &str, state: &State) -> Page {
    let (status, content_type, body) = match path {
        "/" | "/reading" => match &state.last {
            Some(reading) => (Status::Ok, JSON, reading.to_json() + "\n"),
            None => (Status::Unavailable, JSON, "{\"status\":\"none yet\"}\n".to_owned()),
        },
        "/metrics" => (Status::Ok, PROMETHEUS, metrics(state)),
        // A restart of this program brings no absent daemon back, so only an answer matters here.
        "/healthz" => return Page::text(Status::Ok, "ok\n"),
        _ => return Page::text(Status::NotFound, "not found; there are /reading, /metrics and /healthz\n"),
    };
    Page { status, content_type, body }
}

/// The page of a request that is neither GET nor HEAD.
pub(crate) fn wrong_method() -> Page {
    Page::text(Status::WrongMethod, "only GET and HEAD\n")
}

fn metrics(state: &State) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(&str, String)]| {
        if samples.is_empty() {
            return;
        }
        // Writing to a string can not fail.
        let _ = writeln!(text, "# HELP light_sensor_{name} {help}\n# TYPE light_sensor_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "light_sensor_{name}{labels} {value}");
        }
    };
    let connected = u8::from(state.connected).to_string();
    metric("connected", "gauge", "Whether gpiod is there and the line is held.", &[("", connected)]);
    let counts = [
        (r#"{status="ok"}"#, state.ok.to_string()),
        (r#"{status="uncertain"}"#, state.uncertain.to_string()),
        (r#"{status="timeout"}"#, state.timeout.to_string()),
    ];
    metric("readings_total", "counter", "Readings taken, by their status.", &counts);
    if let Some(reading) = &state.last {
        // A clock before 1970 is not set yet: no time is better than a wrong one.
        let time = reading.time.duration_since(SystemTime::UNIX_EPOCH).map(seconds).into_iter();
        let time: Vec<_> = time.map(|time| ("", time)).collect();
        metric("last_reading_timestamp_seconds", "gauge", "When the last reading ended.", &time);
        if let Outcome::Charged { charge, uncertainty, .. } = reading.outcome {
            let help = "Charge time in the last reading; larger is darker. Absent when it timed out.";
            metric("charge_seconds", "gauge", help, &[("", seconds(charge))]);
            let help = "The true charge time is at most this far away.";
            metric("uncertainty_seconds", "gauge", help, &[("", seconds(uncertainty))]);
        }
    }
    text
}

/// In Prometheus's base unit, to the ns.
fn seconds(duration: Duration) -> String {
    format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charged(us: u64) -> Reading {
        Reading {
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000),
            outcome: Outcome::Charged {
                charge: Duration::from_micros(us),
                uncertainty: Duration::from_nanos(2500),
                lost_edges: 0,
            },
        }
    }

    fn timed_out() -> Reading {
        Reading { outcome: Outcome::TimedOut { waited: Duration::from_secs(2), high: false }, ..charged(0) }
    }

    #[test]
    fn the_last_reading_is_served_on_both_paths_as_it_is_printed() {
        let mut state = State::default();
        state.take(charged(1));
        state.take(charged(8123));
        for path in ["/", "/reading"] {
            let body = format!("{}\n", charged(8123).to_json());
            assert_eq!(page(path, &state), Page { status: Status::Ok, content_type: JSON, body });
        }
    }

    #[test]
    fn before_the_first_reading_there_is_none_and_that_is_no_failure_of_health() {
        let state = State::default();
        assert_eq!(page("/reading", &state).status, Status::Unavailable);
        assert_eq!(page("/healthz", &state).status, Status::Ok);
        assert!(!page("/metrics", &state).body.contains("charge_seconds"));
    }

    #[test]
    fn another_path_is_not_found() {
        for path in ["/readings", "/metrics/", "", "/../etc/passwd"] {
            assert_eq!(page(path, &State::default()).status, Status::NotFound, "{path}");
        }
    }

    #[test]
    fn the_metrics_are_prometheus_text_in_base_units() {
        let mut state = State { connected: true, ..State::default() };
        state.take(timed_out());
        state.take(charged(8123));
        let expected = "\
# HELP light_sensor_connected Whether gpiod is there and the line is held.
# TYPE light_sensor_connected gauge
light_sensor_connected 1
# HELP light_sensor_readings_total Readings taken, by their status.
# TYPE light_sensor_readings_total counter
light_sensor_readings_total{status=\"ok\"} 1
light_sensor_readings_total{status=\"uncertain\"} 0
light_sensor_readings_total{status=\"timeout\"} 1
# HELP light_sensor_last_reading_timestamp_seconds When the last reading ended.
# TYPE light_sensor_last_reading_timestamp_seconds gauge
light_sensor_last_reading_timestamp_seconds 1795000000.000000000
# HELP light_sensor_charge_seconds Charge time in the last reading; larger is darker. Absent when it timed out.
# TYPE light_sensor_charge_seconds gauge
light_sensor_charge_seconds 0.008123000
# HELP light_sensor_uncertainty_seconds The true charge time is at most this far away.
# TYPE light_sensor_uncertainty_seconds gauge
light_sensor_uncertainty_seconds 0.000002500
";
        assert_eq!(page("/metrics", &state).body, expected);
    }

    #[test]
    fn a_reading_that_timed_out_leaves_no_old_number_behind() {
        let mut state = State::default();
        state.take(charged(8123));
        state.take(timed_out());
        assert!(!page("/metrics", &state).body.contains("charge_seconds"));
        assert!(page("/reading", &state).body.contains("timeout"));
    }
}
