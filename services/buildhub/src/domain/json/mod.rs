// SPDX-License-Identifier: MPL-2.0
//! JSON as Python reads and writes it. The identity of a record is a hash of Python's text
//! (buildhub.md §3), and the errors of a search body are Python's sentences (§2.1); a parser that
//! keeps numbers as `f64` gets the first wrong, every parser but Python's the second.

mod canonical;
mod parser;

use std::collections::BTreeMap;

use serde_json::Value;

pub use parser::{JsonError, parse};

/// A JSON value. Members are sorted by code point, which is the order of UTF-8 bytes; of repeated
/// keys the last one stays.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent, its digits in full.
    Integer(String),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Returns a member of an object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.get(key),
            _ => None,
        }
    }

    /// Returns the text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns whether a text or a name in it holds a NUL character.
    pub fn has_nul(&self) -> bool {
        match self {
            Self::Text(text) => text.contains('\0'),
            Self::List(items) => items.iter().any(Self::has_nul),
            Self::Object(members) => members
                .iter()
                .any(|(key, value)| key.contains('\0') || value.has_nul()),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Float(_) => false,
        }
    }

    /// Returns the value as the libraries for schema and search take it. Integers beyond 64 bits
    /// become floating point numbers, and those beyond all of these the largest.
    pub fn to_value(&self) -> Value {
        self.to_value_with(&rounded)
    }

    /// Returns the value with integers, given by their digits, as `integer` makes them.
    pub fn to_value_with(&self, integer: &impl Fn(&str) -> Value) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Integer(digits) => integer(digits),
            Self::Float(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
            Self::List(items) => {
                let items = items.iter().map(|item| item.to_value_with(integer));
                Value::Array(items.collect())
            }
            Self::Object(members) => {
                let members = members.iter();
                let members = members.map(|(k, v)| (k.clone(), v.to_value_with(integer)));
                Value::Object(members.collect())
            }
        }
    }
}

fn rounded(digits: &str) -> Value {
    let number = || digits.parse().unwrap_or(f64::MAX);
    digits
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| digits.parse::<u64>().map(Value::from))
        .unwrap_or_else(|_| Value::from(number().clamp(f64::MIN, f64::MAX)))
}

#[cfg(test)]
mod tests;
