//! The broker and its model, told the same.

mod open;

use super::board::{Board, LINES};
use super::expected::{Model, SESSIONS, Session, Until};
use super::wired::{ADMIN, GROUPS, TURNED, Way, Wired};
use super::{How, Op};
use gpiod::backend::Backend;
use gpiod::broker::{Broker, Change, Hold, Scope, SessionEnd};
use gpiod::config::{Config, Limits};
use gpiod::line::Direction;
use gpiod::state_file::{self, Previous, StateFile};
use gpiod::token::Token;
use gpiod::wiring::{GroupIndex, Wiring};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A line that is asked for: which of the socket's, its first value, and as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) line: u8,
    pub(crate) initial: Option<bool>,
    pub(crate) way: u8,
}

impl Until {
    /// As a moment of the clock.
    fn ns(self) -> u64 {
        match self {
            Self::Soon => 1,
            Self::Late => u64::MAX / 2,
        }
    }
}

pub(crate) struct Rig {
    dir: TempDir,
    board: Board,
    broker: Arc<Broker>,
    model: Model,
    /// What clients have in hand, also of sessions that are over.
    holds: Vec<(u64, Hold, SessionEnd)>,
    /// All that were ever given out, with the session that was opened last with each.
    tokens: Vec<(Token, Session)>,
    opened: u32,
}

fn wiring(wired: &Wired, board: &Board) -> Wiring {
    let config = Config::parse(Path::new("gpiod.toml"), &wired.text()).unwrap();
    Wiring::bind(&config, &board.lines().unwrap()).unwrap()
}

fn broker(dir: &Path, wired: &Wired, board: &Board, until: Until) -> (Arc<Broker>, Previous) {
    let (file, previous) = StateFile::open(dir);
    let limits = Limits { sessions: u32::try_from(SESSIONS).unwrap(), ..Limits::default() };
    let bound = wiring(wired, board);
    let board = Arc::new(board.clone());
    let (broker, _) =
        Broker::new(board, bound, limits, file.section(), previous.lives(), until.ns()).unwrap();
    (broker, previous)
}

fn scope(socket: usize) -> Scope {
    if socket == ADMIN { Scope::Admin } else { Scope::Group(GroupIndex(socket)) }
}

/// One of so many.
fn pick(number: u8, count: usize) -> usize {
    usize::from(number) % count
}

impl Rig {
    pub(crate) fn start() -> Self {
        let (dir, board, wired) = (tempfile::tempdir().unwrap(), Board::new(), Wired::variant(0));
        let (broker, previous) = broker(dir.path(), &wired, &board, Until::Late);
        assert_eq!(previous, Previous::None);
        broker.save();
        let model = Model::new(wired, LINES as usize);
        Self { dir, board, broker, model, holds: Vec::new(), tokens: Vec::new(), opened: 0 }
    }

    pub(crate) fn step(&mut self, op: Op) {
        match op {
            Op::Open { socket, wants, token } => self.open(socket, &wants, token),
            Op::Set { socket, line, active } => self.set(socket, line, active),
            Op::TimePasses { far } => {
                self.broker.release_away(if far { u64::MAX } else { gpiod::clock::now_ns() });
                self.model.time_passes(far);
            }
            Op::ReleaseGroup { group } => {
                let group = pick(group, GROUPS.len());
                self.broker.release_group(GROUPS[group], "a test").unwrap();
                self.model.release_group(group);
            }
            Op::Rewire { variant, until } => {
                let wired = Wired::variant(variant);
                self.broker.prepare(wiring(&wired, &self.board), until.ns()).unwrap();
                self.broker.rewire().unwrap();
                self.model.rewire(wired, until);
            }
            Op::Restart { how, variant, until } => {
                // Which way a line goes is the next daemon's to decide, and no session's to get back.
                let turned = if self.model.wired.is_turned() { TURNED } else { 0 };
                self.restart(how, Wired::variant(variant & !TURNED | turned), until);
            }
            of_hold if self.holds.is_empty() => drop(of_hold),
            Op::Write { hold, mask, bits } => self.write(hold, mask, bits),
            Op::Turn { hold, line, to } => self.turn(hold, line, to),
            Op::End { hold } => {
                let (id, hold, _) = self.holds.swap_remove(pick(hold, self.holds.len()));
                hold.end();
                self.model.end(id);
            }
            Op::Break { hold } => {
                let (id, hold, _) = self.holds.swap_remove(pick(hold, self.holds.len()));
                let until_ns = self.broker.away_until();
                let away = self.model.sessions.get(&id).is_some_and(|session| session.away.is_some());
                drop(hold);
                if away {
                    assert_eq!(self.broker.away_until(), until_ns, "it was waited for already");
                }
                self.model.leave(id);
            }
            Op::Watchdog { hold } => {
                let (id, hold, _) = &self.holds[pick(hold, self.holds.len())];
                self.broker.expire(hold.session(), 1);
                self.model.leave(*id);
            }
        }
    }

    fn write(&mut self, hold: u8, mask: u8, bits: u8) {
        let (id, hold, _) = &self.holds[pick(hold, self.holds.len())];
        let lines = self.model.sessions.get(id).map(|session| session.lines.clone()).unwrap_or_default();
        let (mask, bits) = (u64::from(mask & 0b111), u64::from(bits & mask & 0b111));
        let named: Vec<usize> = (0..3).filter(|i| mask >> i & 1 == 1).collect();
        let driven =
            |i: &usize| lines.get(*i).is_some_and(|(_, offset, _)| self.model.levels[*offset].is_some());
        let good = !named.is_empty() && named.iter().all(driven);
        assert_eq!(hold.turn().write(mask, bits).is_ok(), good);
        for i in named.iter().filter(|_| good) {
            self.model.drive(lines[*i].1, bits >> i & 1 == 1);
        }
    }

    /// Makes a line that is both an output at a level, or an input.
    fn turn(&mut self, hold: u8, line: u8, to: Option<bool>) {
        let (id, hold, _) = &self.holds[pick(hold, self.holds.len())];
        let i = pick(line, 3);
        let held = self.model.sessions.get(id).and_then(|session| session.lines.get(i)).cloned();
        let direction = if to.is_some() { Direction::Output } else { Direction::Input };
        let bits = u64::from(to == Some(true)) << i;
        let turned = hold.configure(&Change { mask: 1 << i, direction: Some(direction), bits, bias: None });
        match held {
            Some((_, offset, Way::Both)) => {
                turned.unwrap();
                match to {
                    Some(active) => self.model.drive(offset, active),
                    None => self.model.levels[offset] = None,
                }
            }
            _ => drop(turned.unwrap_err()),
        }
    }

    /// Sets a line that nobody holds.
    fn set(&mut self, socket: u8, line: u8, active: bool) {
        let socket = pick(socket, ADMIN + 1);
        let names = self.model.wired.of_socket(socket);
        let (name, offset) = names[pick(line, names.len())].clone();
        let line = self.model.wired.line(offset).unwrap();
        let good = line.way != Way::In
            && (line.one_shot || socket == ADMIN)
            && self.model.lines[&offset].holder.is_none()
            && self.model.levels[offset].is_some();
        let set = self.broker.write(scope(socket), &[name], u64::from(active));
        assert_eq!(set.is_ok(), good, "{set:?}");
        if good {
            self.model.set(offset, active);
        }
    }

    fn restart(&mut self, how: How, wired: Wired, until: Until) {
        let path = self.dir.path().join(state_file::NAME);
        if matches!(how, How::Stopped) {
            self.broker.stop();
        }
        let (pins, bytes) = (self.board.pins().clone(), fs::read(&path).unwrap());
        self.holds.clear();
        assert_eq!(Arc::strong_count(&self.broker), 1, "nobody else has it");
        // Another takes its place before the new one begins, and so the old one's lines are let go.
        let elsewhere = tempfile::tempdir().unwrap();
        self.broker = broker(elsewhere.path(), &Wired::variant(0), &Board::new(), Until::Late).0;
        match how {
            How::Stopped => {
                let same = |(was, is): (&super::board::Pin, &super::board::Pin)| {
                    (was.output, was.high) == (is.output, is.high)
                };
                assert!(pins.iter().zip(self.board.pins().iter()).all(same), "a stop drives nothing");
                assert_eq!(fs::read(&path).unwrap(), bytes, "what was written at the stop stands");
            }
            How::Killed => fs::write(&path, bytes).unwrap(),
            How::Forgotten => fs::write(&path, "not this").unwrap(),
        }
        self.board.put_back(&pins);
        let (broker, previous) = broker(self.dir.path(), &wired, &self.board, until);
        self.broker = broker;
        match previous {
            Previous::Known(saved) => {
                self.broker.restore(&saved, until.ns());
                self.model.restart(wired, until, true);
            }
            Previous::Unknown => {
                self.broker.save();
                self.model.restart(wired, until, false);
            }
            Previous::None => panic!("there was a daemon before"),
        }
        assert_eq!(matches!(how, How::Forgotten), previous_is_lost(&self.dir));
    }

    /// Compares all that can be seen from outside.
    pub(crate) fn check(&mut self) {
        let pins = self.board.pins().clone();
        for (offset, pin) in pins.iter().enumerate() {
            let level = pin.output.then_some(pin.high);
            assert_eq!(level, self.model.levels[offset], "L{offset}");
        }
        let list = self.broker.list(Scope::Admin).unwrap();
        for view in &list.lines {
            let offset = view.info.id.offset as usize;
            let known = self.model.wired.line(offset).map(|_| &self.model.lines[&offset]);
            let session = known.and_then(|line| line.holder).map(|id| &self.model.sessions[&id]);
            let expected = session.map(|session| (session.client.as_str(), session.away.is_some()));
            let holder = view.holder.as_ref();
            let seen = holder.map(|holder| (holder.name.as_str(), holder.away_until_ns.is_some()));
            assert_eq!(seen, expected, "holder of L{offset}");
        }
        for (id, hold, _) in &self.holds {
            assert_eq!(
                hold.turn().read(0).is_ok(),
                self.model.sessions.contains_key(id),
                "of {:?}",
                hold.session()
            );
        }
    }
}

fn previous_is_lost(dir: &TempDir) -> bool {
    let aside = dir.path().join(state_file::SET_ASIDE);
    let lost = aside.exists();
    let _ = fs::remove_file(aside);
    lost
}
