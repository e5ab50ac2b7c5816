//! A state file of any bytes: it can not be used, or what it says is read back as it was, and a daemon that takes it
//! over has no line twice.
#![no_main]

use gpiod::backend::Backend;
use gpiod::broker::{Broker, Scope};
use gpiod::config::{Config, Limits};
use gpiod::state_file::{Section, parse};
use gpiod::wiring::Wiring;
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::Arc;

#[path = "../../gpiod/tests/model/board.rs"]
#[allow(dead_code, reason = "another test uses all of it")]
mod board;

const CONFIG: &str = r#"
[[group]]
name = "a"
grace = "1s"
lines.x = { line = "L0", direction = "output" }
lines.y = { line = "L1", direction = "both" }
lines.z = { line = "L2", direction = "input" }
"#;

/// The body with a head that is true of it, so that what lies behind the sum is reached, too.
fn whole(body: &[u8]) -> Vec<u8> {
    let head = format!("gpiod-state 1 {:08x} {}\n", crc32fast::hash(body), body.len());
    [head.as_bytes(), body].concat()
}

fuzz_target!(|bytes: &[u8]| {
    let _ = parse(bytes);
    let Ok(saved) = parse(&whole(bytes)) else { return };
    let again = serde_json::to_vec(&saved).expect("strings and numbers");
    assert_eq!(parse(&whole(&again)).as_ref(), Ok(&saved));
    let board = board::Board::new();
    let config = Config::parse(Path::new("gpiod.toml"), CONFIG).expect("valid");
    let wiring = Wiring::bind(&config, &board.lines().expect("in memory")).expect("its lines are there");
    let limits = Limits { sessions: 3, ..Limits::default() };
    let (broker, _) =
        Broker::new(Arc::new(board), wiring, limits, Section::nowhere(), saved.lives.clone(), 0)
            .expect("free");
    broker.restore(&saved, 1);
    broker.list(Scope::Admin).expect("in memory");
    broker.release_away(u64::MAX);
    let list = broker.list(Scope::Admin).expect("in memory");
    assert!(list.lines.iter().all(|line| line.holder.is_none()), "nobody came back");
});
