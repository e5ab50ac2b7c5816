//! What a program looks like when people write it.

use crate::cli::words;
use gpiod_sdk::{Direction, Edge, LineUse, Program, Value};
use std::fmt;
use std::time::Duration;

/// The verbs, for messages.
const VERBS: &str = "set, drive, listen, wait, edge and capture";

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// As it was written, with single spaces.
    text: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Set(Vec<(String, Value)>),
    Drive(Vec<(String, Value)>),
    Listen(Vec<String>),
    Wait(Duration),
    Edge { names: Vec<String>, edge: Edge, timeout: Duration },
    Capture { count: u32, names: Vec<String>, edge: Edge, timeout: Duration },
}

/// A line to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LineArgument {
    name: String,
    direction: Option<Direction>,
}

impl From<&LineArgument> for LineUse {
    fn from(line: &LineArgument) -> Self {
        match line.direction {
            None => Self::from(&line.name),
            Some(Direction::Input) => Self::input(&line.name),
            Some(Direction::Output) => Self::output(&line.name),
            Some(Direction::Both) => Self::both(&line.name),
        }
    }
}

/// `NAME` or `NAME:DIRECTION`.
pub(super) fn line(word: &str) -> Result<LineArgument, String> {
    let Some((name, direction)) = word.rsplit_once(':') else {
        return Ok(LineArgument { name: word.to_owned(), direction: None });
    };
    let all = [Direction::Input, Direction::Output, Direction::Both];
    match all.into_iter().find(|known| known.to_string() == direction) {
        Some(direction) => Ok(LineArgument { name: name.to_owned(), direction: Some(direction) }),
        None => Err(format!("{direction:?} is no direction: write input, output or both")),
    }
}

/// Reads steps: commas and ends of lines stand between them, # begins a comment.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, String> {
    let texts = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split(','));
    let mut steps = Vec::new();
    for text in texts {
        let words: Vec<&str> = text.split_whitespace().collect();
        if let [verb, rest @ ..] = words.as_slice() {
            let text = words.join(" ");
            let what = step(verb, rest)
                .map_err(|reason| format!("step {}, {:?}: {reason}", steps.len(), shortened(&text)))?;
            steps.push(Step { text, what });
        }
    }
    if steps.is_empty() {
        return Err(format!("a program without steps; there are {VERBS}, see --help"));
    }
    Ok(steps)
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn step(verb: &str, rest: &[&str]) -> Result<What, String> {
    match (verb, rest) {
        ("set", _) => Ok(What::Set(assignments(rest)?)),
        ("drive", _) => Ok(What::Drive(assignments(rest)?)),
        ("listen", _) => Ok(What::Listen(names_of(rest)?)),
        ("wait", [time]) => Ok(What::Wait(words::time(time)?)),
        ("wait", _) => Err("write wait TIME, such as wait 100ms".to_owned()),
        ("edge", _) => {
            let (names, edge, timeout) = awaited(rest)?;
            Ok(What::Edge { names, edge, timeout })
        }
        ("capture", [count, rest @ ..]) => {
            let count = count.parse().map_err(|_| format!("{count:?} is no number of edges: 1 to 1024"))?;
            let (names, edge, timeout) = awaited(rest)?;
            Ok(What::Capture { count, names, edge, timeout })
        }
        ("capture", []) => Err("write capture N NAME... TIME, such as capture 2 echo 50ms".to_owned()),
        _ => Err(format!("there is no step {verb:?}; there are {VERBS}")),
    }
}

fn assignments(words: &[&str]) -> Result<Vec<(String, Value)>, String> {
    if words.is_empty() {
        return Err("no line is named: write NAME=VALUE, such as light=inactive".to_owned());
    }
    words.iter().map(|word| words::assignment(word)).collect()
}

fn names_of(words: &[&str]) -> Result<Vec<String>, String> {
    if words.is_empty() {
        return Err("no line is named".to_owned());
    }
    Ok(words.iter().map(|word| (*word).to_owned()).collect())
}

/// `NAME... [EDGE] TIME`. A line may have the name of an edge: the last word before the time is one only if a line is
/// named before it.
fn awaited(words: &[&str]) -> Result<(Vec<String>, Edge, Duration), String> {
    let [before @ .., time] = words else {
        return Err("write NAME... [rising|falling|both] TIME, such as light rising 2s".to_owned());
    };
    let timeout = words::time(time)?;
    match before {
        [names @ .., last] if !names.is_empty() && words::edge(last).is_some() => {
            Ok((names_of(names)?, words::edge(last).unwrap_or_default(), timeout))
        }
        names => Ok((names_of(names)?, Edge::Both, timeout)),
    }
}

/// The lines that the steps name, each once, in the order in which they are first named.
pub(super) fn names(steps: &[Step]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for step in steps {
        let names: Vec<&str> = match &step.what {
            What::Set(values) | What::Drive(values) => values.iter().map(|(name, _)| name.as_str()).collect(),
            What::Listen(names) | What::Edge { names, .. } | What::Capture { names, .. } => {
                names.iter().map(String::as_str).collect()
            }
            What::Wait(_) => Vec::new(),
        };
        for name in names {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

/// The steps as the daemon is asked to run them.
pub(super) fn program(steps: &[Step]) -> Program {
    steps.iter().fold(Program::new(), |program, step| match &step.what {
        What::Set(values) => program.set(values.iter().cloned()),
        What::Drive(values) => program.drive(values.iter().cloned()),
        What::Listen(names) => program.listen(names.clone()),
        What::Wait(time) => program.wait(*time),
        What::Edge { names, edge, timeout } => program.wait_edge(names.clone(), *edge, *timeout),
        What::Capture { count, names, edge, timeout } => {
            program.capture(names.clone(), *edge, *count, *timeout)
        }
    })
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
