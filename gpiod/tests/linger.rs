//! What the broker asks of a board when clients watch and let it be: little.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use gpiod::backend::{Backend, Error, HeldLines, Request, Wanted};
use gpiod::broker::{Broker, OpenRequest, Scope, WantedLine, Watch, WatchRequest};
use gpiod::config::{Config, Limits};
use gpiod::holder::Caller;
use gpiod::line::{AtExit, Direction, LineConfig, LineId, LineInfo, Moment, Values};
use gpiod::program::Step;
use gpiod::programs::Programs;
use gpiod::state_file::Section;
use gpiod::watch::{EdgeFilter, Heard, Losses, Position, PreviousLife};
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
        let read = Moment { timestamp_ns: gpiod::clock::now_ns(), uncertainty_ns: 0 };
        Ok(Values { bits: 0, read })
    }

    fn write(&mut self, _: u64, _: u64) -> Result<Moment, Error> {
        Ok(NOW)
    }

    fn configure(&mut self, _: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(NOW)
    }
}

fn broker(configured: &Arc<AtomicU32>, previous: Option<PreviousLife>) -> Arc<Broker> {
    let backend = Counting(Arc::clone(configured));
    let text = "[[group]]\nname = \"a\"\nlines.x = { line = \"button\", direction = \"input\" }\n";
    let config = Config::parse(Path::new("gpiod.toml"), text).unwrap();
    let wiring = Wiring::bind(&config, &backend.lines().unwrap()).unwrap();
    Broker::new(
        Arc::new(backend),
        wiring,
        Limits::default(),
        Section::nowhere(),
        previous.into_iter().collect(),
        0,
    )
    .unwrap()
    .0
}

fn watch(broker: &Arc<Broker>, resume: Option<Position>) -> Watch {
    let request = WatchRequest { filter: EdgeFilter::Both, resume, caller: None };
    broker.watch(Scope::Watch(GroupIndex(0)), &["x".to_owned()], request).unwrap()
}

#[test]
fn a_watcher_who_comes_back_is_told_when_the_edges_were_switched_off_meanwhile_and_only_then() {
    let broker = broker(&Arc::default(), None);
    let position = watch(&broker, None).queue().begin().position.unwrap();
    // They linger.
    let back = watch(&broker, Some(position.clone()));
    assert_eq!((back.queue().begin().losses, back.first), (Losses::default(), None));
    drop(back);
    let before_ns = gpiod::clock::now_ns();
    broker.sweep_edges();
    assert_eq!(broker.life(1).lines, [("a/x".to_owned(), Heard { seqno: 0, since_ns: None })].into());
    let back = watch(&broker, Some(position));
    let batch = back.queue().begin();
    let time = batch.losses.restart.unwrap();
    assert!(before_ns <= time.from_ns.unwrap() && time.until_ns <= gpiod::clock::now_ns());
    // That is told now.
    let again = watch(&broker, batch.position);
    assert_eq!(again.queue().begin().losses, Losses::default());
}

#[test]
fn the_time_between_two_lives_begins_with_the_end_of_the_first_for_those_who_had_everything() {
    let first = broker(&Arc::default(), None);
    let watching = watch(&first, None);
    let was = watching.queue().begin().position.unwrap();
    let stopped_ns = gpiod::clock::now_ns();
    let second = broker(&Arc::default(), Some(first.life(stopped_ns)));
    assert_ne!(first.life(1).epoch, second.life(1).epoch);
    let from = |position| watch(&second, Some(position)).queue().begin().losses.restart.unwrap().from_ns;
    // Edges of the second before the stop may not have reached it.
    assert_eq!(from(was.clone()), Some(was.timestamp_ns.max(stopped_ns - 1_000_000_000)));
    let other = Position { epoch: was.epoch ^ 2, ..was.clone() };
    assert_eq!(from(other), Some(was.timestamp_ns));
}

#[test]
fn a_client_that_watches_and_lets_it_be_in_a_loop_costs_the_kernel_one_interrupt() {
    let configured = Arc::new(AtomicU32::new(0));
    let count = || configured.load(Ordering::Relaxed);
    let broker = broker(&configured, None);
    let watch = || watch(&broker, None);
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

#[tokio::test]
async fn a_program_keeps_its_place_until_what_it_did_is_taken() {
    let backend = Counting(Arc::default());
    let text = "[[group]]\nname = \"a\"\nlines.x = { line = \"button\", direction = \"input\" }\n";
    let config = Config::parse(Path::new("gpiod.toml"), text).unwrap();
    let wiring = Wiring::bind(&config, &backend.lines().unwrap()).unwrap();
    let limits = Limits { programs: 1, ..Limits::default() };
    let (broker, _) =
        Broker::new(Arc::new(backend), wiring, limits, Section::nowhere(), Vec::new(), 0).unwrap();
    let open = OpenRequest {
        scope: Scope::Group(GroupIndex(0)),
        caller: Caller { uid: 0, gid: 0, pid: 1, pod: None },
        client_name: String::new(),
        lines: vec![WantedLine { name: "x".to_owned(), direction: None, initial: None }],
        token: None,
    };
    let (hold, _end) = broker.open(open).unwrap();
    let edge = || vec![Step::Edge { mask: 1, filter: EdgeFilter::Both, timeout_ns: 1 }];
    let programs = Programs::start(4_000_000).await.unwrap();
    let running = programs.run(hold.begin_program(&edge()).unwrap(), edge());
    // While it runs its line is busy; then it has ended, and its result waits.
    let ended = async {
        while matches!(hold.begin_program(&edge()), Err(gpiod::error::Error::ProgramRunning { .. })) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.expect("it ends");
    let refused = hold.begin_program(&edge()).unwrap_err();
    assert_eq!(refused.to_string(), "limit limits.programs of 1 is reached");
    running.await.unwrap();
    hold.begin_program(&edge()).unwrap();
}
