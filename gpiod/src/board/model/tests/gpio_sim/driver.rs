//! The manners of gpio-sim, held against what its driver and gpiolib do with one line.

use super::*;
use proptest::prelude::*;

/// One line as the driver keeps it, with its flags in gpiolib: written from those, not from the model.
#[derive(Clone, Copy, Debug, Default)]
struct Driver {
    value: bool,
    pull: bool,
    out: bool,
    requested: bool,
    is_out: bool,
}

impl Driver {
    fn apply_pull(&mut self, high: bool) {
        if !(self.requested && self.is_out) {
            self.value = high;
        }
        self.pull = high;
    }

    fn set_bias(&mut self, bias: Option<Bias>) {
        match bias {
            None | Some(Bias::Disabled) => {}
            Some(Bias::PullUp) => self.apply_pull(true),
            Some(Bias::PullDown) => self.apply_pull(false),
        }
    }

    fn direction_input(&mut self, bias: Option<Bias>) {
        (self.out, self.is_out) = (false, false);
        self.set_bias(bias);
    }

    fn configure(&mut self, config: &LineConfig) {
        (self.requested, self.is_out) = (true, config.direction == Direction::Output);
        let high = config.value.is_active() != config.active_low;
        match (config.direction, config.drive, high) {
            (Direction::Input, _, _) => self.direction_input(config.bias),
            (_, Drive::OpenDrain, true) | (_, Drive::OpenSource, false) => {
                self.direction_input(config.bias);
                self.is_out = true;
            }
            _ => {
                self.set_bias(config.bias);
                (self.out, self.value) = (true, high);
            }
        }
    }

    fn set(&mut self, config: &LineConfig, active: bool) {
        let high = active != config.active_low;
        match (config.drive, high) {
            (Drive::OpenDrain, true) | (Drive::OpenSource, false) => self.out = false,
            _ => (self.out, self.value) = (true, high),
        }
    }

    /// A request of a free line that does not say what it is to be, then one that tells it to be what it is.
    fn take_over(&mut self, config: LineConfig) -> LineConfig {
        let value = Value::from_bit(self.value != config.active_low);
        let found = LineConfig { direction: Direction::Output, value, edges: false, ..config };
        let config = if self.out { found } else { config };
        self.configure(&config);
        config
    }

    fn free(&mut self) {
        (self.requested, self.value) = (false, self.pull);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Configure(LineConfig),
    TakeOver(LineConfig),
    Write(bool),
    Pull(bool),
    Free,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => random::config().prop_map(Act::Configure),
        1 => random::config().prop_map(Act::TakeOver),
        3 => any::<bool>().prop_map(Act::Write),
        3 => any::<bool>().prop_map(Act::Pull),
        1 => Just(Act::Free),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_line_it_is_as_the_driver_has_it(acts in prop::collection::vec(act(), 1..40)) {
        let mut board = board();
        let mut driver = Driver::default();
        let mut held: Option<(ClaimId, LineConfig)> = None;
        for act in acts {
            match (&act, held) {
                (Act::Configure(config), Some((id, _))) => {
                    board.configure(id, &[(0, *config)]).unwrap();
                    driver.configure(config);
                    held = Some((id, *config));
                }
                (Act::Configure(config), None) => {
                    held = Some((claim(&mut board, 20, *config), *config));
                    driver.configure(config);
                }
                (Act::TakeOver(config), None) => {
                    let lines = [(LineId { chip: 0, offset: 20 }, *config)];
                    let (id, kept) = board.claim_as_found("test", &lines, 1).unwrap();
                    prop_assert_eq!(kept == 1, driver.out);
                    held = Some((id, driver.take_over(*config)));
                }
                (Act::TakeOver(_), Some(_)) => {}
                (Act::Write(active), Some((id, config))) if config.direction == Direction::Output => {
                    board.write(id, 1, u64::from(*active)).unwrap();
                    driver.set(&config, *active);
                }
                (Act::Write(_), _) => {}
                (Act::Pull(high), _) => {
                    stuck(&mut board, *high);
                    driver.apply_pull(*high);
                }
                (Act::Free, Some((id, _))) => {
                    board.release(id);
                    driver.free();
                    held = None;
                }
                (Act::Free, None) => {}
            }
            let state = &board.state().lines[20];
            prop_assert_eq!(state.high, driver.value, "after {:?}", act);
            prop_assert_eq!(state.direction == Direction::Output, driver.is_out, "after {:?}", act);
        }
    }
}
