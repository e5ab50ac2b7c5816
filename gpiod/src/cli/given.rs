//! What was given on the command line, and how a command asks for it: by the names that it has declared.

use super::arguments::{Argument, Declaration, Needed};
use super::help::usage;
use crate::failure::{Exit, Failure};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The most characters of a word that a message tells back.
const TOLD: usize = 60;

/// What was given to a command.
#[derive(Debug)]
pub(super) struct Given {
    /// The command.
    pub(super) declaration: &'static Declaration,
    /// How it is called, whole: `gpiod board state`.
    pub(super) called: String,
    /// In the order in which they came.
    pub(super) entries: Vec<(&'static Argument, OsString)>,
    /// What the command has asked for.
    #[cfg(test)]
    pub(super) asked: std::cell::RefCell<Vec<&'static str>>,
}

impl Given {
    /// Whether it was given, be it alone or with a value.
    pub(super) fn switch(&self, name: &'static str) -> bool {
        #[cfg(test)]
        self.asked.borrow_mut().push(name);
        self.has(name)
    }

    /// Each of the values, as `read` understands it.
    ///
    /// # Errors
    /// What `read` says of the first that it does not.
    pub(super) fn each<T>(
        &self,
        name: &'static str,
        read: fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        self.tell(name, &mut |word| read(word).map(|value| all.push(value)))?;
        Ok(all)
    }

    /// The value where there is one, as `read` understands it.
    ///
    /// # Errors
    /// What `read` says.
    pub(super) fn maybe<T>(
        &self,
        name: &'static str,
        read: fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let mut last = None;
        self.tell(name, &mut |word| read(word).map(|value| last = Some(value)))?;
        Ok(last)
    }

    /// The value of what must be there or has a default, as `read` understands it.
    ///
    /// # Errors
    /// What `read` says, or that it is missing.
    pub(super) fn one<T>(
        &self,
        name: &'static str,
        read: fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        self.maybe(name, read)?.ok_or_else(|| self.missing(name))
    }

    /// A path where there is one, which need not be UTF-8.
    ///
    /// # Errors
    /// That it is empty, as an unset variable in a script leaves it.
    pub(super) fn maybe_path(&self, name: &'static str) -> Result<Option<PathBuf>, Failure> {
        match self.values(name).pop() {
            Some(path) if path.is_empty() => Err(self.refused(name, &path, "a path can not be empty")),
            path => Ok(path.map(PathBuf::from)),
        }
    }

    /// The path of what must be there or has a default.
    ///
    /// # Errors
    /// That it is empty or missing.
    pub(super) fn path(&self, name: &'static str) -> Result<PathBuf, Failure> {
        self.maybe_path(name)?.ok_or_else(|| self.missing(name))
    }

    /// Tells the values one by one. The same code for all types, of which there are many.
    fn tell(
        &self,
        name: &'static str,
        take: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> Result<(), Failure> {
        for word in self.values(name) {
            let taken = word.to_str().ok_or_else(|| "not UTF-8".to_owned()).and_then(&mut *take);
            taken.map_err(|reason| self.refused(name, &word, &reason))?;
        }
        Ok(())
    }

    /// What was given; else what the environment says; else the default.
    fn values(&self, name: &'static str) -> Vec<OsString> {
        #[cfg(test)]
        self.asked.borrow_mut().push(name);
        let given: Vec<OsString> =
            self.entries.iter().filter(|(one, _)| one.name == name).map(|(_, word)| word.clone()).collect();
        let argument = self.declaration.argument(name);
        if !given.is_empty() {
            return given;
        }
        // Set and empty is how a script leaves it that did not mean to.
        let variable = argument.and_then(|argument| argument.variable).and_then(std::env::var_os);
        let variable = variable.filter(|value| !value.is_empty());
        let default = argument.and_then(|argument| argument.default).map(OsString::from);
        variable.or(default).into_iter().collect()
    }

    /// Whether it was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(argument, _)| argument.name == name)
    }

    /// A refusal, with where to read more.
    pub(super) fn refusal(&self, text: &str) -> Failure {
        Failure::new(Exit::Usage, format!("{text}; `{} --help` says more", self.called))
    }

    /// A refusal of a value, with whose it is. Reasons that name the value are not made to do so twice.
    pub(super) fn refused(&self, name: &str, word: &OsStr, reason: &str) -> Failure {
        let argument = self.declaration.argument(name);
        let called = match argument.and_then(|argument| argument.variable).filter(|_| !self.has(name)) {
            Some(variable) => variable.to_owned(),
            None => argument.map_or_else(|| name.to_owned(), Argument::called),
        };
        self.refused_as(&called, word, reason)
    }

    /// The same of what is called so.
    pub(super) fn refused_as(&self, called: &str, word: &OsStr, reason: &str) -> Failure {
        let told = quoted(word);
        if reason.contains(&told) {
            return self.refusal(&format!("{called}: {reason}"));
        }
        self.refusal(&format!("{called} {told}: {reason}"))
    }

    /// That it is missing, or what else could be there.
    pub(super) fn missing(&self, name: &str) -> Failure {
        let called = |name: &str| {
            let argument = self.declaration.argument(name).filter(|argument| !argument.hidden);
            argument.map(Argument::called)
        };
        let mut text = called(name).unwrap_or_default();
        if let Some(Needed::Unless(other)) = self.declaration.argument(name).map(|argument| argument.needed)
            && let Some(other) = called(other)
        {
            text += &format!(" or {other}");
        }
        self.refusal(&format!("{text} is missing: {}", usage(self.declaration, &self.called)))
    }
}

/// A word as it was given, cut to what one reads, and harmless for a terminal.
pub(super) fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    match word.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{:?}…", &word[..end]),
        None => format!("{word:?}"),
    }
}
