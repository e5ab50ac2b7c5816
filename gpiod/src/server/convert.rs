//! Messages to domain values and back. Everything that a client can get wrong by itself is refused here.

mod list;
mod program;
mod sample;
mod watch;

pub(super) use list::list;
pub(super) use program::{program_result, steps};
pub(super) use sample::sample_part;
use watch::event;
pub(super) use watch::{watch_part, watch_request};

use crate::broker::{Change, Hold, Released, WantedDirection, WantedLine};
use crate::error::Error;
use crate::holder::MAX_CLIENT_NAME;
use crate::line::{Bias, Direction, Value, Values};
use crate::token::Token;
use crate::watch::EdgeFilter;
use gpiod_proto::v1;
use std::ops::RangeInclusive;

/// What a watchdog may be set to, in ns: below 10 ms an ordinary scheduling delay would end sessions.
const WATCHDOG_NS: RangeInclusive<u64> = 10_000_000..=3_600_000_000_000;

fn invalid(reason: impl Into<String>) -> Error {
    Error::InvalidRequest(reason.into())
}

/// A name that a client gives itself: short, and safe to print.
pub(super) fn client_name(name: String) -> Result<String, Error> {
    printable("client_name", name)
}

/// Text that others see in their terminals: nothing invisible, nothing that moves the text around it.
fn printable(field: &str, text: String) -> Result<String, Error> {
    if text.len() > MAX_CLIENT_NAME {
        let bytes = text.len();
        return Err(invalid(format!("{field} has {bytes} bytes, at most {MAX_CLIENT_NAME} are taken")));
    }
    if !text.chars().all(|c| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ') {
        return Err(invalid(format!(
            "{field} has characters other than letters, digits, ASCII punctuation and spaces"
        )));
    }
    Ok(text)
}

pub(super) fn wanted_lines(lines: Vec<v1::SessionLine>) -> Result<Vec<WantedLine>, Error> {
    lines.into_iter().map(wanted_line).collect()
}

fn wanted_line(line: v1::SessionLine) -> Result<WantedLine, Error> {
    let direction = match v1::Direction::try_from(line.direction) {
        Ok(v1::Direction::Unspecified) => None,
        Ok(v1::Direction::Input) => Some(WantedDirection::Input),
        Ok(v1::Direction::Output) => Some(WantedDirection::Output),
        Ok(v1::Direction::Both) => Some(WantedDirection::Both),
        Err(_) => return Err(invalid(format!("{} is no direction", line.direction))),
    };
    let initial = match v1::Value::try_from(line.initial) {
        Ok(v1::Value::Unspecified) => None,
        Ok(v1::Value::Inactive) => Some(Value::Inactive),
        Ok(v1::Value::Active) => Some(Value::Active),
        Err(_) => return Err(invalid(format!("{} is no value", line.initial))),
    };
    Ok(WantedLine { name: line.name, direction, initial })
}

/// Why the administrator lets go of lines, for those who held them.
pub(super) fn reason(reason: String) -> Result<String, Error> {
    let reason = printable("reason", reason)?;
    Ok(if reason.is_empty() { "no reason given".to_owned() } else { reason })
}

/// Whose lines were let go.
pub(super) fn released(released: Vec<Released>) -> v1::ReleaseGroupResponse {
    let holders = released
        .into_iter()
        .map(|Released { holder, lines }| v1::ReleasedHolder { holder: Some(list::holder(holder)), lines });
    v1::ReleaseGroupResponse { holders: holders.collect() }
}

/// The token of the session that a client means to go on with.
pub(super) fn token(bytes: &[u8]) -> Result<Option<Token>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let token = Token::from_bytes(bytes);
    token.map(Some).ok_or_else(|| invalid("resume_token is not one that this API gives: it has 16 bytes"))
}

/// A session that was just opened.
pub(super) fn open_result(hold: &Hold) -> v1::OpenResult {
    v1::OpenResult {
        values: Some(values(hold.first)),
        token: hold.token.map(|token| token.bytes().to_vec()).unwrap_or_default(),
        resumed: hold.resumed,
    }
}

/// A watchdog's time in ns; `None` is no watchdog.
pub(super) fn watchdog(watchdog_ns: u64) -> Result<Option<u64>, Error> {
    match watchdog_ns {
        0 => Ok(None),
        ns if WATCHDOG_NS.contains(&ns) => Ok(Some(ns)),
        ns => Err(invalid(format!(
            "watchdog_ns is {ns}, not between {} and {}",
            WATCHDOG_NS.start(),
            WATCHDOG_NS.end()
        ))),
    }
}

pub(super) fn edge_filter(edge: i32) -> Result<EdgeFilter, Error> {
    match v1::Edge::try_from(edge) {
        Ok(v1::Edge::Unspecified | v1::Edge::Both) => Ok(EdgeFilter::Both),
        Ok(v1::Edge::Rising) => Ok(EdgeFilter::Rising),
        Ok(v1::Edge::Falling) => Ok(EdgeFilter::Falling),
        Err(_) => Err(invalid(format!("{edge} is no edge"))),
    }
}

pub(super) fn change(command: v1::ConfigureCommand) -> Result<Change, Error> {
    let direction = match v1::Direction::try_from(command.direction) {
        Ok(v1::Direction::Unspecified) => None,
        Ok(_) | Err(_) => Some(direction(command.direction)?),
    };
    let bias = match v1::Bias::try_from(command.bias) {
        Ok(v1::Bias::Unspecified) => None,
        Ok(v1::Bias::Disabled) => Some(Bias::Disabled),
        Ok(v1::Bias::PullUp) => Some(Bias::PullUp),
        Ok(v1::Bias::PullDown) => Some(Bias::PullDown),
        Err(_) => return Err(invalid(format!("{} is no bias", command.bias))),
    };
    if direction.is_none() && bias.is_none() {
        return Err(invalid("the configure command changes nothing"));
    }
    Ok(Change { mask: command.mask, direction, bits: command.bits, bias })
}

/// A direction that a line can take at one moment.
fn direction(direction: i32) -> Result<Direction, Error> {
    match v1::Direction::try_from(direction) {
        Ok(v1::Direction::Input) => Ok(Direction::Input),
        Ok(v1::Direction::Output) => Ok(Direction::Output),
        Ok(v1::Direction::Unspecified | v1::Direction::Both) | Err(_) => {
            Err(invalid("the direction to change to is INPUT or OUTPUT"))
        }
    }
}

pub(super) fn values(values: Values) -> v1::Values {
    v1::Values { bits: values.bits, timestamp_ns: values.read.timestamp_ns }
}
