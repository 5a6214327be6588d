// SPDX-License-Identifier: MPL-2.0
//! Aggregations as a body asks for them.

mod parse;
mod terms;

use serde_json::Value;

use crate::query::{Literal, Query};
use crate::request::SortKey;
use crate::request::SourceFilter;

pub use parse::parse;
pub(crate) use terms::regexp_error;
pub use terms::{Choice, Order, OrderBy, TermFilter, Terms};

/// One named aggregation with those below it.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// Name in the answer.
    pub name: String,
    /// What it computes.
    pub kind: Kind,
    /// Aggregations of each bucket, in the order of their names.
    pub subs: Vec<Aggregation>,
    /// Returned as sent.
    pub meta: Option<Value>,
}

/// What an aggregation computes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A bucket for each value of a field.
    Terms(Box<Terms>),
    /// One bucket for the documents that match.
    Filter(Query),
    /// How many different values a field has.
    Cardinality {
        /// Name of the field.
        field: String,
        /// What documents without a value count as.
        missing: Option<Literal>,
    },
    /// The best documents of the bucket.
    TopHits(TopHits),
}

/// Options of `top_hits`.
#[derive(Clone, Debug)]
pub struct TopHits {
    /// Hits to skip.
    pub from: u64,
    /// Hits to return.
    pub size: u64,
    /// The order; empty means by score.
    pub sort: Vec<SortKey>,
    /// What of each document to show.
    pub source: SourceFilter,
}
