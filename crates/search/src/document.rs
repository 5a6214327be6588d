// SPDX-License-Identifier: MPL-2.0
//! A document as the table hands it over.

use serde_json::Value;

/// One build. `source` comes back as `_source` exactly as given, dates included.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Id of the row; `_id` of the hit is its decimal text.
    pub id: i64,
    /// The object that hits show: `id`, `build`, `source`, `target`, `download`. Its integers are those
    /// of [`exact`](crate::exact).
    pub source: Value,
}

impl Document {
    /// Creates a document.
    pub fn new(id: i64, source: Value) -> Self {
        Self { id, source }
    }
}
