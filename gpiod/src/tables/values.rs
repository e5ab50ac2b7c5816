//! How single values are read: strings, numbers, lists and words of a choice.

use super::{Mistake, Read, Result, Written, mistake};
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeArray, DeValue};

/// The mistake that a value is of another kind than this.
pub(super) fn not(value: &Written<'_>, wanted: &str) -> Box<Mistake> {
    let found = match value.get_ref() {
        DeValue::String(text) => format!("string {text:?}"),
        DeValue::Integer(number) => format!("integer `{number}`"),
        DeValue::Float(number) => format!("floating point `{number}`"),
        DeValue::Boolean(value) => format!("boolean `{value}`"),
        DeValue::Datetime(time) => format!("date or time `{time}`"),
        DeValue::Array(_) => "array".to_owned(),
        DeValue::Table(_) => "table".to_owned(),
    };
    mistake(value.span(), format!("invalid type: {found}, expected {wanted}"))
}

fn out_of_range(value: &Written<'_>, number: &dyn std::fmt::Display, wanted: &str) -> Box<Mistake> {
    mistake(value.span(), format!("invalid value: {number}, expected {wanted}"))
}

impl Read for String {
    fn read(value: &Written<'_>) -> Result<Self> {
        let DeValue::String(text) = value.get_ref() else { return Err(not(value, "a string")) };
        Ok(text.to_string())
    }
}

impl Read for PathBuf {
    fn read(value: &Written<'_>) -> Result<Self> {
        String::read(value).map(Self::from)
    }
}

impl Read for bool {
    fn read(value: &Written<'_>) -> Result<Self> {
        let DeValue::Boolean(is) = value.get_ref() else { return Err(not(value, "a boolean")) };
        Ok(*is)
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Read for u32 {
    fn read(value: &Written<'_>) -> Result<Self> {
        let DeValue::Integer(number) = value.get_ref() else { return Err(not(value, "u32")) };
        Self::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| out_of_range(value, &format_args!("integer `{number}`"), "u32"))
    }
}

impl Read for f64 {
    fn read(value: &Written<'_>) -> Result<Self> {
        let read = match value.get_ref() {
            // What is too large for any number becomes infinite, and so does only what says so.
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .ok()
                .filter(|read: &Self| !read.is_infinite() || number.as_str().contains("inf")),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|whole| whole as Self)
            }
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => return Err(not(value, "f64")),
        };
        read.ok_or_else(|| out_of_range(value, &"a number that is too large", "f64"))
    }
}

impl<T: Read> Read for Spanned<T> {
    fn read(value: &Written<'_>) -> Result<Self> {
        Ok(Self::new(value.span(), T::read(value)?))
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Written<'_>) -> Result<Self> {
        T::read(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Written<'_>) -> Result<Self> {
        array(value)?.iter().map(T::read).collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Read> Read for [T; 2] {
    fn read(value: &Written<'_>) -> Result<Self> {
        let array = array(value)?;
        let [first, second] = array.as_ref() else {
            let reason = format!("invalid length {}, expected an array of length 2", array.len());
            return Err(mistake(value.span(), reason));
        };
        Ok([T::read(first)?, T::read(second)?])
    }
}

fn array<'a>(value: &'a Written<'a>) -> Result<&'a DeArray<'a>> {
    let DeValue::Array(array) = value.get_ref() else { return Err(not(value, "an array")) };
    Ok(array)
}

/// Reads a word of those that serde knows a type by.
pub(crate) fn word<T: DeserializeOwned>(value: &Written<'_>) -> Result<T> {
    let DeValue::String(text) = value.get_ref() else { return Err(not(value, "a string")) };
    T::deserialize(StrDeserializer::<Error>::new(text))
        .map_err(|error| mistake(value.span(), error.to_string()))
}

/// Types that are words, with what each is where there is none.
macro_rules! words {
    ($($type:ty $(= $usual:expr)?),+ $(,)?) => {
        $(impl $crate::tables::Read for $type {
            fn read(value: &$crate::tables::Written<'_>) -> $crate::tables::Result<Self> {
                $crate::tables::word(value)
            }

            $(fn absent() -> Option<Self> {
                Some($usual)
            })?
        })+
    };
}
pub(crate) use words;
