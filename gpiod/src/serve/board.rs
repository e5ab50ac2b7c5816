//! Reaching the board that the configuration names, or that is really there.

use crate::backend::{Backend, Error, cdev, gpiomem, sim};
use crate::config::{BackendChoice, Config};
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::log_keys as keys;
use std::path::Path;

/// Reaches the board that the configuration names.
///
/// # Errors
/// Exit code 69 when it can not be reached; the text says what is missing or to be granted.
pub fn connect(config: &Config) -> Result<Box<dyn Backend>, Failure> {
    let (board, why) = reach(&config.backend, "the configuration names it")?;
    tracing::info!(
        { keys::BACKEND } = board.kind(),
        { keys::BOARD } = board.board(),
        { keys::CAUSE } = why,
        "board found"
    );
    Ok(board)
}

/// Reaches a board. Answers also why it is this one; `named` says it of one that was asked for.
///
/// # Errors
/// As for [`connect`].
pub fn reach(choice: &BackendChoice, named: &str) -> Result<(Box<dyn Backend>, String), Failure> {
    let board = match choice {
        BackendChoice::Auto => return auto(gpiomem::open().map(boxed), || cdev::open().map(boxed)),
        BackendChoice::Gpiomem => boxed(gpiomem::open().map_err(|error| unavailable(&error))?),
        BackendChoice::Cdev => boxed(cdev::open().map_err(|error| unavailable(&error))?),
        BackendChoice::Sim(dir) => boxed(simulated(dir)?),
    };
    Ok((board, named.to_owned()))
}

fn boxed(backend: impl Backend + 'static) -> Box<dyn Backend> {
    Box::new(backend)
}

/// Chooses by what is there: registers first, since only they keep an output whatever the kernel does. Never the
/// simulated board: nobody who forgot a key should drive one in place of a motor.
fn auto(
    registers: Result<Box<dyn Backend>, Error>,
    character_device: impl FnOnce() -> Result<Box<dyn Backend>, Error>,
) -> Result<(Box<dyn Backend>, String), Failure> {
    let why = match registers {
        Ok(board) => return Ok((board, "a Raspberry Pi's registers and GPIO chip are here".to_owned())),
        Err(why) => why,
    };
    match character_device() {
        Ok(board) => Ok((board, format!("gpiomem can not be had ({})", chain(&why)))),
        Err(why) => {
            let text = format!(
                "this machine has no GPIO that can be used: {}. To try gpiod without, run `gpiod board` and configure \
                 [backend] kind = \"sim\"",
                chain(&why)
            );
            Err(Failure::new(Exit::Unavailable, text))
        }
    }
}

fn simulated(dir: &Path) -> Result<sim::Sim, Failure> {
    sim::connect(dir).map_err(|error| {
        let hint = format!("is `gpiod board --dir {}` running?", dir.display());
        Failure::new(Exit::Unavailable, format!("the simulated board: {}; {hint}", chain(&error)))
    })
}

fn unavailable(error: &Error) -> Failure {
    Failure::new(Exit::Unavailable, chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Request, Wanted};
    use crate::line::LineInfo;
    use std::io;

    #[derive(Debug)]
    struct Board(&'static str);

    impl Backend for Board {
        fn kind(&self) -> &'static str {
            self.0
        }

        fn board(&self) -> &'static str {
            "test"
        }

        fn atomic_writes(&self) -> bool {
            false
        }

        fn lines(&self) -> Result<Vec<LineInfo>, Error> {
            Ok(Vec::new())
        }

        fn request(&self, _: &str, _: &[Wanted]) -> Result<Vec<Request>, Error> {
            Ok(Vec::new())
        }
    }

    fn none(text: &'static str) -> Result<Box<dyn Backend>, Error> {
        Err(Error::Failed { operation: "opening", source: io::Error::new(io::ErrorKind::NotFound, text) })
    }

    #[test]
    fn registers_come_before_the_character_device_and_the_reason_is_told() {
        let both = auto(Ok(boxed(Board("gpiomem"))), || Ok(boxed(Board("cdev")))).unwrap();
        assert_eq!(both.0.kind(), "gpiomem");
        let (board, why) = auto(none("no /dev/gpiomem"), || Ok(boxed(Board("cdev")))).unwrap();
        assert_eq!(
            (board.kind(), why.as_str()),
            ("cdev", "gpiomem can not be had (opening failed: no /dev/gpiomem)")
        );
    }

    #[test]
    fn a_machine_without_pins_hears_of_the_simulated_board_and_does_not_get_it() {
        let failure = auto(none("a"), || none("no /dev/gpiochip*")).unwrap_err();
        assert_eq!(failure.exit, Exit::Unavailable as u8);
        assert_eq!(
            failure.message,
            "this machine has no GPIO that can be used: opening failed: no /dev/gpiochip*. To try gpiod without, run \
             `gpiod board` and configure [backend] kind = \"sim\""
        );
    }
}
