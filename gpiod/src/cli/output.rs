//! What commands write with: text that is safe for a terminal, tables, JSON.

use crate::failure::{Exit, Failure};
pub use crate::printable::printable;
use serde::Serialize;
use std::io::{self, ErrorKind, Write};

/// Writes to standard output, at once.
///
/// # Errors
/// Exit code 74; [`Exit::NoReader`], which is 0 and says nothing, when nobody reads any more, as after `| head`.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            return Failure::new(Exit::NoReader, "");
        }
        Failure::new(Exit::Io, format!("standard output: {error}"))
    })
}

/// A value as one line of JSON.
///
/// # Errors
/// Exit code 70, for what is no JSON.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text =
        serde_json::to_string(value).map_err(|error| Failure::new(Exit::Software, error.to_string()))?;
    Ok(text + "\n")
}

/// Tells how a command failed, each line of it harmless.
pub fn complain(failure: &Failure) {
    if failure.message.is_empty() {
        return;
    }
    let lines: Vec<String> = failure.message.lines().map(printable).collect();
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "gpiod: {}", lines.join("\n"));
}

/// Rows below one another, each column as wide as its widest cell. The last column is not filled up.
pub fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// A moment in s, with all of its ns.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// A duration in the unit that suits it, to three decimals.
pub fn span(ns: u64) -> String {
    let in_units = |unit: u64| format!("{}.{:03}", ns / unit, ns % unit * 1000 / unit);
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} us", in_units(1_000)),
        1_000_000..1_000_000_000 => format!("{} ms", in_units(1_000_000)),
        _ => format!("{} s", in_units(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["NAME", "PIN"], ["grün", "21"], ["y", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "NAME  PIN\ngrün  21\ny\n");
    }

    #[test]
    fn times_keep_their_digits() {
        assert_eq!(seconds(12_000_000_034), "12.000000034");
        assert_eq!(
            [0, 999, 1_500, 100_002_345, 3_000_000_000].map(span),
            ["0 ns", "999 ns", "1.500 us", "100.002 ms", "3.000 s"]
        );
    }
}
