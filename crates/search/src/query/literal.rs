// SPDX-License-Identifier: MPL-2.0
//! A scalar of a query: clients write numbers for keywords and digits for numbers.

use serde_json::{Number, Value};

/// A scalar as the client wrote it.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text.
    Text(String),
    /// A number.
    Number(Number),
    /// A truth value.
    Flag(bool),
}

impl Literal {
    /// Returns the scalar in a JSON value; `None` for null, lists and objects.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Returns the scalar as a keyword field compares it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
