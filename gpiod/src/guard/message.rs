//! What daemon and guardian say to each other: one JSON object on a line each, with a version. Fields that are not known
//! are passed over, so one side may be newer; a version that is not ours is refused with both numbers.

use crate::json::{Json, Result as Read, by_key, field, field_or_default, object};
use crate::line::{Bias, LineInfo};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// Goes up when an older reader would do the wrong thing.
const VERSION: u32 = 1;
/// The longest message of a daemon, in bytes: some thousand lines.
pub(super) const CHARGE_BYTES: usize = 256 * 1024;
/// The longest answer, in bytes.
pub(super) const ANSWER_BYTES: usize = 4096;

/// Which line of a board, in words that outlive a process: positions of chips may change when one is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Label of its chip.
    pub chip: String,
    /// Its offset there.
    pub offset: u32,
    /// What the board calls it; may be empty.
    pub board_line: String,
}

object!(Place { chip, offset, board_line });

impl Place {
    /// The place of a line.
    pub fn of(info: &LineInfo) -> Self {
        Self { chip: info.chip.clone(), offset: info.id.offset, board_line: info.name.clone() }
    }
}

/// A line that the guardian cares for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ward {
    /// What the daemon calls it, `group/name`, for the log.
    pub name: String,
    /// Which it is.
    #[serde(flatten)]
    pub place: Place,
    /// The pull that it is to have as an input; `None` leaves what it has.
    pub bias: Option<Bias>,
}

impl Json for Ward {
    fn read(mut value: Value) -> Read<Self> {
        let (name, bias) = (field(&mut value, "name")?, field(&mut value, "bias")?);
        Ok(Self { name, place: Place::read(value)?, bias })
    }
}
by_key!(Ward);

/// What a daemon gives into care. A new charge replaces the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// The lines to make inputs when the daemon has gone.
    pub wards: Vec<Ward>,
    /// All other lines that the daemon has: it does with them what it wants, whoever had them in care before.
    pub others: Vec<Place>,
    /// Whether it has taken all of them. Until it says so it may fail to, and what another left stays due. An older
    /// daemon never says so; an older guardian passes it over and reads the same charge twice.
    pub taken: bool,
}

impl Json for Charge {
    fn read(mut value: Value) -> Read<Self> {
        Ok(Self {
            wards: field(&mut value, "wards")?,
            others: field(&mut value, "others")?,
            taken: field_or_default(&mut value, "taken")?,
        })
    }
}
by_key!(Charge);

/// What the guardian answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It cares for the lines from now on, and acts so many ms after the daemon has gone.
    WithinMs(u64),
    /// It does not, and why.
    Refused(String),
}

impl Json for Answer {
    fn read(mut value: Value) -> Read<Self> {
        if let Some(ms) = field(&mut value, "within_ms")? {
            return Ok(Self::WithinMs(ms));
        }
        let why: Option<String> = field(&mut value, "refused")?;
        why.map(Self::Refused).ok_or_else(|| "neither within_ms nor refused is said".to_owned())
    }
}

/// A message with its version.
#[derive(Serialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    message: T,
}

/// A message as a line, with its end.
///
/// # Errors
/// That it is longer than the reader takes.
pub(super) fn encode<T: Serialize>(message: &T, most: usize) -> Result<String, String> {
    let text = serde_json::to_string(&Versioned { version: VERSION, message }).map_err(|e| e.to_string())?;
    if text.len() > most {
        return Err(format!("a message of {} bytes is longer than the {most} that are read", text.len()));
    }
    Ok(text + "\n")
}

/// Reads a message.
///
/// # Errors
/// Another version, or what is no message.
pub(super) fn decode<T: Json>(line: &str) -> Result<T, String> {
    let mut message: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let version: u32 = field(&mut message, "version")?;
    if version != VERSION {
        return Err(format!("a message of version {version}, and only {VERSION} is understood here"));
    }
    T::read(message)
}

impl Answer {
    pub(super) fn within(wait: Duration) -> Self {
        Self::WithinMs(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ward(name: &str, offset: u32) -> Ward {
        let place = Place { chip: "pinctrl-bcm2835".into(), offset, board_line: format!("GPIO{offset}") };
        Ward { name: name.into(), place, bias: Some(Bias::PullDown) }
    }

    #[test]
    fn a_charge_is_read_as_it_was_written() {
        let place = ward("", 4).place;
        let charge = Charge { wards: vec![ward("heater/coil", 9)], others: vec![place], taken: true };
        let text = encode(&charge, CHARGE_BYTES).unwrap();
        assert_eq!(
            text,
            "{\"version\":1,\"wards\":[{\"name\":\"heater/coil\",\"chip\":\"pinctrl-bcm2835\",\"offset\":9,\
             \"board_line\":\"GPIO9\",\"bias\":\"pull-down\"}],\"others\":[{\"chip\":\"pinctrl-bcm2835\",\"offset\":4,\
             \"board_line\":\"GPIO4\"}],\"taken\":true}\n"
        );
        assert_eq!(decode(&text), Ok(charge));
        for answer in [Answer::within(Duration::from_secs(1)), Answer::Refused("no".into())] {
            assert_eq!(decode(&encode(&answer, ANSWER_BYTES).unwrap()), Ok(answer));
        }
    }

    #[test]
    fn what_a_newer_one_adds_is_passed_over() {
        let text = r#"{"version":1,"new":7,"wards":[{"name":"a/b","chip":"c","offset":1,"board_line":"","x":[]}],"others":[]}"#;
        let charge: Charge = decode(text).unwrap();
        assert_eq!((charge.wards[0].place.offset, charge.wards[0].bias), (1, None));
        assert!(!charge.taken, "what an older one does not say it has not done");
        let answer: Answer = decode(r#"{"version":1,"within_ms":1000,"new":0}"#).unwrap();
        assert_eq!(answer, Answer::WithinMs(1000));
        let told = decode::<Answer>(r#"{"version":1,"new":0}"#).unwrap_err();
        assert_eq!(told, "neither within_ms nor refused is said");
    }

    #[test]
    fn another_version_is_refused_with_both_numbers_whatever_else_it_says() {
        let told = decode::<Charge>(r#"{"version":2,"lines":"all"}"#).unwrap_err();
        assert_eq!(told, "a message of version 2, and only 1 is understood here");
    }

    #[test]
    fn what_is_longer_than_the_reader_takes_is_not_sent() {
        let wards = (0..3000).map(|offset| ward("heater/coil", offset)).collect();
        let told = encode(&Charge { wards, others: Vec::new(), taken: false }, CHARGE_BYTES).unwrap_err();
        assert!(told.ends_with("is longer than the 262144 that are read"), "{told}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,200}") {
            let _ = decode::<Charge>(&text);
            let _ = decode::<Answer>(&text);
        }
    }
}
