//! What the broker asks of a board when clients watch and let it be: little.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use gpiod::backend::{Backend, Error, HeldLines, Request, Wanted};
use gpiod::broker::{Broker, Scope};
use gpiod::config::{Config, Limits};
use gpiod::line::{AtExit, Direction, LineConfig, LineId, LineInfo, Moment, Values};
use gpiod::state_file::Section;
use gpiod::watch::EdgeFilter;
use gpiod::wiring::{GroupIndex, Wiring};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A board with one line that counts how often it is configured.
#[derive(Debug, Default)]
struct Counting(Arc<AtomicU32>);

const NOW: Moment = Moment { timestamp_ns: 1, uncertainty_ns: 0 };

impl Backend for Counting {
    fn kind(&self) -> &'static str {
        "counting"
    }

    fn board(&self) -> &'static str {
        "test"
    }

    fn atomic_writes(&self) -> bool {
        true
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        Ok(vec![LineInfo {
            id: LineId { chip: 0, offset: 0 },
            chip: "chip".to_owned(),
            name: "button".to_owned(),
            header_pin: None,
            direction: Direction::Input,
            high: Some(false),
            drives_high: None,
            consumer: None,
            function: None,
            at_exit: AtExit::default(),
            waits: false,
        }])
    }

    fn request(&self, _: &str, _: &[Wanted]) -> Result<Vec<Request>, Error> {
        let lines = Box::new(Held(Arc::clone(&self.0)));
        Ok(vec![Request { wanted: vec![0], kept: 0, lines, edges: None }])
    }
}

#[derive(Debug)]
struct Held(Arc<AtomicU32>);

impl HeldLines for Held {
    fn read(&mut self, _: u64) -> Result<Values, Error> {
        Ok(Values { bits: 0, read: NOW })
    }

    fn write(&mut self, _: u64, _: u64) -> Result<Moment, Error> {
        Ok(NOW)
    }

    fn configure(&mut self, _: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(NOW)
    }
}

#[test]
fn a_client_that_watches_and_lets_it_be_in_a_loop_costs_the_kernel_one_interrupt() {
    let configured = Arc::new(AtomicU32::new(0));
    let count = || configured.load(Ordering::Relaxed);
    let backend = Counting(Arc::clone(&configured));
    let text = "[[group]]\nname = \"a\"\nlines.x = { line = \"button\", direction = \"input\" }\n";
    let config = Config::parse(Path::new("gpiod.toml"), text).unwrap();
    let wiring = Wiring::bind(&config, &backend.lines().unwrap()).unwrap();
    let (broker, _) = Broker::new(Arc::new(backend), wiring, Limits::default(), Section::nowhere()).unwrap();
    let watch = || broker.watch(Scope::Watch(GroupIndex(0)), &["x".to_owned()], EdgeFilter::Both).unwrap();
    for _ in 0..100 {
        drop(watch());
    }
    assert_eq!(count(), 1, "switched on once");
    let watching = watch();
    broker.sweep_edges();
    assert_eq!(count(), 1, "somebody watches");
    drop(watching);
    broker.sweep_edges();
    broker.sweep_edges();
    assert_eq!(count(), 2, "switched off once");
}
