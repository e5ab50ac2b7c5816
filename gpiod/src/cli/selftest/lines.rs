//! Which two lines are tested, and when it is refused to touch them.

use crate::backend::Backend;
use crate::cli::output::printable;
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::line::{Direction, LineInfo};
use crate::wiring;

/// The two ends of the wire.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) driver: LineInfo,
    pub(super) listener: LineInfo,
}

/// `GPIO22,GPIO27`, as an argument.
pub(super) fn two(word: &str) -> Result<[String; 2], String> {
    let names: Vec<&str> = word.split(',').map(str::trim).collect();
    match names[..] {
        [driver, listener] if driver == listener => Err("a wire has two ends: name two lines".to_owned()),
        [driver, listener] if !driver.is_empty() && !listener.is_empty() => {
            Ok([driver.to_owned(), listener.to_owned()])
        }
        _ => Err("name two lines, such as GPIO22,GPIO27".to_owned()),
    }
}

impl Pair {
    /// Finds both lines and makes sure that they are nobody's. `take_over` allows outputs that nobody holds.
    ///
    /// # Errors
    /// Exit code 65 for a line that is not there or has another function, 75 for one that somebody has or may have.
    pub(super) fn find(backend: &dyn Backend, names: &[String; 2], take_over: bool) -> Result<Self, Failure> {
        let board = backend.lines().map_err(|error| Failure::new(Exit::Unavailable, chain(&error)))?;
        let find = |name: &str| -> Result<LineInfo, Failure> {
            let info = wiring::find(&board, name).map_err(|reason| Failure::new(Exit::Data, reason))?;
            refuse(info, take_over)?;
            Ok(info.clone())
        };
        let pair = Self { driver: find(&names[0])?, listener: find(&names[1])? };
        if pair.driver.id == pair.listener.id {
            let text = format!("{} and {} are one line: a wire has two ends", names[0], names[1]);
            return Err(Failure::new(Exit::Data, text));
        }
        Ok(pair)
    }

    pub(super) fn names(&self) -> [String; 2] {
        [&self.driver, &self.listener].map(LineInfo::name_or_place)
    }

    /// Where the wire is to be.
    pub(super) fn wire(&self) -> String {
        match (self.driver.header_pin, self.listener.header_pin) {
            (Some(driver), Some(listener)) => {
                format!("is the jumper between header pins {driver} and {listener}?")
            }
            _ => "is the wire there?".to_owned(),
        }
    }
}

fn refuse(info: &LineInfo, take_over: bool) -> Result<(), Failure> {
    let name = printable(&info.name_or_place());
    if let Some(consumer) = &info.consumer {
        let daemon = match consumer.starts_with("gpiod:") {
            true => {
                ", so gpiod has it: stop the daemon, or choose lines that its configuration does not name"
            }
            false => ": choose another line, or end that",
        };
        let text = format!("{name} is held by {consumer:?}{daemon}");
        return Err(Failure::new(Exit::TempFail, text));
    }
    if let Some(function) = &info.function {
        let text =
            format!("{name} is in use as {}: choose another line, or switch that off", printable(function));
        return Err(Failure::new(Exit::Data, text));
    }
    if info.direction == Direction::Output && !take_over {
        let text = format!(
            "{name} is an output that nobody holds: something that has ended left it so, or drives it without a \
             claim, as a gpiod does whose kernel lets go of outputs. If nothing needs it: --take-over"
        );
        return Err(Failure::new(Exit::TempFail, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::two;

    #[test]
    fn a_loop_has_two_ends() {
        assert_eq!(two("GPIO22, GPIO27"), Ok(["GPIO22".to_owned(), "GPIO27".to_owned()]));
        for wrong in ["", "GPIO22", "GPIO22,", ",GPIO27", "GPIO22,GPIO27,GPIO4", "GPIO22,GPIO22"] {
            assert!(two(wrong).is_err(), "{wrong}");
        }
    }
}
