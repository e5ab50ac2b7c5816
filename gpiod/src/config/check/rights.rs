//! Who may come, and what may then be done with which line.

use super::Checker;
use crate::config::file::line_of;
use crate::config::{Allowed, Kind};
use crate::operations::{Operation, Operations};
use toml::Spanned;

impl Checker<'_> {
    pub(super) fn allowed(
        &mut self,
        group: &str,
        uids: Option<Spanned<Vec<u32>>>,
        gids: Option<Spanned<Vec<u32>>>,
        namespaces: Option<Spanned<Vec<String>>>,
    ) -> Allowed {
        let mut ids = |key: &str, ids: Option<Spanned<Vec<u32>>>| {
            let Some(ids) = ids else { return Vec::new() };
            if ids.get_ref().is_empty() {
                let line = line_of(self.text, ids.span().start);
                let reason = "the list is empty: it would let nobody in; leave it out to let everybody in";
                self.problem(line, format!("{group}.{key}"), reason);
            }
            ids.into_inner()
        };
        let (uids, gids) = (ids("allow_uids", uids), ids("allow_gids", gids));
        Allowed { uids, gids, namespaces: self.namespaces(group, namespaces) }
    }

    /// The operations of a list, if there is one; as an error those that were told beside a word that is none.
    pub(super) fn operations(
        &mut self,
        key: &str,
        words: Option<&Vec<Spanned<String>>>,
    ) -> Option<Result<Operations, Operations>> {
        let (mut found, mut whole) = (Vec::new(), true);
        for word in words? {
            match Operation::named(word.get_ref()) {
                Some(operation) => found.push(operation),
                None => {
                    whole = false;
                    let line = line_of(self.text, word.span().start);
                    let reason =
                        format!("{:?} is no operation; there are {}", word.get_ref(), Operations::ALL);
                    self.problem(line, format!("{key}.operations"), reason);
                }
            }
        }
        let found = found.into_iter().collect();
        Some(if whole { Ok(found) } else { Err(found) })
    }

    /// What may be done with a line: what it says itself, else what its group says, as far as its direction allows it.
    pub(super) fn line_operations(
        &mut self,
        (at, key): (usize, &str),
        own: Option<&Vec<Spanned<String>>>,
        group: Option<Operations>,
        kind: &Kind,
    ) -> Operations {
        let key = format!("{key}.operations");
        let possible = kind.operations();
        let told = self.operations(key.trim_end_matches(".operations"), own);
        let (Ok(found) | Err(found)) = told.unwrap_or(Ok(Operations::NONE));
        for operation in found.iter().filter(|operation| !possible.has(*operation)) {
            let reason = format!("an input has no operation \"{operation}\": it has {possible}");
            self.problem(at, key.clone(), reason);
        }
        let told = match told {
            // What it was to be allows nothing to be said of the rest.
            Some(Err(_)) => return possible,
            Some(Ok(told)) => Some(told),
            None => None,
        };
        let operations = told.or(group).map_or(possible, |told| told.and(possible));
        if operations.is_empty() && told.is_none_or(Operations::is_empty) {
            self.problem(at, key.clone(), "no operation is left: nothing could be done with the line");
        }
        if kind.driven().is_some_and(|driven| driven.one_shot) && !operations.has(Operation::Drive) {
            self.problem(at, key, "one_shot is set, but the operations have no \"drive\"");
        }
        operations
    }
}
