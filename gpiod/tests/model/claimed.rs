//! A changed configuration on a board whose kernel makes an input of an output whose claim ends, and that can drive
//! without a claim: which lines are claimed then, and that nobody sees a line blink.

use super::board::Board;
use gpiod::backend::Backend;
use gpiod::broker::{Broker, OpenRequest, Scope, WantedLine};
use gpiod::config::{Config, Limits};
use gpiod::error::Error;
use gpiod::holder::Caller;
use gpiod::line::{OnExit, Value};
use gpiod::state_file::Section;
use gpiod::wiring::{GroupIndex, Wiring};
use std::path::Path;
use std::sync::Arc;

fn wiring(keys: &str, board: &Board) -> Wiring {
    let text = format!(
        "[[group]]\nname = \"a\"\n\
         lines.x = {{ line = \"L0\", direction = \"output\"{keys} }}\n\
         lines.y = {{ line = \"L1\", direction = \"output\" }}\n"
    );
    let config = Config::parse(Path::new("gpiod.toml"), &text).unwrap();
    Wiring::bind(&config, &board.lines().unwrap()).unwrap()
}

fn started(keys: &str) -> (Board, Arc<Broker>) {
    let board = Board::letting_go();
    let (backend, bound) = (Arc::new(board.clone()), wiring(keys, &board));
    let (broker, _) =
        Broker::new(backend, bound, Limits::default(), Section::nowhere(), Vec::new(), 1).unwrap();
    (board, broker)
}

fn rewire(broker: &Broker, wiring: Wiring) {
    broker.prepare(wiring, 1).unwrap();
    broker.rewire().unwrap();
}

fn both() -> OpenRequest {
    let line =
        |name: &str| WantedLine { name: name.to_owned(), direction: None, initial: Some(Value::Active) };
    OpenRequest {
        scope: Scope::Group(GroupIndex(0)),
        caller: Caller { uid: 1, gid: 1, pid: 1, pod: None },
        client_name: "test".to_owned(),
        lines: vec![line("x"), line("y")],
        token: None,
    }
}

/// What `gpiod lines` would say of the first line.
fn at_exit(broker: &Broker) -> Option<OnExit> {
    broker.list(Scope::Group(GroupIndex(0))).unwrap().lines[0].at_exit
}

const INPUT: &str = ", on_release = \"input\"";

#[test]
fn a_line_that_is_to_become_an_input_is_claimed_under_its_holder_and_does_not_blink() {
    let (board, broker) = started("");
    let (hold, _end) = broker.open(both()).unwrap();
    let moves = || [0, 1].map(|line: usize| board.pins()[line].moves);
    let claimed = || [0, 1].map(|line| board.is_claimed(line));
    let before = moves();
    assert_eq!((claimed(), at_exit(&broker)), ([false; 2], Some(OnExit::Keep)));
    rewire(&broker, wiring(INPUT, &board));
    assert_eq!((claimed(), at_exit(&broker)), ([true, false], Some(OnExit::Input)));
    assert_eq!(moves(), before);
    // What it drives goes to the claim now, and all that it may.
    hold.turn().write(0b11, 0b10).unwrap();
    assert_eq!([0, 1].map(|line: usize| board.pins()[line].high), [false, true]);
    hold.end();
    assert_eq!([0, 1].map(|line: usize| board.pins()[line].output), [false, true]);
}

#[test]
fn what_its_holder_drives_while_the_rest_is_made_ready_stands() {
    let (board, broker) = started("");
    let (hold, _end) = broker.open(both()).unwrap();
    broker.prepare(wiring(INPUT, &board), 1).unwrap();
    hold.turn().write(0b1, 0).unwrap();
    let before = board.pins()[0].moves;
    broker.rewire().unwrap();
    let pin = board.pins()[0];
    assert_eq!((pin.high, pin.moves), (false, before));
    assert_eq!(hold.turn().read(0).unwrap().bits, 0b10);
}

#[test]
fn a_claim_for_what_is_not_taken_is_given_back_and_the_line_is_driven_on() {
    let (board, broker) = started("");
    let (hold, _end) = broker.open(both()).unwrap();
    broker.prepare(wiring(INPUT, &board), 1).unwrap();
    assert!(board.is_claimed(0));
    broker.discard();
    let pin = board.pins()[0];
    assert!(!board.is_claimed(0) && pin.output && pin.high);
    hold.turn().write(0b1, 0).unwrap();
    assert!(!board.pins()[0].high);
}

#[test]
fn what_is_claimed_stays_so_and_says_what_that_does_unless_keep_was_asked_for() {
    let (board, broker) = started(INPUT);
    assert!(board.is_claimed(0));
    let keep = wiring(", on_daemon_exit = \"keep\"", &board);
    let Err(Error::ConfigRefused(why)) = broker.prepare(keep.clone(), 1) else { panic!("not to be had") };
    assert!(
        why.starts_with("gpiod.toml:3: group.a.lines.x.on_daemon_exit: \"keep\" is not to be had"),
        "{why}"
    );
    assert_eq!(broker.refusals(keep).len(), 1);
    let (hold, _end) = broker.open(both()).unwrap();
    let before = board.pins()[0].moves;
    rewire(&broker, wiring("", &board));
    rewire(&broker, wiring(", one_shot = true", &board));
    assert_eq!((board.is_claimed(0), at_exit(&broker)), (true, Some(OnExit::Input)));
    assert_eq!(board.pins()[0].moves, before);
    drop(hold);
    assert!(board.pins()[0].output, "on_release is what the file says now");
}
