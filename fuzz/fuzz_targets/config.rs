//! A configuration file of any bytes: it is refused with its mistakes or is valid, and then stays so and meets a board.
#![no_main]

use gpiod::backend::Backend;
use gpiod::config::Config;
use gpiod::wiring::Wiring;
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::LazyLock;

#[path = "../../gpiod/tests/model/board.rs"]
#[allow(dead_code, reason = "another test uses all of it")]
mod board;

static BOARD: LazyLock<board::Board> = LazyLock::new(board::Board::new);

fuzz_target!(|text: &str| {
    let path = Path::new("gpiod.toml");
    match Config::parse(path, text) {
        Ok(config) => {
            assert!(Config::parse(path, text).is_ok_and(|again| again == config), "it was valid");
            let lines = BOARD.lines().unwrap_or_default();
            if let Ok(wiring) = Wiring::bind(&config, &lines) {
                assert!(wiring.clone().merged(wiring, |_| true).is_ok(), "nothing has changed");
            }
        }
        Err(problems) => assert!(!problems.to_string().is_empty(), "it says why"),
    }
});
