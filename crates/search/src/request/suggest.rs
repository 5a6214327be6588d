// SPDX-License-Identifier: MPL-2.0
//! `suggest`: accepted because the user interface of old sends it; the answer has no options.

use serde_json::{Map, Value, json};

use crate::error::SearchError;
use crate::query::{Members, object};

/// Returns the empty answer to every named suggestion.
///
/// # Errors
/// `Engine` for a suggestion of unknown shape.
pub fn empty_suggestions(value: &Value) -> Result<Map<String, Value>, SearchError> {
    let mut answers = Map::new();
    for (name, suggestion) in object("suggest", value)? {
        let mut members = Members::of("suggest", suggestion)?;
        let text = match members.text("text")? {
            Some(text) => text,
            None => match members.text("prefix")? {
                Some(prefix) => prefix,
                None => members
                    .text("regex")?
                    .ok_or_else(|| members.missing("text"))?,
            },
        };
        let kinds = ["phrase", "term", "completion"];
        let asked = kinds
            .into_iter()
            .filter(|kind| members.take(kind).is_some())
            .count();
        if asked != 1 {
            return Err(SearchError::illegal_argument(format!(
                "suggestion [{name}] needs one of [phrase], [term], [completion]"
            )));
        }
        members.finish()?;
        // Java counts UTF-16 units, and so do the clients of this number.
        let length = text.encode_utf16().count();
        let entry = json!({"text": text, "offset": 0, "length": length, "options": []});
        answers.insert(name.clone(), json!([entry]));
    }
    Ok(answers)
}
