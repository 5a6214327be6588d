// SPDX-License-Identifier: MPL-2.0
//! The search engine behind buildhub: a part of the Elasticsearch query language over an index
//! inside the process. It knows neither HTTP nor the table that the documents come from.
//!
//! A body takes this way: [`structure::prepare`] (the checks of the web layer of old, with answers
//! as plain text), [`request::Request::parse`] (own typed tree; everything unknown is refused by
//! name), then an index evaluates the tree and writes the answer. Client JSON never reaches a
//! deserialiser of the engine below.

pub mod aggs;
pub mod document;
pub mod embedded;
pub mod error;
pub mod exact;
pub mod index;
pub mod limits;
pub mod query;
pub mod request;
pub mod response;
pub mod schema;
#[cfg(test)]
mod seeded;
pub mod structure;

pub use document::Document;
pub use embedded::{Embedded, EmbeddedSettings};
pub use error::SearchError;
pub use index::{Health, SearchIndex};
pub use limits::Limits;
