//! The rules, each a sentence that a board keeps or breaks.

mod claims;
mod edges;
mod levels;

use crate::Verdict;
use crate::bench::Bench;

type Rule = fn(&dyn Bench) -> Verdict;

pub(crate) const ALL: &[(&str, Rule)] = &[
    ("a line is called by its BCM number and has its header pin", claims::names),
    ("a request has all of its lines or none, and hears who has one", claims::all_or_none),
    ("a line shows who holds it, and others are told when that changes", claims::changes),
    ("a line can be requested again when its holder was killed", claims::killed),
    ("an output does at its claim's end what the board says", claims::end),
    ("an output that is found driven is taken over as it is", claims::as_found),
    ("an output drives its first value from its first moment", levels::first_value),
    ("a write reaches the lines of its mask and no others", levels::write),
    ("a write to an input is refused and changes nothing", levels::write_to_input),
    ("an active-low line is active while it is low", levels::active_low),
    ("a pull holds a line that nobody drives", levels::bias),
    ("an open drain drives low and leaves high to others", levels::open_drain),
    ("a line turns round with its first value, and others stay as they are", levels::turn),
    ("edges come in order, numbered from 1 and stamped when they happened", edges::order),
    ("the edges of an active-low line are those of its value", edges::active_low),
    ("an output has no edges", edges::none_of_outputs),
    ("a line that turned to input has edges, and none from before", edges::after_turn),
    ("edges switched off are not told, and the count goes on", edges::off_and_on),
    ("a full buffer drops its oldest edges, and the gap says how many", edges::overflow),
    ("of ten thousand edges each is told once and in order, or missing from the count", edges::bursts),
    ("a debounced line tells what lasted, and reads so", edges::debounce),
];
