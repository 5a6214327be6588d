// SPDX-License-Identifier: MPL-2.0
//! The shape of an answer.

use serde_json::{Map, Value, json};

/// Name of the index in hits and errors (`ES_BUILD_INDEX` of old).
pub const INDEX_NAME: &str = "buildhub2";
/// Mapping type in hits: the documented server had one.
pub const DOCUMENT_TYPE: &str = "doc";

/// What a search found, before it becomes JSON.
#[derive(Debug, Default)]
pub struct Answer {
    /// Matches of the query and the post filter, all of them.
    pub total: u64,
    /// Best score; `None` when sorted or without hits.
    pub max_score: Option<f32>,
    /// The hits of the page, each complete.
    pub hits: Vec<Value>,
    /// Aggregations by name, if any were asked for.
    pub aggregations: Option<Map<String, Value>>,
    /// Suggestions by name, if any were asked for.
    pub suggest: Option<Map<String, Value>>,
}

impl Answer {
    /// Builds the JSON of the answer.
    pub fn into_json(self, took_ms: u64) -> Value {
        let mut body = Map::new();
        body.insert("took".to_owned(), json!(took_ms));
        body.insert("timed_out".to_owned(), json!(false));
        let shards = json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0});
        body.insert("_shards".to_owned(), shards);
        body.insert(
            "hits".to_owned(),
            hits_json(self.total, self.max_score, self.hits),
        );
        if let Some(aggregations) = self.aggregations {
            body.insert("aggregations".to_owned(), Value::Object(aggregations));
        }
        if let Some(suggest) = self.suggest {
            body.insert("suggest".to_owned(), Value::Object(suggest));
        }
        Value::Object(body)
    }
}

/// Builds the `hits` object, of an answer or of `top_hits`.
pub fn hits_json(total: u64, max_score: Option<f32>, hits: Vec<Value>) -> Value {
    let mut object = Map::new();
    object.insert("total".to_owned(), json!(total));
    object.insert("max_score".to_owned(), json!(max_score));
    object.insert("hits".to_owned(), Value::Array(hits));
    Value::Object(object)
}
