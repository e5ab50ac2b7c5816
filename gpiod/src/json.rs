//! JSON as somebody sent it, read key by key: what the board's messages, the guardian's and the state file have in common.
//!
//! serde would do the same by code of its own for each struct, each variant and each key, a twentieth of the daemon's
//! image. Here there is one way to take a key, and each type says only which it has. What is written is serde's.

mod lines;

use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::BuildHasher;

/// What is wrong with a value, and where.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// What can be read from JSON.
pub(crate) trait Json: Sized {
    /// Reads a value.
    fn read(value: Value) -> Result<Self>;

    /// What it is where it is not said.
    fn absent() -> Option<Self> {
        None
    }
}

/// How serde is told of it: the text becomes a [`Value`], by the same code for all, and that is read.
pub(crate) fn deserialize<'de, T: Json, D: Deserializer<'de>>(from: D) -> std::result::Result<T, D::Error> {
    T::read(Value::deserialize(from)?).map_err(D::Error::custom)
}

/// Takes a field out of an object.
pub(crate) fn field<T: Json>(object: &mut Value, name: &str) -> Result<T> {
    match take(object, name)? {
        Some(value) => T::read(value).map_err(|wrong| at(name, &wrong)),
        None => T::absent().ok_or_else(|| format!("missing field `{name}`")),
    }
}

/// The same for one that may be missing.
pub(crate) fn field_or_default<T: Json + Default>(object: &mut Value, name: &str) -> Result<T> {
    let value = take(object, name)?;
    value.map_or_else(|| Ok(T::default()), |value| T::read(value).map_err(|wrong| at(name, &wrong)))
}

fn take(object: &mut Value, name: &str) -> Result<Option<Value>> {
    let Value::Object(fields) = object else { return Err(not(object, "an object")) };
    Ok(fields.remove(name))
}

fn at(name: &str, wrong: &str) -> String {
    format!("{name}: {wrong}")
}

/// Refuses an object of which not all was taken.
pub(crate) fn nothing_else(object: &Value) -> Result<()> {
    match object.as_object().and_then(|fields| fields.keys().next()) {
        Some(name) => Err(format!("unknown field `{name}`")),
        None => Ok(()),
    }
}

/// One of several: its name alone, or an object that has it as the only key of what there is to say of it.
pub(crate) fn one_of(value: Value) -> Result<(String, Value)> {
    if let Value::String(name) = value {
        return Ok((name, Value::Null));
    }
    let Value::Object(fields) = value else { return Err(not(&value, "a string or an object")) };
    let count = fields.len();
    let only = fields.into_iter().next().filter(|_| count == 1);
    only.ok_or_else(|| format!("invalid length {count}, expected an object with one key"))
}

/// That a name is none of those.
pub(crate) fn unknown(name: &str, known: &[&str]) -> String {
    format!("unknown variant `{name}`, expected one of `{}`", known.join("`, `"))
}

/// Reads a word of those that serde knows a type by.
pub(crate) fn word<T: DeserializeOwned>(value: Value) -> Result<T> {
    let word = String::read(value)?;
    T::deserialize(StrDeserializer::<WordError>::new(&word)).map_err(|error| error.to_string())
}

/// Reads what is written as a text.
pub(crate) fn text<T: TryFrom<String, Error: Display>>(value: Value) -> Result<T> {
    String::read(value)?.try_into().map_err(|error: T::Error| error.to_string())
}

fn not(value: &Value, what: &str) -> String {
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    format!("invalid type: {is}, expected {what}")
}

impl Json for u64 {
    fn read(value: Value) -> Result<Self> {
        value.as_u64().ok_or_else(|| match value.as_number() {
            Some(number) => format!("invalid value: {number}, expected a whole number from 0 on"),
            None => not(&value, "a number"),
        })
    }
}

/// A number of fewer bits.
fn small<T: TryFrom<u64>>(value: Value) -> Result<T> {
    let number = u64::read(value)?;
    number.try_into().map_err(|_| format!("invalid value: {number}, which is too large"))
}

impl Json for u32 {
    fn read(value: Value) -> Result<Self> {
        small(value)
    }
}

impl Json for u8 {
    fn read(value: Value) -> Result<Self> {
        small(value)
    }
}

impl Json for f64 {
    fn read(value: Value) -> Result<Self> {
        value.as_f64().ok_or_else(|| not(&value, "a number"))
    }
}

impl Json for bool {
    fn read(value: Value) -> Result<Self> {
        value.as_bool().ok_or_else(|| not(&value, "a boolean"))
    }
}

impl Json for String {
    fn read(value: Value) -> Result<Self> {
        let Value::String(text) = value else { return Err(not(&value, "a string")) };
        Ok(text)
    }
}

impl<T: Json> Json for Option<T> {
    fn read(value: Value) -> Result<Self> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

fn array(value: Value, length: Option<usize>) -> Result<Vec<Value>> {
    match (value, length) {
        (Value::Array(values), Some(length)) if values.len() != length => {
            Err(format!("invalid length {}, expected an array of length {length}", values.len()))
        }
        (Value::Array(values), _) => Ok(values),
        (other, _) => Err(not(&other, "an array")),
    }
}

impl<T: Json> Json for Vec<T> {
    fn read(value: Value) -> Result<Self> {
        array(value, None)?.into_iter().map(T::read).collect()
    }
}

impl<A: Json, B: Json> Json for (A, B) {
    fn read(value: Value) -> Result<Self> {
        let mut values = array(value, Some(2))?.into_iter();
        Ok((A::read(values.next().unwrap_or_default())?, B::read(values.next().unwrap_or_default())?))
    }
}

impl<T: Json> Json for [T; 2] {
    fn read(value: Value) -> Result<Self> {
        <(T, T)>::read(value).map(<[T; 2]>::from)
    }
}

impl<T: Json, S: BuildHasher + Default> Json for HashMap<String, T, S> {
    fn read(value: Value) -> Result<Self> {
        let Value::Object(fields) = value else { return Err(not(&value, "an object")) };
        fields.into_iter().map(|(name, value)| Ok((name, T::read(value)?))).collect()
    }
}

/// Types that are read by [`Json`] and not by what serde would derive.
macro_rules! by_key {
    ($($type:ty),+ $(,)?) => {
        $(impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
                $crate::json::deserialize(from)
            }
        })+
    };
}

/// An object with these fields, each read by its type; what else it has is passed over.
macro_rules! object {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::json::Json for $type {
            fn read(mut value: serde_json::Value) -> $crate::json::Result<Self> {
                Ok(Self { $($field: $crate::json::field(&mut value, stringify!($field))?),+ })
            }
        }
        $crate::json::by_key!($type);
    };
}

/// An object whose field `$tag` says which it is; `strict` refuses fields that are not its.
macro_rules! tagged {
    ($type:ident, $tag:literal $(, $strict:ident)? {
        $($name:literal => $variant:ident { $($field:ident),* }),+ $(,)?
    }) => {
        impl $crate::json::Json for $type {
            fn read(mut value: serde_json::Value) -> $crate::json::Result<Self> {
                let name: String = $crate::json::field(&mut value, $tag)?;
                let read = match name.as_str() {
                    $($name => Self::$variant {
                        $($field: $crate::json::field(&mut value, stringify!($field))?),*
                    },)+
                    _ => return Err($crate::json::unknown(&name, &[$($name),+])),
                };
                $($crate::json::$strict(&value)?;)?
                Ok(read)
            }
        }
        $crate::json::by_key!($type);
    };
}

/// One of several: see [`one_of`].
macro_rules! one_of {
    ($type:ident {
        $($name:literal => $variant:ident $({ $($field:ident),+ })? $(($content:ident))?),+ $(,)?
    }) => {
        impl $crate::json::Json for $type {
            fn read(value: serde_json::Value) -> $crate::json::Result<Self> {
                #[allow(unused_mut, unused_variables, reason = "there may be nothing to say of any")]
                let (name, mut value) = $crate::json::one_of(value)?;
                Ok(match name.as_str() {
                    $($name => Self::$variant
                        $({ $($field: $crate::json::field(&mut value, stringify!($field))?),+ })?
                        $(({
                            let $content = value;
                            $crate::json::Json::read($content)?
                        }))?,)+
                    _ => return Err($crate::json::unknown(&name, &[$($name),+])),
                })
            }
        }
        $crate::json::by_key!($type);
    };
}

/// Types that are words.
macro_rules! words {
    ($($type:ty),+ $(,)?) => {
        $(impl $crate::json::Json for $type {
            fn read(value: serde_json::Value) -> $crate::json::Result<Self> {
                $crate::json::word(value)
            }
        })+
    };
}

pub(crate) use one_of as variants;
pub(crate) use {by_key, object, tagged, words};
