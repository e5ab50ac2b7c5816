//! How long an output is kept that was found driven, told in moments; and lines that are taken and given back.

use super::board::Board;
use super::wired::Wired;
use gpiod::backend::Backend;
use gpiod::broker::Broker;
use gpiod::config::{Config, Limits};
use gpiod::state_file::Section;
use gpiod::wiring::Wiring;
use std::path::Path;
use std::sync::Arc;

// A change that concerns no line electrically, and one that adds line 8.
const RENAMED: u8 = 1;
const MORE: u8 = 16;

fn wiring(variant: u8, board: &Board) -> Wiring {
    let config = Config::parse(Path::new("gpiod.toml"), &Wired::variant(variant).text()).unwrap();
    Wiring::bind(&config, &board.lines().unwrap()).unwrap()
}

/// A board on which these lines are driven high, and a broker that keeps them until a moment.
fn found(high: &[usize], until_ns: u64) -> (Board, Arc<Broker>) {
    let board = Board::new();
    let mut pins = board.pins().clone();
    for line in high {
        (pins[*line].output, pins[*line].high) = (true, true);
    }
    board.put_back(&pins);
    let (backend, bound, section) = (Arc::new(board.clone()), wiring(0, &board), Section::nowhere());
    let (broker, _) = Broker::new(backend, bound, Limits::default(), section, Vec::new(), until_ns).unwrap();
    (board, broker)
}

fn rewire(broker: &Broker, wiring: Wiring, keep_until_ns: u64) {
    broker.prepare(wiring, keep_until_ns).unwrap();
    broker.rewire().unwrap();
}

#[test]
fn each_is_kept_from_when_it_was_taken_whatever_is_configured_meanwhile() {
    let (board, broker) = found(&[0, 8], 100);
    let high = |line: usize| board.pins()[line].high;
    assert_eq!(broker.away_until(), Some(100));
    rewire(&broker, wiring(MORE, &board), 200);
    rewire(&broker, wiring(MORE | RENAMED, &board), 300);
    broker.release_away(99);
    assert!(high(0) && high(8), "both are kept");
    broker.release_away(100);
    assert!(!high(0) && high(8), "one came earlier");
    assert_eq!(broker.away_until(), Some(200));
    broker.release_away(199);
    assert_eq!(broker.away_until(), Some(200));
    broker.release_away(200);
    assert_eq!(broker.away_until(), None, "once");
}

#[test]
fn what_a_reload_releases_is_not_released_again_and_what_comes_back_is_taken_as_it_is() {
    let (board, broker) = found(&[8], 100);
    let high = |line: usize| board.pins()[line].high;
    rewire(&broker, wiring(MORE, &board), 200);
    assert_eq!(broker.away_until(), Some(200));
    rewire(&broker, wiring(0, &board), 300);
    assert!(high(8), "as its on_release says");
    assert_eq!(broker.away_until(), None);
    rewire(&broker, wiring(MORE, &board), 400);
    assert!(high(8), "and not as its at_start says");
    assert_eq!(broker.away_until(), Some(400));
    broker.stop();
    broker.release_away(u64::MAX);
    assert_eq!(broker.away_until(), None, "whoever waits for it does not wait in vain");
}

#[test]
fn what_was_prepared_and_is_not_taken_is_given_back_as_it_was_found() {
    for high in [&[][..], &[8]] {
        let (board, broker) = found(high, 100);
        let was = board.pins()[8];
        broker.prepare(wiring(MORE, &board), 200).unwrap();
        assert!(board.pins()[8].output && board.is_claimed(8));
        // Nobody is concerned meanwhile.
        assert_eq!(broker.away_until(), None);
        broker.release_away(u64::MAX);
        broker.discard();
        let is = board.pins()[8];
        assert_eq!((is.output, is.high, board.is_claimed(8)), (was.output, was.high, false));
        broker.rewire().unwrap();
        assert!(!board.is_claimed(8), "there is nothing to be put in force");
        rewire(&broker, wiring(MORE, &board), 300);
        assert!(board.is_claimed(8));
        assert_eq!(broker.away_until(), (!high.is_empty()).then_some(300));
    }
}

#[test]
fn the_administrators_order_lets_go_of_what_nobody_has_come_back_for() {
    let (board, broker) = found(&[0], 100);
    for group in super::wired::GROUPS {
        broker.release_group(group, "repair");
    }
    assert!(!board.pins()[0].high);
    assert_eq!(broker.away_until(), None);
}
