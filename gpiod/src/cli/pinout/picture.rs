//! The picture of the header: a function of the lines and nothing else.

use super::{line_at, supply};
use crate::cli::lines::holder_name;
use crate::cli::output::printable;
use crate::header::{HEADER, Pin};
use gpiod_sdk::{Direction, Line};

/// Escape sequences of a terminal (ECMA-48, "select graphic rendition").
const PLAIN: &str = "";
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const CYAN: &str = "36";
const BOLD_YELLOW: &str = "1;33";

/// A piece of text and how it is to look.
#[derive(Clone, Debug)]
struct Cell {
    text: String,
    style: &'static str,
}

impl Cell {
    fn new(text: impl Into<String>, style: &'static str) -> Self {
        Self { text: text.into(), style }
    }
}

/// Everything beside one pin, from the header outwards.
const COLUMNS: usize = 5;
type Side = [Cell; COLUMNS];

/// Draws the header's twenty rows, pin 1 at the top left. From the middle outwards stand pin, level (● high, ○ low,
/// · unknown), direction (an arrow out of the header for an output, into it for an input), board line or supply,
/// group and name, holder. `colour` adds a terminal's colours and changes no letter.
pub fn draw(lines: &[Line], colour: bool) -> String {
    let rows: Vec<(Side, Side)> = (1_u8..)
        .step_by(2)
        .zip(HEADER.chunks(2))
        .map(|(number, pins)| {
            let left = side(number, pins[0], lines, ["←", "→"]);
            let right = side(number + 1, pins[1], lines, ["→", "←"]);
            (left, right)
        })
        .collect();
    let left_widths = widths(rows.iter().map(|(left, _)| left));
    let right_widths = widths(rows.iter().map(|(_, right)| right));
    let mut picture = String::new();
    for ((left, right), number) in rows.iter().zip((1..).step_by(2)) {
        let mut cells: Vec<String> =
            left.iter().zip(left_widths).map(|(cell, width)| padded(cell, width, true, colour)).collect();
        cells.reverse();
        cells.push(format!("{number:>2} │ {:<2}", number + 1));
        cells.extend(right.iter().zip(right_widths).map(|(cell, width)| padded(cell, width, false, colour)));
        picture += cells.join(" ").trim_end();
        picture.push('\n');
    }
    picture
}

fn widths<'a>(sides: impl Iterator<Item = &'a Side>) -> [usize; COLUMNS] {
    sides.fold([0; COLUMNS], |mut widths, side| {
        for (width, cell) in widths.iter_mut().zip(side) {
            *width = (*width).max(cell.text.chars().count());
        }
        widths
    })
}

fn padded(cell: &Cell, width: usize, to_the_right: bool, colour: bool) -> String {
    let space = " ".repeat(width.saturating_sub(cell.text.chars().count()));
    let text = match colour && !cell.style.is_empty() && !cell.text.is_empty() {
        true => format!("\x1b[{}m{}\x1b[0m", cell.style, cell.text),
        false => cell.text.clone(),
    };
    if to_the_right { space + &text } else { text + &space }
}

/// What stands beside a pin; `arrows` are those of an output and of an input on this side.
fn side(number: u8, pin: Pin, lines: &[Line], arrows: [&str; 2]) -> Side {
    let empty = || Cell::new(" ", PLAIN);
    let named = |text: &str, style| {
        [empty(), empty(), Cell::new(text, style), Cell::new("", PLAIN), Cell::new("", PLAIN)]
    };
    match pin {
        Pin::Power3V3 | Pin::Power5V => named(supply(pin), RED),
        Pin::Ground => named(supply(pin), DIM),
        Pin::Gpio(bcm) => match line_at(lines, u32::from(number)) {
            None => named(&format!("GPIO{bcm}"), DIM),
            Some(line) => line_side(line, arrows),
        },
    }
}

fn line_side(line: &Line, [output, input]: [&str; 2]) -> Side {
    let (level, level_style) = match line.value.map(|value| value.is_active() != line.active_low) {
        Some(true) => ("●", BOLD_YELLOW),
        Some(false) => ("○", PLAIN),
        None => ("·", DIM),
    };
    let arrow = match line.present_direction {
        Some(Direction::Output) => output,
        Some(Direction::Input) => input,
        Some(Direction::Both) | None => " ",
    };
    let in_use = if line.holder.is_some() { BOLD } else { PLAIN };
    [
        Cell::new(level, level_style),
        Cell::new(arrow, PLAIN),
        Cell::new(printable(&line.board_line), if line.groups.is_empty() { DIM } else { PLAIN }),
        Cell::new(full_name(line), in_use),
        Cell::new(line.holder.as_ref().map(holder_name).unwrap_or_default(), CYAN),
    ]
}

/// `group/name`, as the admin socket says it, also for a group's own socket; nothing for a line that no group has.
fn full_name(line: &Line) -> String {
    match line.groups.as_slice() {
        [] => String::new(),
        [group] if !line.name.contains('/') => printable(&format!("{group}/{}", line.name)),
        _ => printable(&line.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples::{free, red};
    use gpiod_sdk::Value;

    const PICTURE: &str = include_str!("picture/header.txt");

    fn without_colours(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("\x1b[") {
            plain += before;
            rest = after.split_once('m').unwrap().1;
        }
        plain + rest
    }

    fn lines() -> Vec<Line> {
        let low = Line { value: Some(Value::Active), active_low: true, ..free("GPIO25", 25, 22) };
        vec![red(), free("GPIO2", 2, 3), low]
    }

    #[test]
    fn the_header_looks_like_this() {
        assert_eq!(draw(&lines(), false), PICTURE);
    }

    #[test]
    fn colours_change_no_letter() {
        let coloured = draw(&lines(), true);
        assert!(coloured.contains("\x1b[1;33m●\x1b[0m"));
        let plain: Vec<String> =
            without_colours(&coloured).lines().map(|row| row.trim_end().to_owned()).collect();
        assert_eq!(plain, draw(&lines(), false).lines().collect::<Vec<_>>());
    }

    #[test]
    fn a_groups_own_socket_shows_the_group_too() {
        let line = Line { name: "red".into(), ..red() };
        assert_eq!(draw(&[line], false), draw(&[red()], false));
    }

    #[test]
    fn names_can_not_steer_the_terminal() {
        let mut line = red();
        line.holder.as_mut().unwrap().name = "\x1b[2J".into();
        assert!(!draw(&[line], false).contains('\x1b'));
    }
}
