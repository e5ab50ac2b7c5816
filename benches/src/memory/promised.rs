//! What `gpiod check` says that the daemon may come to need.

use crate::Fallible;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// The ceiling and its terms.
#[derive(Debug, Deserialize)]
pub(crate) struct Promised {
    pub(crate) memory_ceiling_bytes: u64,
    pub(crate) memory_terms: Vec<Term>,
}

/// So many of something, and the bytes of each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Term {
    pub(crate) what: String,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Promised {
    /// Asks for it.
    pub(crate) fn of(gpiod: &Path, config: &Path) -> Fallible<Self> {
        let checked = Command::new(gpiod).arg("check").arg(config).arg("--json").output()?;
        Ok(serde_json::from_slice(&checked.stdout)?)
    }
}

/// By how much clients may make the daemon grow: all terms but the first, which is the daemon itself, and depends on how
/// it was built.
pub(crate) fn may_grow_kib(terms: &[Term]) -> u64 {
    terms.iter().skip(1).map(|term| term.count * term.bytes / 1024).sum()
}
