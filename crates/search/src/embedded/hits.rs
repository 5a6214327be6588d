// SPDX-License-Identifier: MPL-2.0
//! Hits as JSON: the stored document, its order values and its marked matches.

use serde_json::{Map, Value, json};
use tantivy::TantivyDocument;
use tantivy::schema::Value as _;

use super::compile::Mark;
use super::mapping::{Mapping, text_of, value_at};
use super::snapshot::{Doc, Snapshot};
use super::sort::{Candidate, Plan};
use super::tokenizer;
use crate::error::SearchError;
use crate::request::{Highlight, SourceFilter};
use crate::response::{DOCUMENT_TYPE, INDEX_NAME};
use crate::schema::{FieldInfo, FieldKind};

/// What hits of one list have in common.
pub(super) struct Renderer<'a> {
    pub snapshot: &'a Snapshot,
    pub mapping: &'a Mapping,
    pub plan: &'a Plan,
    pub source: &'a SourceFilter,
    /// Whether `_score` has a value.
    pub shows_scores: bool,
    /// Whether the hits are in an order of their own.
    pub shows_sort: bool,
}

impl Renderer<'_> {
    /// Returns a hit.
    pub fn hit(
        &self,
        candidate: &Candidate,
        highlight: Option<(&Highlight, &mut [Mark])>,
    ) -> Result<Value, SearchError> {
        let source = self.source_of(candidate.doc)?;
        let mut hit = Map::new();
        hit.insert("_index".to_owned(), json!(INDEX_NAME));
        hit.insert("_type".to_owned(), json!(DOCUMENT_TYPE));
        hit.insert(
            "_id".to_owned(),
            json!(self.plan.id(candidate.doc).to_string()),
        );
        let score = if self.shows_scores {
            json!(candidate.score)
        } else {
            Value::Null
        };
        hit.insert("_score".to_owned(), score);
        if let Some((highlight, marks)) = highlight {
            let marked = marked_fields(highlight, marks, &source)?;
            if !marked.is_empty() {
                hit.insert("highlight".to_owned(), Value::Object(marked));
            }
        }
        if let Some(shown) = self.source.apply(source) {
            hit.insert("_source".to_owned(), shown);
        }
        if self.shows_sort {
            hit.insert(
                "sort".to_owned(),
                self.plan.values(candidate.doc, candidate.score),
            );
        }
        Ok(Value::Object(hit))
    }

    fn source_of(&self, doc: Doc) -> Result<Value, SearchError> {
        let stored: TantivyDocument = self.snapshot.searcher.doc(self.snapshot.address(doc))?;
        let text = stored
            .get_first(self.mapping.source)
            .and_then(|value| value.as_str());
        serde_json::from_str(text.unwrap_or("null"))
            .map_err(|error| SearchError::internal("a stored document cannot be read", error))
    }
}

fn marked_fields(
    highlight: &Highlight,
    marks: &mut [Mark],
    source: &Value,
) -> Result<Map<String, Value>, SearchError> {
    let mut fields = Map::new();
    for info in &highlight.fields {
        let Some(text) = value_at(source, info.path).and_then(text_of) else {
            continue;
        };
        let text = match info.kind {
            FieldKind::Keyword => {
                let is_match = passes(highlight, marks, info, &text)?;
                is_match.then(|| format!("{}{text}{}", highlight.pre_tag, highlight.post_tag))
            }
            FieldKind::Text => marked_words(highlight, marks, info, &text)?,
            FieldKind::Date | FieldKind::Long => None,
        };
        if let Some(text) = text {
            fields.insert(info.name.to_owned(), json!([text]));
        }
    }
    Ok(fields)
}

/// Tells whether a value or word passed one of the tests of the query.
fn passes(
    highlight: &Highlight,
    marks: &mut [Mark],
    info: &FieldInfo,
    value: &str,
) -> Result<bool, SearchError> {
    for mark in marks {
        let is_about = mark.field.name == info.name || !highlight.requires_field_match;
        if is_about && mark.matcher.is_match(value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn marked_words(
    highlight: &Highlight,
    marks: &mut [Mark],
    info: &FieldInfo,
    text: &str,
) -> Result<Option<String>, SearchError> {
    let mut out = String::new();
    let mut done = 0;
    for word in tokenizer::words(text) {
        if !passes(highlight, marks, info, &word.text)? {
            continue;
        }
        out.push_str(text.get(done..word.from).unwrap_or_default());
        out.push_str(&highlight.pre_tag);
        out.push_str(text.get(word.from..word.to).unwrap_or_default());
        out.push_str(&highlight.post_tag);
        done = word.to;
    }
    if done == 0 {
        return Ok(None);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(Some(out))
}
