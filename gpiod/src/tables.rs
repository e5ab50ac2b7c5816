//! Files that somebody wrote by hand, in TOML: tables with known keys, each value with its place in the text.
//!
//! serde would do the same by code of its own for each struct and each key, a tenth of the daemon's program. Here there
//! is one way to look a key up, and each type says only how it is read. The words for what is wrong are serde's.

mod values;

pub(crate) use values::{word, words};

use crate::sorted::SortedMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value as it is written.
pub(crate) type Written<'a> = Spanned<DeValue<'a>>;

/// What is wrong with the form of a file, where reading it ended. Boxed, for it is behind each key that is read.
pub(crate) type Result<T> = std::result::Result<T, Box<Mistake>>;

/// A mistake of form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The bytes of the text that it is about; none for the text as a whole.
    pub(crate) at: Option<Range<usize>>,
    /// Whether they are a key that is wrong by itself.
    pub(crate) is_key: bool,
    /// What is wrong, and what would be right.
    pub(crate) reason: String,
}

/// What can be read from a value.
pub(crate) trait Read: Sized {
    /// Reads it.
    fn read(value: &Written<'_>) -> Result<Self>;

    /// What it is where its key is not there; `None`: the key is needed.
    fn absent() -> Option<Self> {
        None
    }
}

/// A table, of which only known keys are left.
pub(crate) struct Table<'a> {
    entries: &'a DeTable<'a>,
    at: Range<usize>,
}

impl<'a> Table<'a> {
    /// Takes a value for a table.
    ///
    /// # Errors
    /// It is none, or has a key that is not known.
    pub(crate) fn of(value: &'a Written<'a>, known: &[&str]) -> Result<Self> {
        let DeValue::Table(entries) = value.get_ref() else { return Err(values::not(value, "a table")) };
        Self::with(entries, value.span(), known)
    }

    fn with(entries: &'a DeTable<'a>, at: Range<usize>, known: &[&str]) -> Result<Self> {
        for (key, _) in entries {
            if !known.contains(&key.get_ref().as_ref()) {
                let reason = match known {
                    [one, other] => {
                        format!("unknown field `{}`, expected `{one}` or `{other}`", key.get_ref())
                    }
                    _ => {
                        format!("unknown field `{}`, expected one of `{}`", key.get_ref(), known.join("`, `"))
                    }
                };
                return Err(Box::new(Mistake { at: Some(key.span()), is_key: true, reason }));
            }
        }
        Ok(Self { entries, at })
    }

    /// Reads the value of a key.
    ///
    /// # Errors
    /// The key is needed and not there, or its value can not be what it is to be.
    pub(crate) fn get<T: Read>(&self, key: &str) -> Result<T> {
        match self.entries.get(key) {
            Some(value) => T::read(value),
            None => T::absent().ok_or_else(|| self.missing(key)),
        }
    }

    fn missing(&self, key: &str) -> Box<Mistake> {
        mistake(self.at.clone(), format!("missing field `{key}`"))
    }
}

fn mistake(at: Range<usize>, reason: String) -> Box<Mistake> {
    Box::new(Mistake { at: Some(at), is_key: false, reason })
}

/// Reads a text whose outermost table has only these keys.
///
/// # Errors
/// It is no TOML, or has not this form.
pub(crate) fn read<T>(text: &str, known: &[&str], of: impl FnOnce(&Table<'_>) -> Result<T>) -> Result<T> {
    let whole = DeTable::parse(text).map_err(|error| {
        let reason = error.message().trim_end().to_owned();
        Box::new(Mistake { at: error.span(), is_key: false, reason })
    })?;
    of(&Table::with(whole.get_ref(), whole.span(), known)?)
}

/// All entries of a table whose keys are anybody's.
impl<T: Read> Read for SortedMap<String, T> {
    fn read(value: &Written<'_>) -> Result<Self> {
        let DeValue::Table(entries) = value.get_ref() else { return Err(values::not(value, "a table")) };
        entries.iter().map(|(key, value)| Ok((key.get_ref().to_string(), T::read(value)?))).collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Makes a struct of what a table may have: a key for each field, by the same name.
macro_rules! table {
    ($(#[$meta:meta])* $visible:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_visible:vis $field:ident: $type:ty,)+
    }) => {
        $(#[$meta])*
        $visible struct $name {
            $($(#[$field_meta])* $field_visible $field: $type,)+
        }

        impl $name {
            const KEYS: &[&str] = &[$(stringify!($field)),+];

            fn of(table: &$crate::tables::Table<'_>) -> $crate::tables::Result<Self> {
                Ok(Self { $($field: table.get(stringify!($field))?,)+ })
            }
        }

        impl $crate::tables::Read for $name {
            fn read(value: &$crate::tables::Written<'_>) -> $crate::tables::Result<Self> {
                Self::of(&$crate::tables::Table::of(value, Self::KEYS)?)
            }
        }
    };
}
pub(crate) use table;

#[cfg(test)]
mod tests;
