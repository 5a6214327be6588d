// SPDX-License-Identifier: MPL-2.0
//! The checks in front of the engine. The web layer of old built its own objects from the body
//! before it asked the engine; clients know the plain texts that failed there.

use serde_json::{Map, Value};

use crate::error::SearchError;
use crate::limits::Limits;

mod known;
mod python;

pub use python::repr;

/// Takes a parsed body through the checks and returns it as the engine shall see it: an object,
/// with `suggest.text` moved into the suggestions.
///
/// # Errors
/// [`SearchError::Structure`] with the text for the client.
pub fn prepare(body: &Value, limits: &Limits) -> Result<Map<String, Value>, SearchError> {
    let mut body = match body {
        Value::Object(members) => members.clone(),
        empty if is_falsy(empty) => Map::new(),
        _ => return Err(structure("search body must be a JSON object")),
    };
    check_size(&body, limits)?;
    for key in ["query", "post_filter"] {
        match body.get(key) {
            Some(Value::Object(query)) => check_query(query, limits.max_depth)?,
            Some(Value::Null) | None => {}
            Some(_) => return Err(structure(format!("{key} must be an object"))),
        }
    }
    for key in ["aggs", "aggregations"] {
        match body.get(key) {
            Some(Value::Object(aggs)) => check_aggs(aggs, limits.max_depth)?,
            Some(Value::Null) | None => {}
            Some(_) => return Err(structure(format!("{key} must be an object"))),
        }
    }
    if let Some(highlight) = body.get("highlight")
        && highlight.get("fields").is_none()
    {
        return Err(structure("highlight must be an object with fields"));
    }
    spread_suggest_text(&mut body)?;
    Ok(body)
}

fn structure(text: impl Into<String>) -> SearchError {
    SearchError::Structure(text.into())
}

fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// Returns an integer written as a number, as digits or as a truth value; floats are cut.
pub(crate) fn lenient_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Number(number) => number.as_i64().or_else(|| cut(number.as_f64()?)),
        Value::String(text) => whole(text.trim()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads digits; beyond 64 bits they are the largest integer.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let largest = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    text.parse().ok().or(is_number.then_some(largest))
}

/// Cuts the fraction off a number; what lies beyond 64 bits becomes the largest integer.
fn cut(number: f64) -> Option<i64> {
    let whole = format!("{:.0}", number.trunc());
    whole
        .parse()
        .ok()
        .or(Some(if number < 0.0 { i64::MIN } else { i64::MAX }))
}

fn check_size(body: &Map<String, Value>, limits: &Limits) -> Result<(), SearchError> {
    let Some(sent) = body.get("size") else {
        return Ok(());
    };
    let Some(size) = lenient_integer(sent) else {
        return Err(structure(format!(
            "size must be an integer, not {}",
            repr(sent)
        )));
    };
    if u64::try_from(size).is_ok_and(|size| size > limits.max_size) {
        let shown = match sent {
            Value::String(text) => text.clone(),
            other => repr(other),
        };
        return Err(structure(format!("Search size too large ({shown})")));
    }
    Ok(())
}

fn check_query(query: &Map<String, Value>, depth_left: usize) -> Result<(), SearchError> {
    let mut members = query.iter();
    let (Some((name, params)), None) = (members.next(), members.next()) else {
        return Err(structure(format!(
            "Q() can only accept dict with a single query ({{\"match\": {{...}}}}). Instead it got ({})",
            python::repr_object(query)
        )));
    };
    if !known::is_query(name) {
        return Err(structure(format!(
            "DSL class `{name}` does not exist in query."
        )));
    }
    let (Value::Object(params), Some(depth_left)) = (params, depth_left.checked_sub(1)) else {
        // What is no object, or nests beyond the limit, is for the parser to refuse.
        return Ok(());
    };
    for (key, value) in params {
        if !known::holds_queries(name, key) {
            continue;
        }
        match value {
            Value::Object(one) => check_query(one, depth_left)?,
            Value::Array(many) => {
                for one in many.iter().filter_map(Value::as_object) {
                    check_query(one, depth_left)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_aggs(aggs: &Map<String, Value>, depth_left: usize) -> Result<(), SearchError> {
    for value in aggs.values() {
        let Value::Object(agg) = value else {
            return Err(structure(agg_text(&repr(value))));
        };
        let mut types: Vec<_> = agg.iter().filter(|(key, _)| !is_beside(key)).collect();
        // The engine takes this name too; alone it can only be meant as a type.
        if types.len() > 1 {
            types.retain(|(key, _)| *key != "aggregations");
        }
        let [(kind, params)] = types.as_slice() else {
            return Err(structure(agg_text(&python::repr_object(agg))));
        };
        if !known::is_aggregation(kind) {
            return Err(structure(format!(
                "DSL class `{kind}` does not exist in agg."
            )));
        }
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Ok(());
        };
        if *kind == "filter"
            && let Value::Object(query) = *params
        {
            check_query(query, depth_left)?;
        }
        for key in ["aggs", "aggregations"] {
            if let Some(Value::Object(inner)) = agg.get(key) {
                check_aggs(inner, depth_left)?;
            }
        }
    }
    Ok(())
}

/// Tells whether a member stands beside the type of an aggregation.
fn is_beside(key: &str) -> bool {
    matches!(key, "aggs" | "meta")
}

fn agg_text(got: &str) -> String {
    format!(
        "A() can only accept dict with an aggregation ({{\"terms\": {{...}}}}). Instead it got ({got})"
    )
}

fn spread_suggest_text(body: &mut Map<String, Value>) -> Result<(), SearchError> {
    let Some(suggest) = body.get_mut("suggest") else {
        return Ok(());
    };
    let Value::Object(suggestions) = suggest else {
        return Err(structure("suggest must be an object"));
    };
    let Some(text) = suggestions.remove("text") else {
        return Ok(());
    };
    for suggestion in suggestions.values_mut().filter_map(Value::as_object_mut) {
        suggestion.entry("text").or_insert_with(|| text.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
