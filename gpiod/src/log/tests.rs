//! What the log writes, byte by byte.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Lines of the log that were written while something was done.
pub(crate) fn lines(filter: &str, form: Form, act: impl FnOnce()) -> String {
    let lines = Arc::new(Mutex::new(String::new()));
    let sink = lines.clone();
    let log = Log::new(filter, form, Box::new(move |line| sink.lock().unwrap().push_str(line))).unwrap();
    tracing::subscriber::with_default(log, act);
    lines.lock().unwrap().clone()
}

/// The same for what is logged from `debug` on, without the time.
fn timeless(form: Form, act: impl FnOnce()) -> String {
    let line = lines("debug", form, act);
    let start = match form {
        Form::Terminal => "\x1b[2m",
        Form::Json => "{\"timestamp\":\"",
    };
    let rest = line.strip_prefix(start).unwrap();
    let (time, rest) = rest.split_at("2026-11-30T20:02:29.075045Z".len());
    humantime::parse_rfc3339(time).unwrap();
    rest.to_owned()
}

fn held() {
    let nobody: Option<&str> = None;
    tracing::warn!({ { "lines" } = "a\"b", { "count" } = 3u64, { "pod" } = nobody, { "pid" } = -3i32 }, "lines {}", "held");
}

fn sorts() {
    let error = std::io::Error::other("full\nof");
    tracing::debug!(is = true, float = 1.5, none = f64::NAN, wide = u128::MAX, bytes = &b"a\xff"[..], error = %error,
        list = ?["x"], source = &error as &(dyn std::error::Error + 'static), "dotted.name" = i64::MIN);
}

fn control() {
    tracing::error!(shown = %"\x1b[2J\u{9b}\x7f\r\té", quoted = "\x1b\r", "m\x1b]0;\x07\né");
}

#[test]
fn on_a_terminal_a_line_has_the_level_in_its_colour_the_message_and_keys_with_values() {
    assert_eq!(
        timeless(Form::Terminal, held),
        "\x1b[0m \x1b[33m WARN\x1b[0m lines held \x1b[3mlines\x1b[0m\x1b[2m=\x1b[0m\"a\\\"b\" \
         \x1b[3mcount\x1b[0m\x1b[2m=\x1b[0m3 \x1b[3mpid\x1b[0m\x1b[2m=\x1b[0m-3\n"
    );
    let plain = timeless(Form::Terminal, sorts).replace("\x1b[3m", "").replace("\x1b[2m", "");
    assert_eq!(
        plain.replace("\x1b[0m", ""),
        " \x1b[34mDEBUG is=true float=1.5 none=NaN wide=340282366920938463463374607431768211455 bytes=[61 ff] \
         error=full\nof list=[\"x\"] source=full\nof dotted.name=-9223372036854775808\n"
    );
    assert_eq!(timeless(Form::Terminal, || tracing::info!("x")), "\x1b[0m \x1b[32m INFO\x1b[0m x\n");
    assert_eq!(
        timeless(Form::Terminal, || tracing::info!(message = "x")),
        "\x1b[0m \x1b[32m INFO\x1b[0m x\n"
    );
}

#[test]
fn otherwise_a_line_is_an_object_with_numbers_and_booleans_as_such() {
    assert_eq!(
        timeless(Form::Json, held),
        "\",\"level\":\"WARN\",\"message\":\"lines held\",\"lines\":\"a\\\"b\",\"count\":3,\"pid\":-3}\n"
    );
    assert_eq!(
        timeless(Form::Json, sorts),
        "\",\"level\":\"DEBUG\",\"is\":true,\"float\":1.5,\"none\":null,\
         \"wide\":\"340282366920938463463374607431768211455\",\"bytes\":\"[61 ff]\",\"error\":\"full\\nof\",\
         \"list\":\"[\\\"x\\\"]\",\"source\":\"full\\nof\",\"dotted.name\":-9223372036854775808}\n"
    );
}

#[test]
fn no_order_to_a_terminal_comes_through() {
    let line = timeless(Form::Terminal, control);
    assert!(line.contains("m\\u{1b}]0;\\u{7}\né "), "{line:?}");
    assert!(line.contains("\\u{1b}[2J\\u{9b}\\u{7f}\\r\té "), "{line:?}");
    assert!(line.ends_with("\"\\u{1b}\\r\"\n"), "{line:?}");
}

#[test]
fn what_the_filter_does_not_let_through_is_not_written() {
    let act = || {
        tracing::info!(target: "gpiod::guard", "a");
        tracing::debug!(target: "gpiod::server", "b");
        tracing::info!(target: "http", "c");
        tracing::error!(target: "http", "d");
    };
    let lines = lines("warn,gpiod=info,gpiod::guard=off,gpiod::server=debug", Form::Json, act);
    let said: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<&str> = said.iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(said, ["b", "d"]);
}

#[test]
fn spans_are_off_and_what_is_in_them_is_logged() {
    let lines = lines("debug", Form::Json, || {
        let span = tracing::error_span!("connection", peer = 1);
        assert!(span.is_disabled());
        span.in_scope(|| tracing::info!("inside"));
    });
    assert!(lines.ends_with("\"message\":\"inside\"}\n") && lines.lines().count() == 1, "{lines}");
}

#[test]
fn a_filter_that_can_not_be_read_is_a_wrong_argument_and_told() {
    let failure = Log::new("gpiod=loud", Form::Json, Box::new(|_| ())).err().unwrap();
    assert_eq!(failure.exit, Exit::Usage as u8);
    assert_eq!(
        failure.message,
        "\"gpiod=loud\" is no log filter: \"loud\" is none of off, error, warn, info, debug, trace, 0 to 5"
    );
}

proptest! {
    #[test]
    fn any_event_is_one_line_of_json_and_read_as_it_was(
        (text, count, number) in (any::<String>(), any::<u64>(), any::<f64>())
    ) {
        let line = lines("info", Form::Json, || {
            tracing::info!(text, shown = %text, quoted = ?text, count, number, "{text}");
        });
        prop_assert_eq!(line.lines().count(), 1);
        let event: Value = serde_json::from_str(&line).unwrap();
        for key in ["message", "text", "shown"] {
            prop_assert_eq!(&event[key], &Value::from(text.as_str()));
        }
        prop_assert_eq!(&event["quoted"], &Value::from(format!("{text:?}")));
        prop_assert_eq!(&event["count"], &Value::from(count));
        prop_assert_eq!(event["number"].is_null(), !number.is_finite());
    }

    #[test]
    fn of_control_characters_a_terminal_gets_our_colours_tabs_and_ends_of_lines_alone(text in any::<String>()) {
        let line = lines("info", Form::Terminal, || tracing::info!(text, shown = %text, "{text}"));
        let mut rest = line;
        for ours in ["\x1b[0m", "\x1b[2m", "\x1b[3m", "\x1b[32m"] {
            rest = rest.replace(ours, "");
        }
        prop_assert!(!rest.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{:?}", rest);
    }
}
