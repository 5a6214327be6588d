// SPDX-License-Identifier: MPL-2.0
//! Records and questions about them, without databases and without HTTP.

mod archive_key;
mod json;
mod record;
mod record_schema;
mod search_text;
mod selection;

pub use archive_key::is_record_name;
pub use json::{Json, JsonError, parse as parse_json};
pub use record::{Build, Record, document};
pub use record_schema::RecordSchema;
pub use search_text::{SEARCH_FIELDS, query_string, words_to_query};
pub use selection::{Facet, FacetName, Selection, Sort};
