//! What a bench tells: a table for people, and the same for programs.

use crate::Fallible;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Where it is to be written beside standard output.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) json: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
}

impl Told {
    /// Prints the table, and writes it and the figures where they were asked for.
    pub(crate) fn tell(&self, figures: &impl Serialize, table: &str) -> Fallible<()> {
        print!("{table}");
        if let Some(path) = &self.json {
            fs::write(path, serde_json::to_string_pretty(figures)? + "\n")?;
        }
        if let Some(path) = &self.markdown {
            fs::write(path, table)?;
        }
        Ok(())
    }
}
