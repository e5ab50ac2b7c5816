//! The broker beside a model of what it promises: under any order of what clients, the administrator, time and restarts
//! do, no line has two holders, none is lost, and every output is at the level that it should be at.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod adopted;
mod board;
mod claimed;
mod expected;
mod rig;
mod wired;

use expected::Until;
use proptest::prelude::*;
use rig::{Rig, Want};

/// What may happen. Numbers choose among what there is at that moment.
#[derive(Clone, Debug)]
enum Op {
    Open { socket: u8, wants: Vec<Want>, token: Option<u8> },
    Write { hold: u8, mask: u8, bits: u8 },
    Turn { hold: u8, line: u8, to: Option<bool> },
    Set { socket: u8, line: u8, active: bool },
    End { hold: u8 },
    Break { hold: u8 },
    Watchdog { hold: u8 },
    TimePasses { far: bool },
    ReleaseGroup { group: u8 },
    Rewire { variant: u8, until: Until },
    Restart { how: How, variant: u8, until: Until },
}

/// How a daemon ends, and what the next one finds.
#[derive(Clone, Copy, Debug)]
enum How {
    Stopped,
    Killed,
    /// It was killed, and its state file can not be used.
    Forgotten,
}

fn op() -> impl Strategy<Value = Op> {
    let want = (any::<u8>(), any::<Option<bool>>(), 0u8..4).prop_map(|(line, initial, way)| Want {
        line,
        initial,
        way,
    });
    let wants = prop::collection::vec(want, 1..4);
    let how = prop_oneof![Just(How::Stopped), Just(How::Killed), Just(How::Forgotten)];
    let until = prop_oneof![Just(Until::Soon), Just(Until::Late)];
    prop_oneof![
        8 => (any::<u8>(), wants, any::<Option<u8>>())
            .prop_map(|(socket, wants, token)| Op::Open { socket, wants, token }),
        // Whoever comes back asks for what it had.
        5 => (any::<u8>(), any::<bool>()).prop_map(|(session, known)| {
            let token = known.then_some(session);
            Op::Open { socket: session, wants: Vec::new(), token }
        }),
        4 => any::<(u8, u8, u8)>().prop_map(|(hold, mask, bits)| Op::Write { hold, mask, bits }),
        1 => any::<(u8, u8, Option<bool>)>().prop_map(|(hold, line, to)| Op::Turn { hold, line, to }),
        1 => any::<(u8, u8, bool)>().prop_map(|(socket, line, active)| Op::Set { socket, line, active }),
        1 => any::<u8>().prop_map(|hold| Op::End { hold }),
        4 => any::<u8>().prop_map(|hold| Op::Break { hold }),
        2 => any::<u8>().prop_map(|hold| Op::Watchdog { hold }),
        2 => any::<bool>().prop_map(|far| Op::TimePasses { far }),
        1 => any::<u8>().prop_map(|group| Op::ReleaseGroup { group }),
        1 => (any::<u8>(), until.clone()).prop_map(|(variant, until)| Op::Rewire { variant, until }),
        2 => (how, any::<u8>(), until).prop_map(|(how, variant, until)| Op::Restart { how, variant, until }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn lines_are_whose_and_at_what_the_model_says_whatever_happens(ops in prop::collection::vec(op(), 1..60)) {
        let mut rig = Rig::start();
        rig.check();
        for op in ops {
            rig.step(op);
            rig.check();
        }
    }
}
