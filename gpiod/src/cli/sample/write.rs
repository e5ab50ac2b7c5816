//! The formats that samples are written in.

use super::report::cause;
use crate::cli::get::values_text;
use crate::cli::output::seconds;
use crate::cli::words;
use gpiod_sdk::{SampleGap, Values};
use serde_json::json;
use std::fmt::Write as _;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Vcd,
    Csv,
    Json,
}

impl Format {
    const ALL: [Self; 4] = [Self::Text, Self::Vcd, Self::Csv, Self::Json];
    pub(super) const NAMES: [&str; 4] = ["text", "vcd", "csv", "json"];

    /// The format of this name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        words::named(name, &Self::ALL, |format| Self::NAMES[format as usize])
    }
}

/// Writes samples one after the other.
#[derive(Debug)]
pub(super) struct Writer {
    format: Format,
    names: Vec<String>,
    /// What was written last; `None` at first and after a gap.
    last: Option<u64>,
    /// When the first sample, or gap, was due.
    begin_ns: Option<u64>,
    /// When the last one was due.
    last_ns: u64,
}

/// A line's identifier in VCD: one printable character.
fn code(position: usize) -> char {
    // 64 of them, from `!` on.
    char::from(b'!' + u8::try_from(position).unwrap_or(u8::MAX - b'!'))
}

/// A name as VCD and CSV can have it.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_whitespace() || c == ',' || c.is_control() || c == '"' { '_' } else { c })
        .collect()
}

impl Writer {
    pub(super) fn new(format: Format, names: &[String]) -> Self {
        Self { format, names: names.to_vec(), last: None, begin_ns: None, last_ns: 0 }
    }

    /// What stands before all samples.
    pub(super) fn head(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| plain(name)).collect();
        match self.format {
            Format::Text | Format::Json => String::new(),
            Format::Csv => format!("timestamp_ns,{}\n", names.join(",")),
            Format::Vcd => {
                let mut head =
                    "$version gpiod $end\n$timescale 1 ns $end\n$scope module gpiod $end\n".to_owned();
                for (position, name) in names.iter().enumerate() {
                    let _ = writeln!(head, "$var wire 1 {} {name} $end", code(position));
                }
                head + "$upscope $end\n$enddefinitions $end\n"
            }
        }
    }

    /// Adds a sample.
    pub(super) fn sample(&mut self, values: &Values, text: &mut String) {
        let (bits, due_ns) = (values.bits(), values.timestamp_ns());
        let changed = self.last.map_or(u64::MAX, |last| last ^ bits);
        self.last = Some(bits);
        let offset_ns = self.offset(due_ns);
        // Writing to a text does not fail.
        let _ = match self.format {
            Format::Text if changed == 0 => Ok(()),
            Format::Text => writeln!(text, "{} {}", seconds(due_ns), values_text(values)),
            Format::Json => writeln!(text, "{}", json!({ "timestamp_ns": due_ns, "bits": bits })),
            Format::Csv => {
                let bits = (0..self.names.len()).map(|i| if bits >> i & 1 == 1 { ",1" } else { ",0" });
                writeln!(text, "{due_ns}{}", bits.collect::<String>())
            }
            Format::Vcd => {
                self.vcd(offset_ns, changed, |i| if bits >> i & 1 == 1 { '1' } else { '0' }, text);
                Ok(())
            }
        };
    }

    /// Adds what is missing.
    pub(super) fn missed(&mut self, gap: &SampleGap, text: &mut String) {
        let SampleGap { timestamp_ns, count, .. } = *gap;
        let (_, word, why) = cause(gap.cause);
        self.last = None;
        let offset_ns = self.offset(timestamp_ns);
        let _ = match self.format {
            Format::Text => writeln!(text, "{} missed {count}: {why}", seconds(timestamp_ns)),
            Format::Json => {
                let gap = json!({ "timestamp_ns": timestamp_ns, "missed": count, "cause": word });
                writeln!(text, "{gap}")
            }
            // As many columns as ever, none with a value.
            Format::Csv => writeln!(text, "{timestamp_ns}{}", ",".repeat(self.names.len())),
            Format::Vcd => {
                self.vcd(offset_ns, u64::MAX, |_| 'x', text);
                Ok(())
            }
        };
    }

    /// What stands behind all samples.
    pub(super) fn end(&mut self, text: &mut String) {
        if self.format == Format::Vcd && self.begin_ns.is_some() {
            let last_ns = self.offset(self.last_ns);
            let _ = writeln!(text, "#{last_ns}");
        }
    }

    fn offset(&mut self, due_ns: u64) -> u64 {
        self.last_ns = due_ns;
        due_ns.saturating_sub(*self.begin_ns.get_or_insert(due_ns))
    }

    fn vcd(&self, offset_ns: u64, changed: u64, value: impl Fn(usize) -> char, text: &mut String) {
        if changed == 0 {
            return;
        }
        let _ = writeln!(text, "#{offset_ns}");
        for i in (0..self.names.len()).filter(|i| changed >> i & 1 == 1) {
            let _ = writeln!(text, "{}{}", value(i), code(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_names_are_what_other_programs_read() {
        assert_eq!((code(0), code(63)), ('!', '`'));
        assert_eq!(plain("my line,\"a\""), "my_line__a_");
        let writer = Writer::new(Format::Vcd, &["door/bell".to_owned()]);
        assert!(
            writer.head().contains("$var wire 1 ! door/bell $end\n$upscope $end\n$enddefinitions $end\n")
        );
    }
}
