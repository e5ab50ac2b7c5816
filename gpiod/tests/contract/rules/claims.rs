//! Who holds a line, and what comes of it when it is let go.

use crate::Verdict::{self, NotApplicable, NotProvable, Passed};
use crate::bench::{Bench, active, input, output, wanted, watched};
use crate::holder;
use gpiod::backend::{Error, Wanted};
use gpiod::line::{Direction, LineConfig, OnExit, Value};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub(crate) fn names(bench: &dyn Bench) -> Verdict {
    for (bcm, pin) in [(4, 7), (9, 21), (10, 19), (11, 23)] {
        let info = bench.info(bcm);
        assert_eq!((info.id.offset, info.header_pin), (bcm, Some(pin)));
        assert!(info.chip.starts_with("pinctrl-"), "{info:?}");
    }
    Passed
}

pub(crate) fn all_or_none(bench: &dyn Bench) -> Verdict {
    let hold = bench.hold(&[(17, active())]);
    drop(bench.hold(&[(18, output())]));
    let lines = [wanted(bench.backend(), 18, active()), wanted(bench.backend(), 17, output())];
    let mut refused = None;
    let levels = bench.levels_during(18, &mut || {
        refused = Some(bench.hold_as("gpiod:second", &lines).map(|_| ()));
    });
    match refused.unwrap() {
        Err(Error::Busy { line, consumer }) => {
            assert_eq!((&*line, &*consumer), ("GPIO17", "gpiod:contract"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(levels, [false], "the free line has not moved either");
    assert!(bench.is_high(17), "the holder's line has not moved");
    assert_eq!(bench.info(18).consumer, None, "the free line stayed free");
    drop(hold);
    bench.hold(&[(17, input())]);
    Passed
}

pub(crate) fn changes(bench: &dyn Bench) -> Verdict {
    assert_eq!(bench.info(5).consumer, None);
    let mut sources = bench.backend().changes(&[]).unwrap();
    let hold = bench.hold(&[(5, input())]);
    assert_eq!(bench.info(5).consumer.as_deref(), Some("gpiod:contract"));
    if sources.is_empty() {
        return NotApplicable("the simulated board is asked anew each time; it does not tell by itself");
    }
    let mut told = |consumer: Option<&str>| loop {
        let mut ready: Vec<PollFd> =
            sources.iter().map(|source| PollFd::new(source.as_fd(), PollFlags::POLLIN)).collect();
        assert!(poll(&mut ready, PollTimeout::from(20_000u16)).unwrap() > 0, "nobody tells");
        let next = sources.iter_mut().find_map(|source| source.next().unwrap());
        if next.is_some_and(|info| info.name == "GPIO5" && info.consumer.as_deref() == consumer) {
            return;
        }
    };
    told(Some("gpiod:contract"));
    drop(hold);
    told(None);
    Passed
}

pub(crate) fn killed(bench: &dyn Bench) -> Verdict {
    let mut holder = holder::start(bench, 6);
    assert_eq!(bench.info(6).consumer.as_deref(), Some("gpiod:victim"));
    holder.kill().unwrap();
    holder.wait().unwrap();
    // The kernel lets go of a killed process's descriptors before it reports the death; a board sees its socket end.
    let mut tries = 0;
    while bench.info(6).consumer.is_some() {
        tries += 1;
        assert!(tries < 10_000, "still held");
        std::thread::yield_now();
    }
    bench.hold(&[(6, input())]);
    Passed
}

pub(crate) fn end(bench: &dyn Bench) -> Verdict {
    drop(bench.hold(&[(7, active())]));
    let info = bench.info(7);
    match info.at_exit.claimed {
        Some(OnExit::Keep) => assert!(info.direction == Direction::Output && bench.is_high(7)),
        Some(OnExit::Input) => assert_eq!(info.direction, Direction::Input),
        None if bench.has_manners_of_gpio_sim() => {
            assert!(info.direction == Direction::Output && !bench.is_high(7), "gpio-sim falls to the pull");
            return NotProvable("gpio-sim lets a freed line fall to its pull, so the board promises nothing");
        }
        None => panic!("a board that is known says what it does"),
    }
    Passed
}

pub(crate) fn as_found(bench: &dyn Bench) -> Verdict {
    drop(bench.hold(&[(8, active())]));
    if bench.has_manners_of_gpio_sim() {
        bench.set(8, true);
    }
    let info = bench.info(8);
    if info.direction == Direction::Input {
        return NotApplicable("outputs become inputs when their claim ends: none is found driven");
    }
    // Where the board can not say what it drives, the value that is asked for is of no account.
    let value = Value::from_bit(info.drives_high.unwrap_or(false));
    let line = Wanted { as_found: true, ..wanted(bench.backend(), 8, LineConfig { value, ..output() }) };
    let mut hold = None;
    let levels = bench.levels_during(8, &mut || {
        hold = Some(bench.hold_as("gpiod:next", &[line, wanted(bench.backend(), 9, watched())]).unwrap());
    });
    assert_eq!(levels, [true], "it never moved");
    let mut hold = hold.unwrap();
    assert_eq!(hold.bits() & 1, 1);
    hold.write(0, false).unwrap();
    assert!(!bench.is_high(8), "it can be driven as any other");
    drop(hold);
    drop(bench.hold(&[(8, input())]));
    let line = Wanted { as_found: true, ..wanted(bench.backend(), 8, active()) };
    let _hold = bench.hold_as("gpiod:next", &[line]).unwrap();
    assert!(bench.is_high(8), "one that is no output becomes what it is to be");
    Passed
}
