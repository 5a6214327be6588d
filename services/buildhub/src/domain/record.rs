// SPDX-License-Identifier: MPL-2.0
//! A record, what identifies it, and the document that searches find.

use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use super::json::{Json, parse};
use super::record_schema::RecordSchema;

/// A record that keeps the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Record(Json);

/// A record as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Version and hash of the content (buildhub.md §3).
    pub hash: String,
    /// The record as canonical JSON.
    pub json: String,
}

impl Record {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names the broken rule.
    pub fn parse(bytes: &[u8], schema: &RecordSchema) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| format!("is not UTF-8: {e}"))?;
        let json = parse(text).map_err(|e| format!("is not JSON: {e}"))?;
        schema.check(&json.to_value())?;
        if json.has_nul() {
            // PostgreSQL cannot store it.
            return Err("a text must not contain NUL characters".to_owned());
        }
        Ok(Self(json))
    }

    /// Returns what the table keeps of this record: itself and, for a release of Firefox when
    /// `with_beta_copy`, the same under the channel beta. Release candidates reach the users of beta
    /// as release builds, and clients look for them there (D-43).
    pub fn builds(&self, with_beta_copy: bool) -> Vec<Build> {
        let copy = if with_beta_copy {
            self.beta_copy()
        } else {
            None
        };
        std::iter::once(&self.0)
            .chain(copy.as_ref())
            .map(build)
            .collect()
    }

    fn beta_copy(&self) -> Option<Json> {
        let text = |group: &str, name: &str| self.0.get(group)?.get(name)?.as_text();
        if text("source", "product") != Some("firefox")
            || text("target", "channel") != Some("release")
        {
            return None;
        }
        let mut copy = self.0.clone();
        if let Json::Object(groups) = &mut copy
            && let Some(Json::Object(target)) = groups.get_mut("target")
        {
            target.insert("channel".to_owned(), Json::Text("beta".to_owned()));
        }
        Some(copy)
    }
}

fn build(json: &Json) -> Build {
    let json = json.to_string();
    let hash = format!("v1:{}", hex::encode(Md5::digest(json.as_bytes())));
    Build { hash, json }
}

/// Returns the document of a stored record: `id` and the four groups, without empty ones.
pub fn document(id: i64, build: &Value) -> Value {
    let mut document = Map::new();
    document.insert("id".to_owned(), Value::from(id));
    for group in ["build", "source", "target", "download"] {
        let members: Map<String, Value> = build
            .get(group)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !members.is_empty() {
            document.insert(group.to_owned(), Value::Object(members));
        }
    }
    Value::Object(document)
}

#[cfg(test)]
mod tests;
