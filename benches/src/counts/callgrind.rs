//! What callgrind wrote of a process: its instructions, and how often it asked for memory.

use crate::Fallible;
use std::collections::HashMap;
use std::fs;
use std::ops::Sub;
use std::path::Path;

/// Counts of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) instructions: u64,
    /// Calls of malloc, calloc, realloc and posix_memalign.
    pub(super) allocations: u64,
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(other.instructions),
            allocations: self.allocations.saturating_sub(other.allocations),
        }
    }
}

impl Counted {
    pub(super) fn read(path: &Path) -> Fallible<Self> {
        Self::parse(&fs::read_to_string(path)?)
            .ok_or_else(|| format!("{}: no callgrind file", path.display()).into())
    }

    /// Reads the format of the Valgrind manual, "Callgrind Format Specification": a function has its name where it is
    /// first written, and its number alone after that.
    fn parse(text: &str) -> Option<Self> {
        let (mut instructions, mut allocations) = (None, 0);
        let mut names: HashMap<&str, bool> = HashMap::new();
        let mut allocates = false;
        for line in text.lines() {
            if let Some(sum) = line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")) {
                instructions = sum.split_whitespace().next()?.parse().ok();
            } else if let Some(called) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
                let (number, name) = called.split_once(')')?;
                if !name.is_empty() {
                    // Behind an apostrophe: how deep it called itself.
                    let name = name.trim().split('\'').next()?;
                    names.insert(number, matches!(name, "malloc" | "calloc" | "realloc" | "posix_memalign"));
                }
                allocates = line.starts_with('c') && names.get(number).copied().unwrap_or(false);
            } else if let Some(calls) = line.strip_prefix("calls=")
                && std::mem::take(&mut allocates)
            {
                allocations += calls.split_whitespace().next()?.parse::<u64>().ok()?;
            }
        }
        Some(Self { instructions: instructions?, allocations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_allocator_are_found_by_number_and_by_name() {
        let text = "events: Ir\nfn=(1) main\n1 10\ncfn=(2) malloc\ncalls=3 0\n2 300\ncfn=(3) free\ncalls=9 0\n2 9\n\
                    fn=(4) other\ncfn=(2)\ncalls=4 0\n1 5\nfn=(2)\n0 100\ncfn=(5) realloc'2\ncalls=1 0\n0 1\n\
                    totals: 1234\n";
        assert_eq!(Counted::parse(text), Some(Counted { instructions: 1234, allocations: 8 }));
        assert_eq!(Counted::parse("not it"), None);
    }
}
