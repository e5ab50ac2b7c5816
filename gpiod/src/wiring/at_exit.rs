//! What an output does when the daemon has gone: what was wished, held against what the board can do.

use crate::config::{AtStart, Driven, Kind, Line, OnRelease};
use crate::line::{AtExit, LineInfo, OnExit};

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What it does by itself, as an output; `None` for an input, and where nobody can tell.
    pub(super) alone: Option<OnExit>,
    /// Whether it is claimed. One that is an input at times is in any case, since only a claimed line has edges.
    pub(super) claim: bool,
    /// Whether its wish is to become an input and needs a guardian. It is claimed then: as long as a daemon lives, the
    /// kernel refuses the line to a guardian that thinks otherwise.
    pub(super) guarded: bool,
}

/// What a line will do, and whether it is claimed for that.
///
/// # Errors
/// Why the wish can not be fulfilled.
pub(super) fn of(line: &Line, info: &LineInfo) -> Result<Outcome, String> {
    let outcome = |alone, claim| Ok(Outcome { alone, claim, guarded: false });
    let AtExit { claimed, unclaimed } = info.at_exit;
    let Some(driven) = line.kind.driven() else { return outcome(None, true) };
    let unclaimed = unclaimed && matches!(line.kind, Kind::Output(driven) if always_driven(&driven));
    match (driven.on_daemon_exit, claimed) {
        (None | Some(OnExit::Keep), Some(OnExit::Keep)) => outcome(Some(OnExit::Keep), true),
        (None | Some(OnExit::Keep), _) if unclaimed => outcome(Some(OnExit::Keep), false),
        (None, claimed) => outcome(claimed, true),
        (Some(OnExit::Input), Some(OnExit::Input)) => outcome(Some(OnExit::Input), true),
        // A guardian makes it an input first and lets it go then, and what is an input stays one.
        (Some(OnExit::Input), alone) => Ok(Outcome { alone, claim: true, guarded: true }),
        (Some(OnExit::Keep), Some(OnExit::Input)) => Err(
            "\"keep\" is not to be had: this kernel turns an output into an input when its claim ends, and this line \
             can not be driven without one"
                .to_owned(),
        ),
        (Some(OnExit::Keep), None) => Err(format!(
            "\"keep\" can not be promised: what chip {:?} does with an output when its claim ends is not known; \
             leave the key out to accept it",
            info.chip
        )),
    }
}

/// Why the wish to become an input needs a guardian, and what would do without one.
pub(super) fn needs_guardian(alone: Option<OnExit>, chip: &str) -> String {
    match alone {
        Some(_) => "\"input\" is not to be had from this kernel: an output keeps its level here when its claim ends; on \
                    a Raspberry Pi dtparam=strict_gpiod in config.txt (or persist_gpio_outputs=N of the module \
                    pinctrl_bcm2835) changes that"
            .to_owned(),
        None => format!(
            "\"input\" can not be promised by this kernel: what chip {chip:?} does with an output when its claim ends is \
             not known; leave the key out to accept it"
        ),
    }
}

fn always_driven(driven: &Driven) -> bool {
    driven.at_start != AtStart::Input && driven.on_release != OnRelease::Input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Direction, Drive, LineId};
    use OnExit::{Input, Keep};
    use std::time::Duration;

    const GUARDED: bool = true;
    const REFUSED: bool = false;

    fn output(on_daemon_exit: Option<OnExit>) -> Kind {
        Kind::Output(driven(on_daemon_exit))
    }

    fn both(on_daemon_exit: Option<OnExit>) -> Kind {
        Kind::Both(driven(on_daemon_exit))
    }

    fn driven(on_daemon_exit: Option<OnExit>) -> Driven {
        let (at_start, on_release) = (AtStart::Inactive, OnRelease::Inactive);
        Driven { drive: Drive::PushPull, at_start, on_release, on_daemon_exit, one_shot: false }
    }

    /// What the line does by itself, and whether it is claimed; what needs a guardian is told as [`GUARDED`].
    fn outcome(kind: Kind, claimed: Option<OnExit>, unclaimed: bool) -> Result<(Option<OnExit>, bool), bool> {
        let line = Line {
            name: "lamp".to_owned(),
            board_line: "GPIO9".to_owned(),
            kind,
            bias: None,
            active_low: false,
            debounce: Duration::ZERO,
            operations: kind.operations(),
            take_over: false,
            at: 1,
        };
        let info = LineInfo {
            id: LineId { chip: 0, offset: 9 },
            chip: "pinctrl-bcm2835".to_owned(),
            name: "GPIO9".to_owned(),
            header_pin: None,
            direction: Direction::Input,
            high: None,
            drives_high: None,
            consumer: None,
            function: None,
            at_exit: AtExit { claimed, unclaimed },
            waits: false,
        };
        match of(&line, &info) {
            Ok(Outcome { alone, claim, guarded: false }) => Ok((alone, claim)),
            Ok(Outcome { claim, .. }) => {
                assert!(claim, "a guarded line is claimed");
                Err(GUARDED)
            }
            Err(_) => Err(REFUSED),
        }
    }

    #[test]
    fn a_wish_is_fulfilled_guarded_or_refused_and_never_passed_over() {
        for kind in [output, both] {
            for wish in [Keep, Input] {
                for claimed in [Some(Keep), Some(Input), None] {
                    for unclaimed in [false, true] {
                        match outcome(kind(Some(wish)), claimed, unclaimed) {
                            Ok((at_exit, _)) => assert_eq!(at_exit, Some(wish)),
                            Err(GUARDED) => assert!(wish == Input && claimed != Some(Input)),
                            Err(REFUSED) => assert_eq!(wish, Keep),
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_kernel_that_lets_go_is_not_asked_for_lines_that_are_to_keep_their_level() {
        for wish in [None, Some(Keep)] {
            assert_eq!(outcome(output(wish), Some(Input), true), Ok((Some(Keep), false)));
            assert_eq!(outcome(output(wish), Some(Keep), true), Ok((Some(Keep), true)));
        }
        assert_eq!(outcome(output(Some(Input)), Some(Input), true), Ok((Some(Input), true)));
        assert_eq!(outcome(output(Some(Input)), Some(Keep), true), Err(GUARDED));
        assert_eq!(outcome(output(Some(Keep)), Some(Input), false), Err(REFUSED));
    }

    #[test]
    fn to_become_an_input_where_the_kernel_keeps_needs_a_guardian_whatever_the_line_is() {
        for kind in [output, both] {
            for (claimed, unclaimed) in [(Some(Keep), false), (Some(Keep), true), (None, false), (None, true)]
            {
                assert_eq!(outcome(kind(Some(Input)), claimed, unclaimed), Err(GUARDED));
            }
        }
    }

    #[test]
    fn a_line_that_is_listened_to_stays_claimed() {
        assert_eq!(outcome(both(None), Some(Input), true), Ok((Some(Input), true)));
        assert_eq!(outcome(both(Some(Keep)), Some(Input), true), Err(REFUSED));
        let released = Kind::Output(Driven { on_release: OnRelease::Input, ..driven(None) });
        assert_eq!(outcome(released, Some(Input), true), Ok((Some(Input), true)));
    }

    #[test]
    fn without_a_wish_what_nobody_knows_is_accepted_and_said() {
        assert_eq!(outcome(output(None), None, false), Ok((None, true)));
        assert_eq!(outcome(output(Some(Keep)), None, false), Err(REFUSED));
        assert_eq!(outcome(Kind::Input, None, false), Ok((None, true)));
    }
}
