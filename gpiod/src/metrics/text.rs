//! OpenMetrics 1.0 as text: families, each with its kind, its unit where it has one, and what it means.

use std::fmt::{Display, Write};

/// A family's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It is as it is now.
    Gauge,
    /// Words that stay, in labels.
    Info,
}

/// What has been written so far.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family. The samples that follow are its own.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Info => "info",
        };
        let suffix = match kind {
            Kind::Counter => "_total",
            Kind::Gauge => "",
            Kind::Info => "_info",
        };
        self.line(format_args!("# TYPE {name} {word}"));
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        if let Some(unit) = unit {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name} {}", escaped(help)));
        Family { text: self, name, suffix }
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// All of it, with the end that tells whoever reads that nothing is missing.
    pub(super) fn end(mut self) -> String {
        self.line("# EOF");
        self.0
    }
}

/// A family whose samples are being written.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut Text,
    name: &'static str,
    suffix: &'static str,
}

impl Family<'_> {
    /// Adds a sample. No two of a family have the same labels.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let Self { name, suffix, .. } = self;
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
        self.text.line(format_args!("{name}{suffix}{open}{}{close} {value}", labels.join(",")));
        self
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_their_suffix_and_unit_and_nothing_in_a_label_ends_it() {
        let mut text = Text::default();
        text.family("a", Kind::Counter, "What a \"b\" is.").sample(&[("c", "d\"e\\f\ng"), ("h", "")], 1);
        text.family("g_seconds", Kind::Gauge, "A time.").sample(&[], 0.5);
        text.family("b", Kind::Info, "Words.").sample(&[("version", "1")], 1);
        let expected = "# TYPE a counter\n# HELP a What a \\\"b\\\" is.\n\
            a_total{c=\"d\\\"e\\\\f\\ng\",h=\"\"} 1\n\
            # TYPE g_seconds gauge\n# UNIT g_seconds seconds\n# HELP g_seconds A time.\ng_seconds 0.5\n\
            # TYPE b info\n# HELP b Words.\nb_info{version=\"1\"} 1\n# EOF\n";
        assert_eq!(text.end(), expected);
    }
}
