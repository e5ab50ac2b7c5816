//! What the test found: text to paste into an issue, or JSON.

use crate::cli::output::printable;
use serde_json::{Map, Value as Json, json};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It did what the daemon relies on.
    Passed,
    /// It did not.
    Failed,
    /// It says nothing about this board, or could not be tried.
    NotApplicable,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotApplicable => "not applicable",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Passed | Self::NotApplicable => self.word(),
        }
    }

    /// How a terminal shows it (ECMA-48, "select graphic rendition"): green, bold red, dim.
    fn style(self) -> &'static str {
        match self {
            Self::Passed => "32",
            Self::Failed => "1;31",
            Self::NotApplicable => "2",
        }
    }
}

/// What a step found.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Paragraphs; the first says it all.
    pub(super) says: Vec<String>,
    measures: Map<String, Json>,
}

impl Outcome {
    fn new(verdict: Verdict, says: impl Into<String>) -> Self {
        Self { verdict, says: vec![says.into()], measures: Map::new() }
    }

    pub(super) fn passed(says: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, says)
    }

    pub(super) fn failed(says: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, says)
    }

    pub(super) fn not_applicable(why: impl Into<String>) -> Self {
        Self::new(Verdict::NotApplicable, why)
    }

    /// Passed unless there are faults.
    pub(super) fn judged(faults: &[String], says: impl Into<String>) -> Self {
        if faults.is_empty() { Self::passed(says) } else { Self::failed(faults.join("; ")) }
    }

    /// One more paragraph.
    pub(super) fn and(mut self, says: impl Into<String>) -> Self {
        self.says.push(says.into());
        self
    }

    /// A figure, for programs.
    pub(super) fn measure(mut self, name: &str, figure: impl Into<Json>) -> Self {
        self.measures.insert(name.to_owned(), figure.into());
        self
    }
}

/// Where a step's text begins: after the widest verdict and the widest name.
const VERDICT: usize = 16;
const NAME: usize = 13;
const COLUMNS: usize = 100;

/// A step as lines of text.
pub(super) fn text(name: &str, outcome: &Outcome, colour: bool) -> String {
    let word = outcome.verdict.word();
    let shown = match colour {
        true => format!("\x1b[{}m{word}\x1b[0m", outcome.verdict.style()),
        false => word.to_owned(),
    };
    let mut text = format!("{shown}{}{name:NAME$}", " ".repeat(VERDICT - word.len()));
    text += &below(VERDICT + NAME, &outcome.says);
    text
}

/// A fact about the board as lines of text.
pub(super) fn fact(name: &str, says: &str) -> String {
    format!("{name:VERDICT$}{}", below(VERDICT, &[says.to_owned()]))
}

/// Paragraphs, broken so that they stand in what is right of `indent`.
fn below(indent: usize, paragraphs: &[String]) -> String {
    let rows: Vec<String> = paragraphs.iter().flat_map(|says| wrapped(says, COLUMNS - indent)).collect();
    rows.join(&format!("\n{}", " ".repeat(indent))) + "\n"
}

fn wrapped(says: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in printable(says).split(' ') {
        let room = rows.last().map_or(0, |row| width.saturating_sub(row.chars().count() + 1));
        match rows.last_mut() {
            Some(row) if row.is_empty() => row.push_str(word),
            Some(row) if word.chars().count() <= room => *row += &format!(" {word}"),
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

/// How many steps ended how, in a line.
pub(super) fn sum(steps: &[(&'static str, Outcome)]) -> String {
    let count = |verdict| steps.iter().filter(|(_, outcome)| outcome.verdict == verdict).count();
    let verdicts = [Verdict::Passed, Verdict::Failed, Verdict::NotApplicable];
    let said = verdicts.map(|verdict| format!("{} {}", count(verdict), verdict.word()));
    format!("\n{}\n", said.join(", "))
}

/// All of it as JSON.
pub(super) fn json(about: &[(&'static str, String)], steps: &[(&'static str, Outcome)]) -> Json {
    let about: Map<String, Json> =
        about.iter().map(|(name, says)| (name.replace(' ', "_"), says.as_str().into())).collect();
    let step = |(name, outcome): &(&str, Outcome)| {
        json!({
            "step": name,
            "verdict": outcome.verdict.key(),
            "says": outcome.says,
            "measures": outcome.measures,
        })
    };
    let passed = steps.iter().all(|(_, outcome)| outcome.verdict != Verdict::Failed);
    json!({ "about": about, "steps": steps.iter().map(step).collect::<Vec<_>>(), "passed": passed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_aligned_and_no_row_is_wider_than_a_page() {
        let long = "GPIO27 does not follow GPIO22: ".repeat(9);
        let outcome = Outcome::failed(long.trim_end()).and("second\x1b[2J");
        let shown = text("wire", &outcome, false);
        let rows: Vec<&str> = shown.lines().collect();
        assert!(rows[0].starts_with("FAILED          wire         GPIO27 does"), "{shown}");
        assert!(rows.len() > 3 && rows.iter().all(|row| row.chars().count() <= COLUMNS), "{shown}");
        assert!(rows[1..].iter().all(|row| row.starts_with(&" ".repeat(VERDICT + NAME))), "{shown}");
        assert!(rows.last().unwrap().ends_with("second\\u{1b}[2J"), "{shown}");
    }

    #[test]
    fn colours_change_no_letter() {
        let outcome = Outcome::passed("all is well");
        let coloured = text("edges", &outcome, true);
        assert!(coloured.contains("\x1b[32mpassed\x1b[0m"));
        let plain = coloured.replace("\x1b[32m", "").replace("\x1b[0m", "");
        assert_eq!(plain, text("edges", &outcome, false));
    }

    #[test]
    fn one_failure_is_a_failure_and_what_does_not_apply_is_none() {
        let passed = |steps: &[Outcome]| {
            let steps: Vec<_> = steps.iter().map(|outcome| ("step", outcome.clone())).collect();
            json(&[], &steps)["passed"] == Json::Bool(true)
        };
        assert!(passed(&[Outcome::passed(""), Outcome::not_applicable("")]));
        assert!(!passed(&[Outcome::passed(""), Outcome::failed(""), Outcome::passed("")]));
    }
}
