//! Arguments as they come, brought together with what commands declare. Not by a library: there are long options
//! alone, and this is less than what one would have to be told.

use super::arguments::{Argument, Declaration, Kind, Needed, Read};
use super::given::{Given, quoted};
use super::help;
use super::suggestion::nearest;
use crate::failure::Failure;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::vec::IntoIter;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A command: how it is made of what was given.
    Command { read: Read, given: Given },
    /// To be told this: a help, the version.
    Told(String),
}

/// Reads arguments, the program's name left out.
///
/// # Errors
/// What is wrong with the first that is.
pub(super) fn parse(root: &'static Declaration, arguments: Vec<OsString>) -> Result<Parsed, Failure> {
    let mut given = Given::new(root);
    let mut rest = arguments.into_iter();
    while let Some(word) = rest.next() {
        match word.as_bytes() {
            b"--" => {
                for word in rest.by_ref() {
                    given.take_word(word, true)?;
                }
            }
            b"-h" | b"--help" => return Ok(given.help()),
            b"-V" | b"--version" if help::is_root(&given.called) => {
                return Ok(Parsed::Told(format!("gpiod {}\n", env!("CARGO_PKG_VERSION"))));
            }
            [b'-', b'-', option @ ..] => given.take_option(&word, option, &mut rest)?,
            [b'-', other, ..] if !other.is_ascii_digit() => return Err(given.no_option(&word)),
            b"help" if given.below() => {
                for word in rest.by_ref() {
                    if matches!(word.as_bytes(), b"help" | b"-h" | b"--help") {
                        break;
                    }
                    given.enter(&word)?;
                }
                return Ok(given.help());
            }
            _ if given.below() => given.enter(&word)?,
            _ => given.take_word(word, false)?,
        }
    }
    let Some(read) = given.declaration.read else {
        let names: Vec<_> = given.declaration.commands.iter().map(|command| command.name).collect();
        return Err(given.refusal(&format!("a command is missing: {}", names.join(", "))));
    };
    given.complete()?;
    Ok(Parsed::Command { read, given })
}

impl Given {
    fn new(root: &'static Declaration) -> Self {
        Self {
            declaration: root,
            called: root.name.to_owned(),
            entries: Vec::new(),
            #[cfg(test)]
            asked: std::cell::RefCell::default(),
        }
    }

    fn help(&self) -> Parsed {
        Parsed::Told(help::page(self.declaration, &self.called))
    }

    /// Whether there are commands below this one.
    fn below(&self) -> bool {
        !self.declaration.commands.is_empty()
    }

    /// Goes on with a command below this one. What was given before stays given.
    fn enter(&mut self, word: &OsStr) -> Result<(), Failure> {
        let commands = self.declaration.commands;
        let Some(command) = commands.iter().find(|command| *command.name == *word) else {
            let names: Vec<_> = commands.iter().map(|command| command.name).collect();
            let meant = meant("", nearest(&word.to_string_lossy(), &names));
            return Err(self.refusal(&format!("there is no command {}{meant}", quoted(word))));
        };
        self.declaration = command;
        self.called = format!("{} {}", self.called, command.name);
        Ok(())
    }

    /// Takes an option, `--NAME` or `--NAME=VALUE` without its dashes, and its value where that is the next word.
    fn take_option(
        &mut self,
        word: &OsStr,
        option: &[u8],
        rest: &mut IntoIter<OsString>,
    ) -> Result<(), Failure> {
        let mut halves = option.splitn(2, |byte| *byte == b'=');
        let name = halves.next().and_then(|name| str::from_utf8(name).ok());
        let value = halves.next().map(|value| OsStr::from_bytes(value).to_owned());
        let Some(argument) = name.and_then(|name| self.declaration.option(name)) else {
            return Err(self.no_option(word));
        };
        if self.has(argument.name) {
            return Err(self.refusal(&format!("{} is given twice", argument.called())));
        }
        let value = match (argument.kind, value) {
            (Kind::Switch, Some(value)) => {
                return Err(self.refused(argument.name, &value, "it takes no value"));
            }
            (Kind::Perhaps(_, alone), None) => alone.into(),
            (Kind::Value(_), None) => self.next(argument, rest)?,
            (_, value) => value.unwrap_or_default(),
        };
        self.entries.push((argument, value));
        Ok(())
    }

    /// The next word, as the value of an option. One that looks like an option is one that was meant as such.
    fn next(&self, argument: &Argument, rest: &mut IntoIter<OsString>) -> Result<OsString, Failure> {
        let (called, shown) = (argument.called(), argument.shown());
        match rest.next() {
            None => Err(self.refusal(&format!("{called} has no value: {shown}"))),
            Some(next) if matches!(next.as_bytes(), [b'-', other, ..] if !other.is_ascii_digit()) => {
                let told = quoted(&next);
                Err(self.refusal(&format!(
                    "{called} has no value: {shown}, or {called}=... for one such as {told}"
                )))
            }
            Some(next) => Ok(next),
        }
    }

    /// Takes a word that is no option.
    fn take_word(&mut self, word: OsString, behind: bool) -> Result<(), Failure> {
        let mut words = self.declaration.arguments().filter(|argument| match argument.kind {
            Kind::Behind => behind,
            Kind::Words => true,
            Kind::Word => !self.has(argument.name),
            Kind::Switch | Kind::Value(_) | Kind::Perhaps(..) => false,
        });
        // What stands behind `--` is the last one's, where there is one for it.
        let first = words.next();
        let argument = words.find(|argument| argument.kind == Kind::Behind).or(first);
        let Some(argument) = argument else {
            if behind && self.below() {
                return Err(self.refusal(&format!("{} stands behind --, where no command is", quoted(&word))));
            }
            let usage = help::usage(self.declaration, &self.called);
            return Err(self.refusal(&format!("{} is one too many: {usage}", quoted(&word))));
        };
        self.entries.push((argument, word));
        Ok(())
    }

    /// Nothing is missing, contradicts another, or is none of what it can be.
    fn complete(&self) -> Result<(), Failure> {
        for argument in self.declaration.arguments() {
            let given = self.has(argument.name);
            if let Some(other) = argument.not_with.filter(|other| given && self.has(other)) {
                let other = self.declaration.argument(other).map(Argument::called).unwrap_or_default();
                return Err(self.refusal(&format!("not both: {} and {other}", argument.called())));
            }
            let needed = match argument.needed {
                Needed::No => false,
                Needed::Yes => true,
                Needed::Unless(other) => !self.has(other),
            };
            if needed && !given {
                return Err(self.missing(argument.name));
            }
        }
        for (argument, word) in &self.entries {
            if !argument.among.is_empty() && !argument.among.iter().any(|known| **known == **word) {
                let reason = format!("it can be {}", argument.among.join(", "));
                return Err(self.refused_as(&argument.called(), word, &reason));
            }
        }
        Ok(())
    }

    /// That there is no such option, and which may be meant.
    fn no_option(&self, word: &OsStr) -> Failure {
        let text = word.to_string_lossy();
        let name = text.trim_start_matches('-').split('=').next().unwrap_or_default();
        let known = self.declaration.arguments().filter(|one| one.is_option() && !one.hidden);
        let mut known: Vec<_> = known.map(|option| option.name).collect();
        known.push("help");
        if help::is_root(&self.called) {
            known.push("version");
        }
        let told = quoted(word);
        if self.declaration.commands.iter().any(|command| command.option(name).is_some()) {
            return self
                .refusal(&format!("{told} stands behind a command: {} COMMAND --{name}", self.called));
        }
        self.refusal(&format!("there is no option {told}{}", meant("--", nearest(name, &known))))
    }
}

/// What may be meant, as a part of a message.
fn meant(dashes: &str, name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean {dashes}{name}?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
