// SPDX-License-Identifier: MPL-2.0
//! A whole search body: query, page, order and what to show.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::aggs::{self, Aggregation};
use crate::error::SearchError;
use crate::limits::Limits;
use crate::query::{self, Budget, Query, token_name};
use crate::structure;

mod highlight;
mod sort;
mod source_filter;
mod suggest;

pub use highlight::Highlight;
pub(crate) use sort::parse as parse_sort;
pub use sort::{Direction, Missing, SortBy, SortKey};
pub use source_filter::SourceFilter;
pub use suggest::empty_suggestions;

/// Hits of a page when the body does not say.
const DEFAULT_SIZE: u64 = 10;

/// A parsed body.
#[derive(Clone, Debug)]
pub struct Request {
    /// What must match, for hits and aggregations.
    pub query: Query,
    /// What hits must match on top; aggregations do not see it.
    pub post_filter: Option<Query>,
    /// Hits to skip.
    pub from: u64,
    /// Hits to return.
    pub size: u64,
    /// The order; empty means by score.
    pub sort: Vec<SortKey>,
    /// What of each document to show.
    pub source: SourceFilter,
    /// Aggregations in the order of their names.
    pub aggregations: Vec<Aggregation>,
    /// What to mark in hits.
    pub highlight: Option<Highlight>,
    /// Answers to `suggest`, which are always empty.
    pub suggest: Option<Map<String, Value>>,
    /// Whether scores are wanted although the hits are sorted.
    pub tracks_scores: bool,
}

impl Request {
    /// Checks and parses a body; `now` is what date expressions mean by it.
    ///
    /// # Errors
    /// `Structure`, `Engine` or `Refused`, naming what is wrong.
    pub fn parse(body: &Value, limits: &Limits, now: DateTime<Utc>) -> Result<Self, SearchError> {
        Self::parse_prepared(&structure::prepare(body, limits)?, limits, now)
    }

    /// Parses a body that [`structure::prepare`] has passed.
    ///
    /// # Errors
    /// `Engine` or `Refused`, naming what is wrong.
    pub fn parse_prepared(
        body: &Map<String, Value>,
        limits: &Limits,
        now: DateTime<Utc>,
    ) -> Result<Self, SearchError> {
        let mut budget = Budget::new(limits, now);
        let present = |key: &str| body.get(key).filter(|value| !value.is_null());
        for (key, value) in body {
            check_key(key, value)?;
        }
        let mut queries = |key: &str| present(key).map(|value| query::parse(value, &mut budget));
        let query = queries("query").transpose()?.unwrap_or_else(Query::all);
        let post_filter = queries("post_filter").transpose()?;
        let aggregations = match present("aggs").or_else(|| present("aggregations")) {
            Some(value) => aggs::parse(value, &mut budget)?,
            None => Vec::new(),
        };
        let (from, size) = page(present("from"), present("size"), limits)?;
        Ok(Self {
            query,
            post_filter,
            from,
            size,
            sort: present("sort")
                .map(sort::parse)
                .transpose()?
                .unwrap_or_default(),
            source: present("_source")
                .map(SourceFilter::parse)
                .transpose()?
                .unwrap_or_default(),
            aggregations,
            highlight: present("highlight").map(Highlight::parse).transpose()?,
            suggest: present("suggest").map(empty_suggestions).transpose()?,
            tracks_scores: present("track_scores") == Some(&Value::Bool(true)),
        })
    }
}

/// Refuses keys without a meaning here; those of old servers get the reason they gave.
fn check_key(key: &str, value: &Value) -> Result<(), SearchError> {
    match key {
        "query" | "post_filter" | "aggs" | "aggregations" | "from" | "size" | "sort"
        | "_source" | "highlight" | "suggest" | "track_total_hits" | "track_scores" | "timeout" => {
            Ok(())
        }
        "explain" | "version" if matches!(value, Value::Bool(false) | Value::Null) => Ok(()),
        "stored_fields" if value == "_none_" => Ok(()),
        "version" if *value == Value::Bool(true) => Ok(()),
        "min_score" | "search_after" | "collapse" | "rescore" | "script_fields"
        | "docvalue_fields" | "indices_boost" | "explain" | "stored_fields" | "version" => Err(
            SearchError::parsing(format!("search does not support [{key}]")),
        ),
        other => Err(SearchError::parsing(format!(
            "Unknown key for a {} in [{other}].",
            token_name(value)
        ))),
    }
}

fn page(
    from: Option<&Value>,
    size: Option<&Value>,
    limits: &Limits,
) -> Result<(u64, u64), SearchError> {
    let number = |key: &str, value: Option<&Value>, default: u64| match value {
        None => Ok(default),
        Some(value) => {
            let number = structure::lenient_integer(value).ok_or_else(|| {
                SearchError::parsing(format!("[{key}] must be an integer, not {value}"))
            })?;
            u64::try_from(number).map_err(|_| {
                SearchError::illegal_argument(format!(
                    "[{key}] parameter cannot be negative, found [{number}]"
                ))
            })
        }
    };
    let (from, size) = (
        number("from", from, 0)?,
        number("size", size, DEFAULT_SIZE)?,
    );
    let window = from.saturating_add(size);
    if window > limits.max_window {
        return Err(SearchError::Refused(format!(
            "Result window is too large, from + size must be less than or equal to: [{}] but was \
             [{window}]. See the scroll api of the engine for larger sets; this service has none.",
            limits.max_window
        )));
    }
    Ok((from, size))
}

#[cfg(test)]
mod tests;
