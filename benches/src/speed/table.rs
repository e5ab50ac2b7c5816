//! What was measured, for people and for programs.

use crate::Fallible;
use crate::series::Summary;
use serde::Serialize;
use std::fmt::Write;

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// All on one processor.
    pub(crate) rates: Vec<Rate>,
    /// The same with the client on another than the daemon; nothing where there is only one.
    pub(crate) rates_apart: Vec<Rate>,
}

/// How long something takes.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) took: Summary,
    /// Beside the floor of the same run.
    pub(crate) ratio: Option<Ratio>,
}

/// By how much the median is above the floor's, and may be.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) to_floor: f64,
    pub(crate) goal: f64,
}

/// How much goes through in a second.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    what: &'static str,
    median: f64,
    best: f64,
    goal: f64,
    /// Which part was lost, where some may be.
    pub(crate) lost: Option<f64>,
}

impl Row {
    pub(crate) fn ours(what: &'static str, took: Summary, floor: &Summary, goal: f64) -> Self {
        let to_floor = took.p50_ns as f64 / floor.p50_ns as f64;
        Self { what, took, ratio: Some(Ratio { to_floor, goal }) }
    }

    pub(crate) fn floor(what: &'static str, took: Summary) -> Self {
        Self { what, took, ratio: None }
    }
}

impl Rate {
    pub(crate) fn of(what: &'static str, goal: f64, mut tries: Vec<f64>) -> Self {
        tries.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| tries.get(index).copied().unwrap_or(0.0);
        let (median, best) = (at(tries.len() / 2), at(tries.len().saturating_sub(1)));
        Self { what, median, best, goal, lost: None }
    }
}

/// What a ratio may be beyond its goal, since machines that are shared swing.
const SLACK: f64 = 1.5;

impl Table {
    /// Whether all ratios are near their goals.
    pub(super) fn gate(&self) -> Fallible<()> {
        let ratios = self.rows.iter().filter_map(|row| row.ratio.as_ref().map(|ratio| (row.what, ratio)));
        let above = ratios.filter(|(_, Ratio { to_floor, goal })| *to_floor > goal * SLACK);
        let above: Vec<String> = above
            .map(|(what, Ratio { to_floor, goal })| {
                format!("{what}: {to_floor:.2} times its floor, at most {:.2}", goal * SLACK)
            })
            .collect();
        if above.is_empty() { Ok(()) } else { Err(above.join("; ").into()) }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        // A String takes all that is written to it.
        let _ = self.lines(&mut text);
        text
    }

    fn lines(&self, text: &mut String) -> std::fmt::Result {
        let us = |ns: u64| ns as f64 / 1000.0;
        writeln!(text, "| what | p50, µs | p99, µs | n | × floor | goal |\n|---|---|---|---|---|---|")?;
        for Row { what, took, ratio } in &self.rows {
            let (p50, p99) = (us(took.p50_ns), us(took.p99_ns));
            write!(text, "| {what} | {p50:.1} | {p99:.1} | {} ", took.n)?;
            match ratio {
                Some(Ratio { to_floor, goal }) => writeln!(text, "| {to_floor:.2} | {goal} |")?,
                None => writeln!(text, "| 1 | |")?,
            }
        }
        Self::rates(&self.rates, "one processor", text)?;
        if !self.rates_apart.is_empty() {
            Self::rates(&self.rates_apart, "client and daemon on one each", text)?;
        }
        Ok(())
    }

    fn rates(rates: &[Rate], placed: &str, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n| in a second, {placed} | median, M | best, M | goal, M |\n|---|---|---|---|")?;
        for Rate { what, median, best, goal, lost } in rates {
            let lost = lost.map_or(String::new(), |part| {
                format!(" ({:.1} % lost and counted at the worst)", part * 100.0)
            });
            writeln!(text, "| {what}{lost} | {:.2} | {:.2} | {:.1} |", median / 1e6, best / 1e6, goal / 1e6)?;
        }
        Ok(())
    }
}
