//! The words that people type: values, assignments, edges, times.

use super::given::quoted;
use gpiod_sdk::{Edge, Value};
use std::time::Duration;

/// `active` or `inactive`, and what else stands for them. Not `high` or `low`: those are levels, and on an active-low
/// line the other way round.
pub(super) fn value(word: &str) -> Result<Value, String> {
    match word {
        "active" | "1" | "on" => Ok(Value::Active),
        "inactive" | "0" | "off" => Ok(Value::Inactive),
        _ => Err(format!("{} is no value: write active (1, on) or inactive (0, off)", quoted(word.as_ref()))),
    }
}

/// `NAME=VALUE`.
pub(super) fn assignment(word: &str) -> Result<(String, Value), String> {
    match word.rsplit_once('=') {
        Some((name, word)) if !name.is_empty() => Ok((name.to_owned(), value(word)?)),
        Some(_) => {
            Err(format!("{} names no line: write NAME=VALUE, such as red=active", quoted(word.as_ref())))
        }
        None => {
            let told = quoted(word.as_ref());
            let name = told.trim_matches(['"', '…']);
            Err(format!("{told} has no value: write NAME=VALUE, such as {name}=active"))
        }
    }
}

/// `rising`, `falling` or `both`.
pub(super) fn edge(word: &str) -> Option<Edge> {
    [Edge::Rising, Edge::Falling, Edge::Both].into_iter().find(|edge| edge.to_string() == word)
}

/// Any word.
#[expect(clippy::unnecessary_wraps, reason = "one of those that may refuse a word")]
pub(super) fn text(word: &str) -> Result<String, String> {
    Ok(word.to_owned())
}

/// A whole number in a range.
pub(super) fn number<T: TryFrom<u64>>(word: &str, least: u64, most: u64) -> Result<T, String> {
    let number = word.parse().ok().filter(|number| (least..=most).contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| match most {
        u64::MAX => format!("not a whole number from {least} on"),
        _ => format!("not a whole number from {least} to {most}"),
    })
}

/// How many, at least one.
pub(super) fn some(word: &str) -> Result<u64, String> {
    number(word, 1, u64::MAX)
}

/// What has this name.
pub(super) fn named<T: Copy>(word: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    all.iter()
        .copied()
        .find(|one| name(*one) == word)
        .ok_or_else(|| "there is nothing of that name".to_owned())
}

/// `rising`, `falling` or `both`, as an argument.
pub(super) fn edge_argument(word: &str) -> Result<Edge, String> {
    edge(word).ok_or_else(|| "write rising, falling or both".to_owned())
}

/// A number with its unit.
pub(super) fn time(word: &str) -> Result<Duration, String> {
    humantime::parse_duration(word).map_err(|_| {
        format!(
            "{} is no time: write a number with its unit, such as 100us, 5ms or 2s",
            quoted(word.as_ref())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_a_name_and_a_logical_value() {
        assert_eq!(assignment("hall/red=on"), Ok(("hall/red".into(), Value::Active)));
        assert_eq!(assignment("a=b=0"), Ok(("a=b".into(), Value::Inactive)));
        for (wrong, named) in
            [("red", "red=active"), ("=1", "names no line"), ("red=high", "no value"), ("", "NAME=VALUE")]
        {
            let message = assignment(wrong).unwrap_err();
            assert!(message.contains(named), "{wrong}: {message}");
        }
    }

    #[test]
    fn a_time_has_a_unit_and_is_not_negative() {
        assert_eq!(time("100us"), Ok(Duration::from_micros(100)));
        assert_eq!(time("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "5", "-1s", "1 fortnight", "99999999999999999999s", "nan"] {
            let message = time(wrong).unwrap_err();
            assert!(message.contains("100us"), "{wrong}: {message}");
        }
    }
}
