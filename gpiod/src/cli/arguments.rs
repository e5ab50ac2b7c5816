//! What a command takes, declared once: by this its arguments are read, and its help is written.

use super::Command;
use super::given::Given;
use crate::failure::Failure;

/// The heading of options, unless they are below one of their own.
pub(super) const OPTIONS: &str = "Options";
/// The heading of the words.
pub(super) const WORDS: &str = "Arguments";

/// Makes a command of what was given to it.
pub(super) type Read = fn(&Given) -> Result<Command, Failure>;

/// A command, or what has commands below it.
#[derive(Debug)]
pub(super) struct Declaration {
    /// What it is called.
    pub(super) name: &'static str,
    /// What it does, in one sentence without a full stop.
    pub(super) about: &'static str,
    /// What it takes. Several tables, since some are shared by commands.
    pub(super) tables: &'static [&'static [Argument]],
    /// What stands above the commands below it.
    pub(super) heading: &'static str,
    /// The commands below it.
    pub(super) commands: &'static [&'static Self],
    /// Makes the command of what was given; `None` where one of the commands below must be named.
    pub(super) read: Option<Read>,
    /// What the help ends with. A line that begins with a space is kept as it is.
    pub(super) more: &'static str,
}

impl Declaration {
    /// A command that takes nothing.
    pub(super) const NONE: Self =
        Self { name: "", about: "", tables: &[], heading: "Commands", commands: &[], read: None, more: "" };

    /// All that it takes.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'static Argument> + use<> {
        self.tables.iter().copied().flatten()
    }

    /// What it takes by this name.
    pub(super) fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments().find(|argument| argument.name == name)
    }

    /// The option of this name, given without its dashes.
    pub(super) fn option(&self, name: &str) -> Option<&'static Argument> {
        self.argument(name).filter(|argument| argument.is_option())
    }
}

/// How an argument is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// `--json`.
    Switch,
    /// `--group NAME` or `--group=NAME`.
    Value(&'static str),
    /// `--hold=TIME` or `--hold`, and what the latter stands for.
    Perhaps(&'static str, &'static str),
    /// One word.
    Word,
    /// All words that are left.
    Words,
    /// All that stands behind `--`.
    Behind,
}

/// Whether an argument must be given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Needed {
    No,
    Yes,
    /// Unless this other one is.
    Unless(&'static str),
}

/// One argument.
#[derive(Debug)]
pub(super) struct Argument {
    /// An option's name without its dashes, or what stands for the word: `NAME`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it is for, without a full stop. A line of its own stays one.
    pub(super) says: &'static str,
    pub(super) heading: &'static str,
    pub(super) needed: Needed,
    /// What it is where it is not given.
    pub(super) default: Option<&'static str>,
    /// The environment variable that stands for it where it is not given.
    pub(super) variable: Option<&'static str>,
    /// All that it can be; nothing where that is not a list.
    pub(super) among: &'static [&'static str],
    /// The option that contradicts it.
    pub(super) not_with: Option<&'static str>,
    /// Whether help does not tell of it.
    pub(super) hidden: bool,
}

impl Argument {
    const fn new(name: &'static str, kind: Kind, says: &'static str) -> Self {
        let (heading, needed) = match kind {
            Kind::Switch | Kind::Value(_) | Kind::Perhaps(..) => (OPTIONS, Needed::No),
            Kind::Word | Kind::Words => (WORDS, Needed::Yes),
            Kind::Behind => (WORDS, Needed::No),
        };
        let (default, variable, not_with) = (None, None, None);
        Self { name, kind, says, heading, needed, default, variable, among: &[], not_with, hidden: false }
    }

    /// An option without a value.
    pub(super) const fn switch(name: &'static str, says: &'static str) -> Self {
        Self::new(name, Kind::Switch, says)
    }

    /// An option with a value, which need not be given.
    pub(super) const fn value(name: &'static str, value: &'static str, says: &'static str) -> Self {
        Self::new(name, Kind::Value(value), says)
    }

    /// An option whose value, only ever behind `=`, is `alone` where it is left out.
    pub(super) const fn perhaps(
        name: &'static str,
        value: &'static str,
        alone: &'static str,
        says: &'static str,
    ) -> Self {
        Self::new(name, Kind::Perhaps(value, alone), says)
    }

    /// A word that must be there.
    pub(super) const fn word(name: &'static str, says: &'static str) -> Self {
        Self::new(name, Kind::Word, says)
    }

    /// All words that are left, at least one.
    pub(super) const fn words(name: &'static str, says: &'static str) -> Self {
        Self::new(name, Kind::Words, says)
    }

    /// All that stands behind `--`, whatever it looks like.
    pub(super) const fn behind(name: &'static str, says: &'static str) -> Self {
        Self::new(name, Kind::Behind, says)
    }

    pub(super) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), needed: Needed::No, ..self }
    }

    pub(super) const fn or_variable(self, variable: &'static str) -> Self {
        Self { variable: Some(variable), ..self }
    }

    pub(super) const fn among(self, among: &'static [&'static str]) -> Self {
        Self { among, ..self }
    }

    pub(super) const fn needed(self, needed: Needed) -> Self {
        Self { needed, ..self }
    }

    pub(super) const fn not_with(self, other: &'static str) -> Self {
        Self { not_with: Some(other), ..self }
    }

    pub(super) const fn below(self, heading: &'static str) -> Self {
        Self { heading, ..self }
    }

    pub(super) const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    pub(super) fn is_option(&self) -> bool {
        matches!(self.kind, Kind::Switch | Kind::Value(_) | Kind::Perhaps(..))
    }

    /// As messages call it: `--group`, `<NAME>`.
    pub(super) fn called(&self) -> String {
        if self.is_option() { format!("--{}", self.name) } else { format!("<{}>", self.name) }
    }

    /// As help shows it: `--group <NAME>`, `<NAME>...`.
    pub(super) fn shown(&self) -> String {
        let Self { name, kind, needed, .. } = self;
        match (kind, needed) {
            (Kind::Switch, _) => format!("--{name}"),
            (Kind::Value(value), _) => format!("--{name} <{value}>"),
            (Kind::Perhaps(value, _), _) => format!("--{name}[=<{value}>]"),
            (Kind::Word, Needed::Yes) => format!("<{name}>"),
            (Kind::Word, _) => format!("[{name}]"),
            (Kind::Words, Needed::Yes) => format!("<{name}>..."),
            (Kind::Words, _) => format!("[{name}]..."),
            (Kind::Behind, _) => format!("[-- <{name}>...]"),
        }
    }
}
