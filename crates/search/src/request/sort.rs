// SPDX-License-Identifier: MPL-2.0
//! The order of hits.

use serde_json::Value;

use crate::error::SearchError;
use crate::query::{Literal, Members, kind_name};

/// Most keys of one order.
const MAX_KEYS: usize = 16;

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Lowest first.
    Ascending,
    /// Highest first.
    Descending,
}

/// What a hit is ordered by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortBy {
    /// The score.
    Score,
    /// The order in which documents came in.
    Document,
    /// A field.
    Field(String),
}

/// Where documents without a value go.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// Behind all others, in both directions.
    Last,
    /// Before all others.
    First,
    /// Where this value would be.
    As(Literal),
}

/// One key of the order.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What is compared.
    pub by: SortBy,
    /// Which end comes first.
    pub direction: Direction,
    /// Where documents without a value go.
    pub missing: Missing,
    /// Whether an unknown field counts as missing instead of failing.
    pub accepts_unmapped: bool,
}

/// Parses a name, an object, or a list of these.
pub(crate) fn parse(value: &Value) -> Result<Vec<SortKey>, SearchError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut keys = Vec::new();
    for item in items {
        match item {
            Value::String(name) => keys.push(key(name, None)?),
            Value::Object(members) => {
                for (name, params) in members {
                    keys.push(key(name, Some(params))?);
                }
            }
            other => {
                return Err(SearchError::illegal_argument(format!(
                    "[sort] takes names and objects, not {}",
                    kind_name(other)
                )));
            }
        }
    }
    if keys.len() > MAX_KEYS {
        return Err(SearchError::illegal_argument(format!(
            "[sort] takes at most {MAX_KEYS} keys"
        )));
    }
    Ok(keys)
}

fn key(name: &str, params: Option<&Value>) -> Result<SortKey, SearchError> {
    let by = match name {
        "_score" => SortBy::Score,
        "_doc" => SortBy::Document,
        "" => return Err(SearchError::illegal_argument("field name is null or empty")),
        field => SortBy::Field(field.to_owned()),
    };
    // The best score comes first, everything else starts at its low end.
    let default = if by == SortBy::Score {
        Direction::Descending
    } else {
        Direction::Ascending
    };
    let mut key = SortKey {
        by,
        direction: default,
        missing: Missing::Last,
        accepts_unmapped: false,
    };
    match params {
        None => {}
        Some(Value::String(order)) => key.direction = direction(order)?,
        Some(params) => {
            let mut members = Members::of("sort", params)?;
            if let Some(order) = members.text("order")? {
                key.direction = direction(&order)?;
            }
            key.missing = match members.literal("missing")? {
                None => Missing::Last,
                Some(Literal::Text(text)) if text == "_last" => Missing::Last,
                Some(Literal::Text(text)) if text == "_first" => Missing::First,
                Some(other) => Missing::As(other),
            };
            key.accepts_unmapped = members.take("unmapped_type").is_some();
            // A build has one value per field, so there is nothing to choose from.
            members.ignore(&["mode"]);
            members.finish()?;
        }
    }
    Ok(key)
}

fn direction(text: &str) -> Result<Direction, SearchError> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        _ => Err(SearchError::illegal_argument(format!(
            "[sort] takes [asc] or [desc], not [{text}]"
        ))),
    }
}
