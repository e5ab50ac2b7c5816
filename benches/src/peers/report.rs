//! What came out of all turns, as a table for people and as JSON for programs.

use super::arguments::Arguments;
use super::programs::Program;
use super::turn::{Burst, Idle, Outcome};
use crate::Fallible;
use crate::series::{Series, Summary};
use serde::Serialize;

/// Grows from turn to turn.
#[derive(Debug)]
pub(crate) struct Report {
    rounds: u32,
    columns: Vec<(Program, String, Sum)>,
}

#[derive(Debug, Default)]
struct Sum {
    write: Series,
    read: Series,
    edge: Series,
    burst: Burst,
    idle: Vec<Idle>,
    deaf: u32,
}

/// All that is known at the end.
#[derive(Debug, Serialize)]
pub(crate) struct Conclusion {
    rounds: u32,
    programs: Vec<Column>,
}

/// One program. What was not measured is `None`, or empty.
#[derive(Debug, Serialize)]
struct Column {
    program: &'static str,
    given: bool,
    version: String,
    write: Option<Summary>,
    read: Option<Summary>,
    edge_to_client: Option<Summary>,
    burst: Burst,
    idle: Vec<Idle>,
    /// Turns in vain, since the watch told of no edge from the beginning.
    deaf_turns: u32,
}

impl Report {
    pub(crate) fn new(wanted: &Arguments, programs: &[Program]) -> Fallible<Self> {
        let column = |program: &Program| Ok((program.clone(), program.version()?, Sum::default()));
        let columns = programs.iter().map(column).collect::<Fallible<_>>()?;
        Ok(Self { rounds: wanted.rounds, columns })
    }

    pub(crate) fn add(&mut self, program: &Program, outcome: Outcome) {
        let Some((_, _, sum)) = self.columns.iter_mut().find(|(column, _, _)| column == program) else {
            return;
        };
        sum.write.add(outcome.write);
        sum.read.add(outcome.read);
        sum.edge.add(outcome.edge);
        sum.burst.made += outcome.burst.made;
        sum.burst.arrived += outcome.burst.arrived;
        sum.burst.told_lost += outcome.burst.told_lost;
        sum.burst.ns += outcome.burst.ns;
        if sum.idle.is_empty() {
            sum.idle = outcome.idle;
        } else {
            for (sum, idle) in sum.idle.iter_mut().zip(outcome.idle) {
                sum.span_ns += idle.span_ns;
                sum.processor_ns += idle.processor_ns;
                sum.waits += idle.waits;
            }
        }
    }

    /// A turn was in vain. Answers how many of the program's were.
    pub(crate) fn deaf(&mut self, program: &Program) -> u32 {
        let Some((_, _, sum)) = self.columns.iter_mut().find(|(column, _, _)| column == program) else {
            return 0;
        };
        sum.deaf += 1;
        sum.deaf
    }

    pub(crate) fn conclude(self) -> Conclusion {
        let column = |(program, version, sum): (Program, String, Sum)| Column {
            program: program.name(),
            given: program.is_given(),
            version,
            write: sum.write.summary(),
            read: sum.read.summary(),
            edge_to_client: sum.edge.summary(),
            burst: sum.burst,
            idle: sum.idle,
            deaf_turns: sum.deaf,
        };
        Conclusion { rounds: self.rounds, programs: self.columns.into_iter().map(column).collect() }
    }
}

impl Conclusion {
    /// The table. The first column is the floor.
    pub(crate) fn markdown(&self) -> String {
        let Some(floor) = self.programs.first() else { return String::new() };
        let n = |summary: &Option<Summary>| summary.as_ref().map_or(0, |summary| summary.n);
        let bursts = floor.burst.made / u64::from(self.rounds.max(1));
        let bursts = format!("{} bursts of {bursts}", self.rounds);
        let times = |what: fn(&Column) -> &Option<Summary>| {
            move |column: &Column| duration(what(column).as_ref(), what(floor).as_ref())
        };
        let mut table = Table { columns: &self.programs, text: String::new() };
        table.row("", |column| column.program.to_owned());
        table.text += &format!("|---|{}\n", "---|".repeat(self.programs.len()));
        table.given("version", |column| column.version.clone());
        table.given(&format!("write, µs (n = {})", n(&floor.write)), times(|column| &column.write));
        table.given(&format!("read, µs (n = {})", n(&floor.read)), times(|column| &column.read));
        let label = format!("edge to client, µs (n = {})", n(&floor.edge_to_client));
        table.given(&label, times(|column| &column.edge_to_client));
        table.given(&format!("{bursts}: arrived"), |column| column.burst.arrived.to_string());
        table.given("… told lost", |column| column.burst.told_lost.to_string());
        table.given("… missing without a word", |column| missing(column.burst).to_string());
        table.given("… edges heard of per second", |column| {
            let heard = column.burst.arrived + column.burst.told_lost;
            (heard * 1_000_000_000).checked_div(column.burst.ns).unwrap_or(0).to_string()
        });
        table.given("turns begun anew, since the watch was deaf", |column| column.deaf_turns.to_string());
        // ms in a second are ns in a µs.
        let share = |idle: &Idle| ratio(idle.processor_ns, idle.span_ns / 1000, 3);
        table.given("idle: processor, ms per s", |column| processes(column, share));
        let waits = |idle: &Idle| ratio(idle.waits * 1000, idle.span_ns / 1_000_000, 1);
        table.given("idle: waits per s", |column| processes(column, waits));
        table.text
    }
}

struct Table<'a> {
    columns: &'a [Column],
    text: String,
}

impl Table<'_> {
    fn row(&mut self, label: &str, cell: impl Fn(&Column) -> String) {
        self.text += &format!("| {label} |");
        for column in self.columns {
            self.text += &format!(" {} |", cell(column));
        }
        self.text += "\n";
    }

    fn given(&mut self, label: &str, cell: impl Fn(&Column) -> String) {
        self.row(label, |column| if column.given { cell(column) } else { "not given".to_owned() });
    }
}

/// Median / 99th percentile (median as a multiple of the floor's).
fn duration(summary: Option<&Summary>, floor: Option<&Summary>) -> String {
    let Some((summary, floor)) = summary.zip(floor) else { return "—".to_owned() };
    let us = |ns| ratio(ns, 1000, 1);
    format!("{} / {} ({}×)", us(summary.p50_ns), us(summary.p99_ns), ratio(summary.p50_ns, floor.p50_ns, 1))
}

fn missing(burst: Burst) -> u64 {
    burst.made.saturating_sub(burst.arrived + burst.told_lost)
}

fn processes(column: &Column, value: impl Fn(&Idle) -> String) -> String {
    match &column.idle[..] {
        [] => "—".to_owned(),
        [only] => value(only),
        several => several
            .iter()
            .map(|idle| format!("{} ({})", value(idle), idle.process))
            .collect::<Vec<_>>()
            .join(" + "),
    }
}

/// A quotient with some digits after the point.
fn ratio(dividend: u64, divisor: u64, digits: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "no more than a few digits are shown")]
    let quotient = dividend as f64 / divisor as f64;
    format!("{quotient:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn outcome(us: u64) -> Outcome {
        let idle = Idle { process: "x", span_ns: 2_000_000_000, processor_ns: 3_000_000, waits: 5 };
        Outcome {
            write: vec![us * 1000; 4],
            read: vec![us * 1000; 4],
            edge: vec![us * 1000; 2],
            burst: Burst { made: 10, arrived: 7, told_lost: 2, ns: 1_000_000_000 },
            idle: vec![idle],
        }
    }

    #[test]
    fn a_peer_that_was_not_given_is_said_so_and_all_others_are_compared_with_the_floor() {
        let wanted = Arguments {
            gpiod: "/bin/true".into(),
            rgpiod: None,
            gpio_manager: None,
            rounds: 2,
            calls: 4,
            edges: 2,
            burst: 10,
            idle: Duration::from_secs(2),
            spread: false,
            json: None,
        };
        let programs = Program::all(&wanted);
        let mut report = Report::new(&wanted, &programs).unwrap();
        for _ in 0..2 {
            report.add(&programs[0], outcome(2));
            report.add(&programs[1], outcome(5));
        }
        let table = report.conclude().markdown();
        let row = |label: &str| {
            let row = table.lines().find(|line| line.starts_with(&format!("| {label}"))).unwrap();
            row.split('|').map(str::trim).skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(row("write, µs (n = 8)")[..2], ["2.0 / 2.0 (1.0×)", "5.0 / 5.0 (2.5×)"]);
        assert_eq!(row("2 bursts of 10: arrived")[..2], ["14", "14"]);
        assert_eq!(row("… missing")[1], "2");
        assert_eq!(row("idle: processor")[1], "1.500");
        assert_eq!(row("idle: waits")[1], "2.5");
        assert_eq!(row("version")[3..5], ["not given", "not given"]);
        assert_eq!(row("read")[3], "not given");
    }
}
