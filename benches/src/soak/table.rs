//! What came out: one row for each case, and the promises that were broken.

use crate::series::{Series, Summary};

/// How many of a row's broken promises are told in words.
const TOLD: usize = 10;

/// One case of one scene.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) scene: &'static str,
    pub(crate) case: String,
    /// In ns.
    pub(crate) times: Vec<u64>,
    /// What was counted.
    pub(crate) found: String,
    /// What must hold, in words.
    pub(crate) promise: String,
    /// What did not hold.
    pub(crate) broken: Vec<String>,
    /// What did not hold about times.
    pub(crate) late: Vec<String>,
}

impl Row {
    /// The times, summed up.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let mut series = Series::default();
        series.add(self.times.clone());
        series.summary()
    }

    /// The 99th percentile of the times is to be at most so many ns.
    pub(crate) fn p99_at_most(&mut self, most_ns: u64) {
        if let Some(late) = self.summary().filter(|times| times.p99_ns > most_ns) {
            self.late.push(format!("p99 is {} ms, more than {} ms", ms(late.p99_ns), ms(most_ns)));
        }
    }

    /// None of the times is to be more than so many ns.
    pub(crate) fn max_at_most(&mut self, most_ns: u64) {
        if let Some(late) = self.summary().filter(|times| times.max_ns > most_ns) {
            self.late.push(format!("it took {} ms once, more than {} ms", ms(late.max_ns), ms(most_ns)));
        }
    }
}

/// All rows.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    untimed: bool,
}

impl Table {
    pub(crate) fn new(untimed: bool) -> Self {
        Self { rows: Vec::new(), untimed }
    }

    /// Adds a row, and tells it on stderr.
    pub(crate) fn add(&mut self, mut row: Row) {
        if !self.untimed {
            row.broken.append(&mut row.late);
        }
        eprintln!("{}", line(&row));
        self.rows.push(row);
    }

    /// A scene came to no end.
    pub(crate) fn failed(&mut self, scene: &'static str, why: &str) {
        let broken = vec![why.to_owned()];
        self.add(Row { scene, case: "came to no end".to_owned(), broken, ..Row::default() });
    }

    pub(crate) fn broken(&self) -> usize {
        self.rows.iter().map(|row| row.broken.len()).sum()
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = "| scene | case | n | p50, ms | p99 | max | found | promise | kept |\n".to_owned();
        text += "|---|---|---|---|---|---|---|---|---|\n";
        for row in &self.rows {
            text += &line(row);
            text += "\n";
        }
        for row in &self.rows {
            for broken in row.broken.iter().take(TOLD) {
                text += &format!("\nbroken: {}, {}: {broken}", row.scene, row.case);
            }
            if row.broken.len() > TOLD {
                text += &format!("\n… and {} more", row.broken.len() - TOLD);
            }
        }
        text.trim_end().to_owned() + "\n"
    }
}

fn line(row: &Row) -> String {
    let times = row.summary().map_or_else(
        || "— | — | — | —".to_owned(),
        |times| format!("{} | {} | {} | {}", times.n, ms(times.p50_ns), ms(times.p99_ns), ms(times.max_ns)),
    );
    let kept = match (row.broken.len(), row.late.is_empty()) {
        (0, true) => "yes".to_owned(),
        (0, false) => "yes, times not judged".to_owned(),
        (broken, _) => format!("NO ({broken})"),
    };
    format!("| {} | {} | {times} | {} | {} | {kept} |", row.scene, row.case, row.found, row.promise)
}

/// In ms, as people read it.
pub(crate) fn ms(ns: u64) -> String {
    format!("{}.{:02}", ns / 1_000_000, ns % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let mut row = Row { scene: "kill", times: vec![1_000_000, 25_500_000], ..Row::default() };
        row.p99_at_most(10_000_000);
        row
    }

    #[test]
    fn a_time_that_is_too_long_breaks_a_promise_unless_times_are_not_judged() {
        for (untimed, broken) in [(false, 1), (true, 0)] {
            let mut table = Table::new(untimed);
            table.add(row());
            assert_eq!(table.broken(), broken);
            assert!(table.markdown().contains("| 2 | 1.00 | 25.50 | 25.50 |"), "{}", table.markdown());
        }
    }

    #[test]
    fn a_scene_that_came_to_no_end_is_a_broken_promise() {
        let mut table = Table::new(true);
        table.failed("guard", "no board");
        assert_eq!(table.broken(), 1);
        assert!(table.markdown().contains("broken: guard, came to no end: no board"));
    }
}
