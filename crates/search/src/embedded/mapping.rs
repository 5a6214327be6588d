// SPDX-License-Identifier: MPL-2.0
//! From the fields of a build to those of the index below, and from a document to its values.

use serde_json::Value;
use tantivy::TantivyDocument;
use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing, TextOptions,
};

use super::tokenizer;
use crate::document::Document;
use crate::query::date_math;
use crate::schema::{FIELDS, FieldInfo, FieldKind};

/// Row id; the name cannot clash with a field of a build.
pub(super) const ID_COLUMN: &str = "#id";
const SOURCE: &str = "#source";

/// The index fields.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub schema: Schema,
    /// The row id, for replacing and ordering.
    pub id: Field,
    /// The document as JSON text.
    pub source: Field,
    /// In the order of [`FIELDS`].
    fields: Vec<Field>,
}

impl Mapping {
    pub fn new() -> Self {
        let mut builder = Schema::builder();
        let id = builder.add_i64_field(
            ID_COLUMN,
            NumericOptions::default().set_indexed().set_fast(),
        );
        let source = builder.add_text_field(SOURCE, STORED);
        let fields = FIELDS
            .iter()
            .map(|info| match info.kind {
                FieldKind::Keyword => builder.add_text_field(info.name, keyword_options()),
                FieldKind::Text => builder.add_text_field(info.name, text_options()),
                FieldKind::Date | FieldKind::Long => {
                    builder.add_i64_field(info.name, NumericOptions::default().set_fast())
                }
            })
            .collect();
        Self {
            schema: builder.build(),
            id,
            source,
            fields,
        }
    }

    /// Returns the index field of a field of builds.
    pub fn field(&self, info: &FieldInfo) -> Option<Field> {
        let at = FIELDS.iter().position(|other| other.name == info.name)?;
        self.fields.get(at).copied()
    }

    /// Returns what to index of a document. Values that do not fit their field are left out: the
    /// document is found without them.
    pub fn document(&self, document: &Document) -> TantivyDocument {
        let mut indexed = TantivyDocument::default();
        indexed.add_i64(self.id, document.id);
        indexed.add_text(self.source, document.source.to_string());
        for (info, field) in FIELDS.iter().zip(&self.fields) {
            let Some(value) = value_at(&document.source, info.path) else {
                continue;
            };
            match info.kind {
                FieldKind::Keyword | FieldKind::Text => {
                    if let Some(text) = text_of(value).filter(|text| fits(info, text)) {
                        indexed.add_text(*field, &text);
                    }
                }
                FieldKind::Date => {
                    if let Some(millis) =
                        text_of(value).as_deref().and_then(date_math::document_date)
                    {
                        indexed.add_i64(*field, millis);
                    }
                }
                FieldKind::Long => {
                    if let Some(number) = long_of(value) {
                        indexed.add_i64(*field, number);
                    }
                }
            }
        }
        indexed
    }
}

fn keyword_options() -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    TextOptions::default()
        .set_indexing_options(indexing)
        .set_fast("raw")
}

fn text_options() -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(tokenizer::NAME)
        .set_fieldnorms(true)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    TextOptions::default().set_indexing_options(indexing)
}

/// Returns the value at a dotted path.
pub(super) fn value_at<'a>(source: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(source, |value, key| value.get(key))
}

/// Returns a scalar as text. Lists and objects are no values of a build's fields.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn long_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(_) | Value::String(_) => crate::structure::lenient_integer(value),
        _ => None,
    }
}

fn fits(info: &FieldInfo, text: &str) -> bool {
    if info.name == info.path {
        text.len() <= info.max_len
    } else {
        text.chars().nth(info.max_len).is_none()
    }
}
