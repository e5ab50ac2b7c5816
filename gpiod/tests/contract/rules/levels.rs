//! What lines drive and read.

use crate::Verdict::{self, NotProvable, Passed};
use crate::bench::{Bench, active, input, output, watched};
use gpiod::backend::Error;
use gpiod::line::{Bias, Drive, LineConfig, Value};

const NO_HAND: &str = "nothing outside can move a line on this bench";

pub(crate) fn first_value(bench: &dyn Bench) -> Verdict {
    for high in [true, false] {
        let before = if bench.set(20, high).is_some() { high } else { bench.is_high(20) };
        // The opposite of what was there, then what was there: neither passes through the other.
        for value in [!high, high] {
            let config = LineConfig { value: Value::from_bit(value), ..output() };
            bench.begin();
            bench.set(20, before);
            drop(bench.hold(&[(20, input())]));
            let mut hold = None;
            let levels = bench.levels_during(20, &mut || hold = Some(bench.hold(&[(20, config)])));
            let strong = bench.is_high(20);
            let expected = if levels[0] == value { vec![value] } else { vec![!value, value] };
            // The simulated board's hand is as strong as an output; low wins there.
            if strong == value {
                assert_eq!(levels, expected);
            }
        }
    }
    if !bench.sees_all() {
        return NotProvable("the levels are right before and after; nobody sees what is between");
    }
    Passed
}

pub(crate) fn write(bench: &dyn Bench) -> Verdict {
    let mut hold = bench.hold(&[(20, output()), (21, output()), (22, output()), (23, active())]);
    hold.write_all(0b0111, 0b0101);
    assert_eq!([20, 21, 22, 23].map(|bcm| bench.is_high(bcm)), [true, false, true, true]);
    assert_eq!(hold.bits(), 0b1101);
    let moment = hold.write_all(0b1011, 0b0010);
    assert_eq!([20, 21, 22, 23].map(|bcm| bench.is_high(bcm)), [false, true, true, false]);
    assert!(moment.earliest_ns() <= gpiod::clock::now_ns());
    Passed
}

pub(crate) fn write_to_input(bench: &dyn Bench) -> Verdict {
    let mut hold = bench.hold(&[(20, input()), (21, active())]);
    let before = bench.is_high(20);
    let refused = hold.write(0, !before).unwrap_err();
    let Error::Failed { source, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::PermissionDenied, "{refused:?}");
    assert_eq!((bench.is_high(20), bench.is_high(21)), (before, true));
    Passed
}

pub(crate) fn active_low(bench: &dyn Bench) -> Verdict {
    let low = |config| LineConfig { active_low: true, ..config };
    let mut hold = bench.hold(&[(20, low(active())), (21, low(output()))]);
    assert_eq!([20, 21].map(|bcm| bench.is_high(bcm)), [false, true]);
    assert_eq!(hold.bits(), 0b01);
    hold.write(0, false).unwrap();
    assert!(bench.is_high(20));
    drop(hold);
    let Some(()) = bench.set(22, true) else { return Passed };
    assert_eq!(bench.hold(&[(22, low(input()))]).bits(), 0);
    Passed
}

pub(crate) fn bias(bench: &dyn Bench) -> Verdict {
    for (bias, high) in [(Bias::PullUp, true), (Bias::PullDown, false)] {
        bench.begin();
        let mut hold = bench.hold(&[(22, LineConfig { bias: Some(bias), ..input() })]);
        if bench.name().contains("raspi3b") {
            return NotProvable("QEMU's raspi3b has no pulls");
        }
        assert_eq!((bench.is_high(22), hold.bits() == 1), (high, high), "{bias:?}");
        bench.set(22, !high).unwrap();
        assert_eq!(hold.bits() == 1, !high, "whoever drives is stronger than a pull");
    }
    Passed
}

pub(crate) fn open_drain(bench: &dyn Bench) -> Verdict {
    let open = LineConfig { drive: Drive::OpenDrain, bias: Some(Bias::PullUp), ..output() };
    let mut hold = bench.hold(&[(23, open)]);
    assert!(!bench.is_high(23), "inactive is driven low");
    let let_go = bench.turns_during(23, &mut || _ = hold.write(0, true).unwrap());
    if bench.has_manners_of_gpio_sim() {
        bench.set(23, false);
        bench.set(23, true);
        assert!(!bench.is_high(23), "gpio-sim takes it for driven");
        let Some(let_go) = let_go else {
            return NotProvable("gpio-sim leaves an open drain that is let go at its level, whatever pulls");
        };
        // The chip does not follow a pull then, but what the kernel did to it is on record.
        let driven = bench.turns_during(23, &mut || _ = hold.write(0, false).unwrap());
        assert_eq!((let_go, driven), (vec![false], Some(vec![true])));
        return Passed;
    }
    if bench.set(23, false).is_none() {
        return NotProvable(NO_HAND);
    }
    assert!(!bench.is_high(23), "active is left to others");
    bench.begin();
    assert!(bench.is_high(23), "and else to the pull");
    hold.write(0, false).unwrap();
    assert!(!bench.is_high(23));
    Passed
}

pub(crate) fn turn(bench: &dyn Bench) -> Verdict {
    let mut hold = bench.hold(&[(20, input()), (21, active()), (22, watched())]);
    let mut turned = None;
    let bystander = bench.levels_during(21, &mut || turned = Some(hold.configure(0, active())));
    assert_eq!(bystander, [true], "the output beside it never moved");
    assert!(bench.is_high(20));
    let turned = turned.unwrap();
    assert!(turned.earliest_ns() > 0 && turned.latest_ns() <= gpiod::clock::now_ns());
    let driven = bench.levels_during(20, &mut || _ = hold.configure(0, active()));
    assert_eq!(driven, [true], "told again what it is, it does not blink");
    hold.configure(0, input());
    assert_eq!(bench.info(20).direction, gpiod::line::Direction::Input);
    hold.write(0, true).unwrap_err();
    Passed
}
