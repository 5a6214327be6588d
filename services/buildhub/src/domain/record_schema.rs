// SPDX-License-Identifier: MPL-2.0
//! The rules that a record must keep, read from `schema.yaml`.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError, Validator};
use releng_common::http::shape::python_repr;
use serde_json::Value;

/// The rules that are compiled in.
const BUILT_IN: &str = include_str!("../../../../schema.yaml");

/// A schema ready for use.
#[derive(Debug)]
pub struct RecordSchema(Validator);

impl RecordSchema {
    /// Reads a schema file: YAML with the JSON Schema (draft 7) under the key `schema`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Value = serde_yaml::from_str(text)
            .map_err(|e| format!("is not YAML: {}", e.to_string().replace('\n', " ")))?;
        let schema = file.get("schema").ok_or("has no key \"schema\"")?;
        jsonschema::options()
            .with_draft(Draft::Draft7)
            .should_validate_formats(false)
            .build(schema)
            .map(Self)
            .map_err(|e| format!("holds no JSON Schema: {}", e.to_string().replace('\n', " ")))
    }

    /// Returns the schema that the binary carries.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn built_in() -> Result<Self, String> {
        Self::parse(BUILT_IN)
    }

    /// Checks a record.
    ///
    /// # Errors
    /// The first broken rule in the words of Python's jsonschema, and where.
    pub fn check(&self, record: &Value) -> Result<(), String> {
        let Some(error) = self.0.iter_errors(record).next() else {
            return Ok(());
        };
        let place = error
            .instance_path()
            .to_string()
            .trim_start_matches('/')
            .replace('/', ".");
        let sentence = sentence(&error);
        Err(if place.is_empty() {
            sentence
        } else {
            format!("{sentence} (at {place})")
        })
    }
}

fn sentence(error: &ValidationError<'_>) -> String {
    let found = || python_repr(error.instance());
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{} is a required property", python_repr(property))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let mut names = unexpected.clone();
            names.sort();
            let verb = if names.len() == 1 { "was" } else { "were" };
            let names: Vec<String> = names
                .into_iter()
                .map(|name| python_repr(&Value::String(name)))
                .collect();
            format!(
                "Additional properties are not allowed ({} {verb} unexpected)",
                names.join(", ")
            )
        }
        ValidationErrorKind::Type {
            kind: TypeKind::Single(kind),
        } => {
            format!("{} is not of type '{kind}'", found())
        }
        ValidationErrorKind::Enum { options } => {
            format!("{} is not one of {}", found(), python_repr(options))
        }
        _ => error.to_string(),
    }
}
