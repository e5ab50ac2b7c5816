//! What is wrong with a configuration: file, line, key, reason.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The key, such as `group.traffic-light.lines.red`; empty where there is none.
    pub key: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// All mistakes of one file; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub path: PathBuf,
    /// The mistakes, in the file's order.
    pub problems: Vec<Problem>,
    /// Whether the file could not even be read.
    pub unreadable: bool,
}

impl Problems {
    pub(crate) fn new(path: &Path, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self { path: path.to_owned(), problems, unreadable: false }
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let problem = Problem { line: 0, key: String::new(), reason: format!("can not be read: {error}") };
        Self { path: path.to_owned(), problems: vec![problem], unreadable: true }
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Problem { line, key, reason }) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.path.display())?;
            if *line > 0 {
                write!(f, "{line}:")?;
            }
            if !key.is_empty() {
                write!(f, " {key}:")?;
            }
            write!(f, " {reason}")?;
        }
        Ok(())
    }
}
