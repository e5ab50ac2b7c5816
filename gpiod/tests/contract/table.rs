//! The table: rule by bench.

use std::fs;
use std::process::ExitCode;

/// How a rule ended on a bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    Passed,
    NotApplicable,
    NotProvable,
    Failed,
}

impl Result {
    const ALL: [Self; 4] = [Self::Passed, Self::NotApplicable, Self::NotProvable, Self::Failed];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotApplicable => "not applicable",
            Self::NotProvable => "not provable",
            Self::Failed => "FAILED",
        }
    }
}

/// One rule on one bench.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) rule: String,
    pub(crate) bench: String,
    pub(crate) result: Result,
    pub(crate) why: String,
}

/// Writes rows for [`show`], one a line, with tabs between the cells.
pub(crate) fn write(file: &str, rows: &[Row]) {
    let line = |row: &Row| format!("{}\t{}\t{}\t{}\n", row.rule, row.bench, row.result.word(), row.why);
    fs::write(file, rows.iter().map(line).collect::<String>()).unwrap();
}

fn read(file: &str) -> Vec<Row> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let row = |line: &str| {
        let [rule, bench, word, why] = line.splitn(4, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let result = Result::ALL.into_iter().find(|result| result.word() == word).unwrap();
        Row { rule: rule.to_owned(), bench: bench.to_owned(), result, why: why.to_owned() }
    };
    text.lines().map(row).collect()
}

/// Prints what several runs wrote as one Markdown table, reasons as notes below it.
pub(crate) fn show(files: &[&str]) -> ExitCode {
    let rows: Vec<Row> = files.iter().flat_map(|file| read(file)).collect();
    let mut rules: Vec<&str> = Vec::new();
    let mut benches: Vec<&str> = Vec::new();
    let mut notes: Vec<&str> = Vec::new();
    for row in &rows {
        for (known, new) in [(&mut rules, &row.rule), (&mut benches, &row.bench)] {
            if !known.contains(&new.as_str()) {
                known.push(new);
            }
        }
        if !row.why.is_empty() && !notes.contains(&row.why.as_str()) {
            notes.push(&row.why);
        }
    }
    println!("| rule | {} |\n|---|{}", benches.join(" | "), "---|".repeat(benches.len()));
    for rule in rules {
        let cell = |bench: &&str| {
            let row = rows.iter().find(|row| row.rule == rule && row.bench == **bench)?;
            let note = notes.iter().position(|note| *note == row.why);
            Some(
                row.result.word().to_owned() + &note.map_or(String::new(), |note| format!(" [{}]", note + 1)),
            )
        };
        let cells: Vec<String> =
            benches.iter().map(|bench| cell(bench).unwrap_or_else(|| "-".to_owned())).collect();
        println!("| {rule} | {} |", cells.join(" | "));
    }
    println!();
    for (number, note) in (1..).zip(notes) {
        println!("{number}. {note}");
    }
    ExitCode::SUCCESS
}
