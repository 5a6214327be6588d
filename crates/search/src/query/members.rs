// SPDX-License-Identifier: MPL-2.0
//! The members of one clause, taken one by one; what is left over is refused by name.

use serde_json::{Map, Value};

use super::Literal;
use crate::error::SearchError;

/// Returns the word of the engine of old for the kind of a JSON value.
pub(crate) fn token_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// Returns a plain word for the kind of a JSON value.
pub(crate) fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns the object in a value, or the error that names the clause.
pub(crate) fn object<'a>(
    clause: &str,
    value: &'a Value,
) -> Result<&'a Map<String, Value>, SearchError> {
    value.as_object().ok_or_else(|| {
        SearchError::parsing(format!(
            "[{clause}] must be an object, not {}",
            kind_name(value)
        ))
    })
}

/// Members of a clause that were not read yet.
pub(crate) struct Members<'a> {
    clause: &'a str,
    left: Vec<(&'a str, &'a Value)>,
}

impl<'a> Members<'a> {
    /// Starts on the members of the object that `value` must be.
    pub fn of(clause: &'a str, value: &'a Value) -> Result<Self, SearchError> {
        let members = object(clause, value)?;
        Ok(Self {
            clause,
            left: members
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect(),
        })
    }

    /// Takes a member of any kind; null counts as absent.
    pub fn take(&mut self, key: &str) -> Option<&'a Value> {
        let at = self.left.iter().position(|(name, _)| *name == key)?;
        let (_, value) = self.left.swap_remove(at);
        (!value.is_null()).then_some(value)
    }

    /// Takes a member that is a text; numbers and truth values count as their text.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, SearchError> {
        Ok(self.literal(key)?.map(|literal| literal.to_text()))
    }

    /// Takes a member that is a scalar.
    pub fn literal(&mut self, key: &str) -> Result<Option<Literal>, SearchError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        match Literal::from_value(value) {
            Some(literal) => Ok(Some(literal)),
            None => Err(self.wrong(key, "a scalar", value)),
        }
    }

    /// Takes a member that is true or false, also as text.
    pub fn flag(&mut self, key: &str) -> Result<Option<bool>, SearchError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(other) => Err(self.wrong(key, "true or false", other)),
        }
    }

    /// Takes a member that is an integer of 0 or more, as number or digits.
    pub fn count(&mut self, key: &str) -> Result<Option<u64>, SearchError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = match value {
            Value::Bool(_) => None,
            other => crate::structure::lenient_integer(other),
        };
        match number.and_then(|number| u64::try_from(number).ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(self.wrong(key, "an integer of 0 or more", value)),
        }
    }

    /// Takes `boost`, a number above or equal 0, 1 by default.
    pub fn boost(&mut self) -> Result<f32, SearchError> {
        let Some(value) = self.take("boost") else {
            return Ok(1.0);
        };
        let text = Literal::from_value(value)
            .map(|literal| literal.to_text())
            .unwrap_or_default();
        match text.parse::<f32>() {
            Ok(boost) if boost.is_finite() && boost >= 0.0 => Ok(boost),
            _ => Err(self.wrong("boost", "a number of 0 or more", value)),
        }
    }

    /// Reads and drops members that mean nothing here.
    pub fn ignore(&mut self, keys: &[&str]) {
        self.left.retain(|(name, _)| !keys.contains(name));
    }

    /// Takes the one member that is left: field and value of the short forms.
    pub fn single(mut self) -> Result<(&'a str, &'a Value), SearchError> {
        match (self.left.pop(), self.left.first()) {
            (Some(("", _)) | None, _) => {
                Err(SearchError::illegal_argument("field name is null or empty"))
            }
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(SearchError::parsing(format!(
                "[{}] query doesn't support multiple fields",
                self.clause
            ))),
        }
    }

    /// Refuses what is left.
    pub fn finish(self) -> Result<(), SearchError> {
        match self.left.iter().map(|(name, _)| *name).min() {
            None => Ok(()),
            Some(name) => Err(SearchError::parsing(format!(
                "[{}] query does not support [{name}]",
                self.clause
            ))),
        }
    }

    /// Returns the name of the clause.
    pub fn clause(&self) -> &'a str {
        self.clause
    }

    /// Returns the error for a member of the wrong kind.
    pub fn wrong(&self, key: &str, wanted: &str, got: &Value) -> SearchError {
        SearchError::parsing(format!(
            "[{}] needs {wanted} in [{key}], not {}",
            self.clause,
            kind_name(got)
        ))
    }

    /// Returns the error for a member that must be there.
    pub fn missing(&self, key: &str) -> SearchError {
        SearchError::parsing(format!("[{}] requires [{key}]", self.clause))
    }
}
