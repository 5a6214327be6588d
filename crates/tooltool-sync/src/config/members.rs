// SPDX-License-Identifier: MPL-2.0
//! Reading the members of a JSON object while collecting everything that is wrong with them, so
//! that an administrator learns all of it at once.

use std::{path::Path, time::Duration};

use lettre::message::Mailbox;
use serde_json::{Map, Value};

/// The members of an object that are still to be read, and the complaints so far.
pub(super) struct Members {
    rest: Map<String, Value>,
    problems: Vec<String>,
}

impl Members {
    pub fn of(object: &Map<String, Value>) -> Self {
        Self {
            rest: object.clone(),
            problems: Vec::new(),
        }
    }

    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Returns the names of members that nobody read, or the complaints if there are any.
    pub fn finish(self) -> Result<Vec<String>, Vec<String>> {
        if self.problems.is_empty() {
            Ok(self.rest.into_iter().map(|(name, _)| name).collect())
        } else {
            Err(self.problems)
        }
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.rest.remove(name)? {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => {
                self.problem(format!("{name} must not be empty"));
                None
            }
            _ => {
                self.problem(format!("{name} must be a string"));
                None
            }
        }
    }

    pub fn required_text(&mut self, name: &str) -> Option<String> {
        self.require(name);
        self.text(name)
    }

    pub fn required_number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        self.require(name);
        let value = self.rest.remove(name)?;
        let number = value.as_u64().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.problem(format!(
                "{name} must be a whole number from {least} to {most}, not {value}"
            ));
        }
        number
    }

    pub fn number(&mut self, name: &str, default: u64, least: u64, most: u64) -> u64 {
        if !self.rest.contains_key(name) {
            return default;
        }
        self.required_number(name, least, most).unwrap_or(default)
    }

    pub fn count(&mut self, name: &str, default: usize, most: u64) -> usize {
        let number = self.number(name, u64::try_from(default).unwrap_or(most), 1, most);
        usize::try_from(number).unwrap_or(default)
    }

    pub fn seconds(&mut self, name: &str, default: u64, most: u64) -> Duration {
        Duration::from_secs(self.number(name, default, 1, most))
    }

    /// Returns the members of an object; none if it is absent.
    pub fn object(&mut self, name: &str) -> Map<String, Value> {
        match self.rest.remove(name) {
            None => Map::new(),
            Some(Value::Object(object)) => object,
            Some(_) => {
                self.problem(format!("{name} must be an object"));
                Map::new()
            }
        }
    }

    pub fn required_object(&mut self, name: &str) -> Map<String, Value> {
        self.require(name);
        self.object(name)
    }

    pub fn mailbox(&mut self, name: &str, text: &str) -> Option<Mailbox> {
        let mailbox = text.parse();
        if let Err(error) = &mailbox {
            self.problem(format!("{name} '{text}' is no mail address: {error}"));
        }
        mailbox.ok()
    }

    fn require(&mut self, name: &str) {
        if !self.rest.contains_key(name) {
            self.problem(format!("{name} is required"));
        }
    }
}

/// Tells whether a path names a directory; the rule is what it must be.
pub(super) fn is_folder(path: &Path) -> Result<(), String> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(format!(
            "must be an existing directory, '{}' is a file",
            path.display()
        )),
        Err(error) => Err(format!(
            "must be an existing directory, '{}' is not: {error}",
            path.display()
        )),
    }
}
