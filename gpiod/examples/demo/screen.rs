//! What people see: a picture a few times a second on a terminal, plain lines elsewhere.

use crate::lights::Phase;
use crate::readings::Reading;
use gpiod::board::circuit::Colour;
use gpiod::board::model::{Part, State};
use gpiod::cli::pinout;
use gpiod_sdk::Line;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// The other screen of the terminal, cleared, without cursor; long lines are cut, not wrapped.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/// The terminal as it was.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// How wide the bar of the light is, and the lux at its two ends.
const BAR: (usize, f64, f64) = (24, 1.0, 300.0);

/// What is to be drawn.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) board: &'a State,
    pub(crate) lines: &'a [Line],
    pub(crate) lux: Option<f64>,
}

/// The screen. A terminal is as it was before once this is dropped.
#[derive(Debug)]
pub(crate) struct Screen {
    live: bool,
    colour: bool,
    start_ns: u64,
    phase: Option<Phase>,
    reading: Option<Reading>,
}

impl Screen {
    /// Standard output. Times count from `start_ns`.
    pub(crate) fn new(start_ns: u64) -> Self {
        let live = io::stdout().is_terminal();
        if live {
            // Fails where the terminal has gone: then nobody sees the next either, and that ends the show.
            let _ = write(ENTER);
        }
        Self { live, colour: pinout::colour(), start_ns, phase: None, reading: None }
    }

    /// Whether it wants pictures.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Tells that the lights have changed.
    pub(crate) fn phase(&mut self, phase: Phase) -> io::Result<()> {
        let mut text = format!("{} traffic light: {:<10}", self.seconds(phase.since_ns), phase.name);
        if let Some((name, lasted)) = &phase.before {
            let _ = write!(text, " ({name} was on for {:.3} s)", lasted.as_secs_f64());
        }
        self.phase = Some(phase);
        self.log(&text)
    }

    /// Tells a reading.
    pub(crate) fn reading(&mut self, reading: Reading) -> io::Result<()> {
        self.reading = Some(reading);
        self.log(&format!("{} light sensor: {}", self.seconds(reading.time_ns), words(&reading)))
    }

    fn log(&self, text: &str) -> io::Result<()> {
        if self.live { Ok(()) } else { write(&format!("{}\n", text.trim_end())) }
    }

    fn seconds(&self, at_ns: u64) -> String {
        format!("{:8.3} s", at_ns.saturating_sub(self.start_ns) as f64 / 1e9)
    }

    /// Draws the picture anew.
    pub(crate) fn draw(&self, frame: &Frame<'_>) -> io::Result<()> {
        let picture = self.picture(frame);
        let mut text = "\x1b[H".to_owned();
        // Each row clears what the one before it may have left to its right; after the last there is no new line, so
        // that nothing scrolls on a terminal of just this height.
        text +=
            &picture.trim_end().lines().map(|row| format!("{row}\x1b[K")).collect::<Vec<_>>().join("\r\n");
        write(&(text + "\x1b[J"))
    }

    fn picture(&self, frame: &Frame<'_>) -> String {
        let State { board, time_ns, .. } = frame.board;
        let mut text = format!("gpiod on a {board}  {}  Ctrl-C ends it\n", self.seconds(*time_ns).trim());
        text += &pinout::draw(frame.lines, self.colour);
        text += "traffic light ";
        for component in &frame.board.components {
            if let Part::Led { colour, lit, .. } = &component.part {
                let _ = write!(text, "  {} {}", self.lamp(*colour, *lit), component.name);
            }
        }
        if let Some(phase) = &self.phase {
            let lasts = time_ns.saturating_sub(phase.since_ns) as f64 / 1e9;
            let _ = write!(text, "    {} for {lasts:.1} s", phase.name);
        }
        text += "\nlight sensor    ";
        if let Some(lux) = frame.lux {
            let _ = write!(text, "{} {lux:>5.1} lux", bar(lux));
        }
        if let Some(reading) = &self.reading {
            let _ = write!(text, "    {}", words(reading));
        }
        text
    }

    fn lamp(&self, colour: Colour, lit: bool) -> String {
        let lamp = if lit { "●" } else { "○" };
        let code = match colour {
            Colour::Red => 31,
            Colour::Yellow => 33,
            Colour::Green => 32,
            Colour::Blue => 34,
            Colour::White => 37,
        };
        if self.colour && lit { format!("\x1b[1;{code}m{lamp}\x1b[0m") } else { lamp.to_owned() }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.live {
            let _ = write(LEAVE);
        }
    }
}

fn words(reading: &Reading) -> String {
    let Reading { measured_us, expected_us, .. } = reading;
    format!("{measured_us:.0} us, physics says {expected_us:.0} us ({:+.2} %)", reading.percent())
}

/// How bright it is; eyes and photoresistors see logarithms.
fn bar(lux: f64) -> String {
    let (width, darkest, brightest) = BAR;
    let part = (lux / darkest).ln() / (brightest / darkest).ln();
    (1..=width).map(|cell| if cell as f64 <= part * width as f64 { '█' } else { '·' }).collect()
}

/// Writes to standard output at once.
fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_in_bright_light_and_empty_in_the_dark() {
        let full = |lux| bar(lux).chars().filter(|cell| *cell == '█').count();
        assert_eq!([0.1, 1.0, 300.0_f64.sqrt(), 300.0, 1e6].map(full), [0, 0, 12, 24, 24]);
    }
}
