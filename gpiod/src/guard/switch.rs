//! Making lines inputs, by the same seam to the board that the daemon uses.

use super::message::Ward;
use crate::backend::{Backend, Wanted};
use crate::error::chain;
use crate::line::{Direction, Drive, LineConfig, LineId, LineInfo, Value};
use crate::log_keys as keys;

/// What others see as the holder, for the moment that it takes.
const CONSUMER: &str = "gpiod guard";

/// Whether the board has all of these lines. Nothing is held.
///
/// # Errors
/// The first that it has not, or that the board can not be asked.
pub(super) fn look(board: &dyn Backend, wards: &[Ward]) -> Result<(), String> {
    let lines = board.lines().map_err(|error| chain(&error))?;
    wards.iter().try_for_each(|ward| find(&lines, ward).map(|_| ()))
}

/// Makes each line an input and lets it go again. Answers which failed, and why.
///
/// Each is requested by itself: one that somebody holds keeps none of the others on.
pub(super) fn switch(board: &dyn Backend, wards: &[Ward]) -> Vec<(Ward, String)> {
    let lines = match board.lines() {
        Ok(lines) => lines,
        Err(error) => return all_failed(wards, &chain(&error)),
    };
    let mut failed = Vec::new();
    for ward in wards {
        let done = find(&lines, ward).and_then(|id| {
            board.request(CONSUMER, &[wanted(id, ward)]).map(drop).map_err(|error| chain(&error))
        });
        match done {
            Ok(()) => {
                tracing::warn!({ keys::LINE } = ward.name, "line made an input, since its daemon has gone");
            }
            Err(why) => failed.push((ward.clone(), why)),
        }
    }
    failed
}

/// All of these, for one reason.
pub(super) fn all_failed(wards: &[Ward], why: &str) -> Vec<(Ward, String)> {
    wards.iter().map(|ward| (ward.clone(), why.to_owned())).collect()
}

fn wanted(id: LineId, ward: &Ward) -> Wanted {
    let config = LineConfig {
        direction: Direction::Input,
        value: Value::Inactive,
        bias: ward.bias,
        drive: Drive::PushPull,
        active_low: false,
        edges: false,
        debounce_ns: 0,
    };
    // Claimed also where the daemon might have driven it without: the kernel shows whose it is, and refuses one that a
    // daemon has.
    Wanted { id, config, as_found: false, claim: true }
}

fn find(lines: &[LineInfo], ward: &Ward) -> Result<LineId, String> {
    let place = &ward.place;
    let mut found = lines.iter().filter(|info| {
        info.chip == place.chip && info.id.offset == place.offset && info.name == place.board_line
    });
    let (first, more) = (found.next(), found.next());
    let line = || format!("{} ({}:{})", ward.name, place.chip, place.offset);
    match (first, more) {
        (Some(info), None) => Ok(info.id),
        (None, _) => Err(format!("the board has no such line: {}", line())),
        (Some(_), Some(_)) => Err(format!("the board has several such lines: {}", line())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Place;
    use super::*;
    use crate::backend::{Error, Request};
    use crate::line::{AtExit, Bias};
    use std::sync::Mutex;

    /// Two chips of one label; line 1 of the first is held.
    #[derive(Debug, Default)]
    struct Board(Mutex<Vec<Wanted>>);

    impl Backend for Board {
        fn kind(&self) -> &'static str {
            "test"
        }

        fn board(&self) -> &'static str {
            "test"
        }

        fn atomic_writes(&self) -> bool {
            false
        }

        fn lines(&self) -> Result<Vec<LineInfo>, Error> {
            let line = |(chip, offset): (u8, u32)| LineInfo {
                id: LineId { chip, offset },
                chip: "twin".into(),
                name: if chip == 0 { format!("A{offset}") } else { String::new() },
                header_pin: None,
                direction: Direction::Output,
                high: None,
                drives_high: None,
                consumer: None,
                function: None,
                at_exit: AtExit::default(),
                waits: false,
            };
            Ok([(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)].map(line).to_vec())
        }

        fn request(&self, _: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
            if lines[0].id.offset == 1 {
                return Err(Error::Busy { line: "A1".into(), consumer: "somebody".into() });
            }
            self.0.lock().unwrap().extend(lines);
            Ok(Vec::new())
        }
    }

    fn ward(offset: u32, board_line: &str) -> Ward {
        let place = Place { chip: "twin".into(), offset, board_line: board_line.into() };
        Ward { name: format!("a/{offset}"), place, bias: Some(Bias::PullDown) }
    }

    #[test]
    fn a_line_that_somebody_holds_keeps_none_of_the_others_on() {
        let board = Board::default();
        let failed = switch(&board, &[ward(0, "A0"), ward(1, "A1"), ward(2, "A2")]);
        assert_eq!(failed, [(ward(1, "A1"), "A1 is held by \"somebody\"".to_owned())]);
        let asked = board.0.into_inner().unwrap();
        assert_eq!(asked.iter().map(|wanted| wanted.id.offset).collect::<Vec<_>>(), [0, 2]);
        for wanted in asked {
            assert_eq!(
                (wanted.config.direction, wanted.config.bias),
                (Direction::Input, Some(Bias::PullDown))
            );
            assert!(wanted.claim && !wanted.as_found && wanted.id.chip == 0);
        }
    }

    #[test]
    fn a_line_that_is_not_there_or_not_the_only_one_is_refused() {
        let board = Board::default();
        assert_eq!(look(&board, &[ward(0, "A0")]), Ok(()));
        let told = |ward| look(&board, &[ward]).unwrap_err();
        assert_eq!(told(ward(7, "")), "the board has no such line: a/7 (twin:7)");
        assert_eq!(told(ward(0, "")), "the board has several such lines: a/0 (twin:0)");
    }
}
