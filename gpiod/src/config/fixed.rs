//! What of a configuration only a daemon that is started anew can change.

use super::file::line_of;
use super::limits::Given;
use super::{Config, Problem};

/// What of that is written in a file, and on which line, from 1; 0 for what is not there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) run_dir: usize,
    pub(super) backend: usize,
    pub(super) limits: Given,
}

impl Config {
    /// All that is different and can not be changed while the daemon runs; `sockets` is how many it started with, by
    /// which it reckoned limits that its file does not give.
    pub(crate) fn fixed_changes(&self, new: &Self, sockets: usize) -> Vec<Problem> {
        let Written { run_dir, backend, limits } = &new.written;
        let same = [
            ("run_dir", *run_dir, self.run_dir == new.run_dir),
            ("backend", *backend, self.backend == new.backend),
            ("backend.own_thread", *backend, self.own_thread == new.own_thread),
        ];
        let (was, is) = (self.written.limits.limits(sockets), limits.limits(sockets));
        let limits = was.each().zip(is.each()).map(|((key, was), (_, is))| {
            let given = limits.each().find(|(given, _, _)| *given == key);
            let line = given.map_or(0, |(_, value, _)| line_of(&new.text, value.span().start));
            (format!("limits.{key}"), line, was == is)
        });
        let all = same.map(|(key, line, same)| (key.to_owned(), line, same)).into_iter().chain(limits);
        let changed = all.filter(|(_, _, same)| !same);
        let reason = "it can only be changed by starting gpiod anew";
        changed.map(|(key, line, _)| Problem { line, key, reason: reason.to_owned() }).collect()
    }
}
