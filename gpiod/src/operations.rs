//! What may be done with a line through a socket: a small set of operations. Pure words, like those of
//! [`line`](mod@crate::line).

use std::fmt;

/// Something that a client may do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Its value is told.
    Read,
    /// Its edges are told, with the values that they begin from.
    Watch,
    /// It is held to be driven, and set.
    Drive,
    /// Its direction or its pull is changed while it is held.
    Configure,
    /// Programs use it. What each of their steps does needs its own operation besides.
    Program,
}

impl Operation {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Read, Self::Watch, Self::Drive, Self::Configure, Self::Program];

    /// The operation that is written so in a configuration.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Watch => "watch",
            Self::Drive => "drive",
            Self::Configure => "configure",
            Self::Program => "program",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// What a refusal says may not be done.
    pub fn participle(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Watch => "watched",
            Self::Drive => "driven",
            Self::Configure => "configured",
            Self::Program => "used by programs",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A set of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations(u8);

impl Operations {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Every one.
    pub const ALL: Self = Self(0b1_1111);

    /// Whether an operation is one of them.
    pub fn has(self, operation: Operation) -> bool {
        self.0 & operation.bit() != 0
    }

    /// Those that are in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`Operation::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| self.has(*operation))
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<T: IntoIterator<Item = Operation>>(operations: T) -> Self {
        Self(operations.into_iter().fold(0, |set, operation| set | operation.bit()))
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (i, operation) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            operation.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_it_was_made_of_and_nothing_else() {
        let set: Operations = [Operation::Program, Operation::Read, Operation::Read].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Operation::Read, Operation::Program]);
        assert_eq!(
            (set.to_string().as_str(), Operations::NONE.to_string().as_str()),
            ("read, program", "none")
        );
        assert_eq!(Operation::ALL.into_iter().collect::<Operations>(), Operations::ALL);
        assert!(
            Operation::ALL
                .into_iter()
                .all(|operation| Operation::named(&operation.to_string()) == Some(operation))
        );
        assert_eq!(set.and([Operation::Read, Operation::Drive].into_iter().collect()).to_string(), "read");
    }
}
