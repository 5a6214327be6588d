// SPDX-License-Identifier: MPL-2.0
//! `highlight`: which fields of a hit show their matches, and between which marks.

use serde_json::Value;

use crate::error::SearchError;
use crate::query::{Members, object};
use crate::schema::{FieldInfo, fields_matching};

/// What to mark in hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Highlight {
    /// Fields to mark, in the order of their names.
    pub fields: Vec<&'static FieldInfo>,
    /// Text before a match.
    pub pre_tag: String,
    /// Text behind a match.
    pub post_tag: String,
    /// Whether only matches of clauses on the field itself count.
    pub requires_field_match: bool,
}

impl Highlight {
    /// Parses the object.
    pub(crate) fn parse(value: &Value) -> Result<Self, SearchError> {
        let mut members = Members::of("highlight", value)?;
        let names: Vec<&str> = match members.take("fields") {
            Some(Value::Array(items)) => {
                let mut names = Vec::new();
                for item in items {
                    names.extend(checked_names(item)?);
                }
                names
            }
            Some(fields) => checked_names(fields)?,
            None => return Err(members.missing("fields")),
        };
        let pre_tag = tag(members.take("pre_tags"), "<em>")?;
        let post_tag = tag(members.take("post_tags"), "</em>")?;
        let requires_field_match = members.flag("require_field_match")?.unwrap_or(true);
        // Values are short and marked as a whole, so how to cut them makes no difference.
        members.ignore(LAYOUT_OPTIONS);
        members.finish()?;
        let mut fields: Vec<_> = names
            .iter()
            .flat_map(|name| fields_matching(name))
            .collect();
        fields.sort_by_key(|field| field.name);
        fields.dedup();
        Ok(Self {
            fields,
            pre_tag,
            post_tag,
            requires_field_match,
        })
    }
}

/// Options that say how to cut long texts into fragments.
const LAYOUT_OPTIONS: &[&str] = &[
    "number_of_fragments",
    "fragment_size",
    "type",
    "order",
    "encoder",
    "no_match_size",
    "boundary_scanner",
];

/// Returns the names in an object of fields; their own options may only be those of layout.
fn checked_names(value: &Value) -> Result<Vec<&str>, SearchError> {
    let mut names = Vec::new();
    for (name, options) in object("highlight", value)? {
        let mut members = Members::of("highlight", options)?;
        members.ignore(LAYOUT_OPTIONS);
        members.finish()?;
        names.push(name.as_str());
    }
    Ok(names)
}

fn tag(value: Option<&Value>, default: &str) -> Result<String, SearchError> {
    let text = match value {
        None => Some(default),
        Some(Value::Array(items)) => items.first().and_then(Value::as_str),
        Some(other) => other.as_str(),
    };
    text.map(str::to_owned)
        .ok_or_else(|| SearchError::parsing("[highlight] tags must be a list of strings"))
}
