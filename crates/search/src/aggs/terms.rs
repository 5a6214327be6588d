// SPDX-License-Identifier: MPL-2.0
//! The `terms` aggregation: which values get a bucket and in which order.

use std::collections::HashSet;

use serde_json::Value;

use super::Aggregation;
use crate::error::SearchError;
use crate::query::regexp::{Regexp, RegexpError};
use crate::query::{Budget, Literal, Members, kind_name};
use crate::request::Direction;

/// Buckets when the body does not say.
const DEFAULT_SIZE: u64 = 10;

/// Options of a `terms` aggregation.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Name of the field.
    pub field: String,
    /// Most buckets to return.
    pub size: usize,
    /// Least documents that a bucket must have.
    pub min_doc_count: u64,
    /// The order, most important first; ties go by key upwards.
    pub order: Vec<Order>,
    /// What documents without a value count as.
    pub missing: Option<Literal>,
    /// Values that may have a bucket.
    pub filter: TermFilter,
}

/// One key of the order of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub by: OrderBy,
    /// Which end comes first.
    pub direction: Direction,
}

/// What buckets are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderBy {
    /// The number of documents.
    Count,
    /// The value.
    Key,
}

/// Values that `include` and `exclude` leave.
#[derive(Clone, Debug, Default)]
pub struct TermFilter {
    /// Only these, if given.
    pub include: Option<Choice>,
    /// None of these.
    pub exclude: Option<Choice>,
}

/// A choice of values.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Those that match as a whole.
    Pattern(Box<Regexp>),
    /// Those in a list.
    List(HashSet<String>),
}

impl Choice {
    /// Tells whether a value is chosen.
    ///
    /// # Errors
    /// `Engine` when a pattern needs too many states.
    pub fn covers(&mut self, value: &str) -> Result<bool, SearchError> {
        match self {
            Self::Pattern(regexp) => regexp.is_match(value).map_err(|error| regexp_error(&error)),
            Self::List(items) => Ok(items.contains(value)),
        }
    }
}

/// Returns the answer to a regular expression that cannot be used.
pub(crate) fn regexp_error(error: &RegexpError) -> SearchError {
    match error {
        RegexpError::Syntax(_) => {
            SearchError::shard("illegal_argument_exception", error.to_string())
        }
        RegexpError::TooComplex => {
            SearchError::shard("too_complex_to_determinize_exception", error.to_string())
        }
    }
}

/// Parses the options.
pub(super) fn parse(
    name: &str,
    params: &Value,
    subs: &[Aggregation],
    budget: &Budget<'_>,
) -> Result<Terms, SearchError> {
    let mut members = Members::of("terms", params)?;
    let field = super::parse::field(&mut members, name)?;
    let size = members.count("size")?.unwrap_or(DEFAULT_SIZE);
    if size == 0 {
        return Err(SearchError::illegal_argument(format!(
            "[size] must be greater than 0. Found [0] in [{name}]"
        )));
    }
    let terms = Terms {
        field,
        size: usize::try_from(size).unwrap_or(usize::MAX),
        min_doc_count: members.count("min_doc_count")?.unwrap_or(1),
        order: match members.take("order") {
            Some(value) => orders(name, value, subs)?,
            None => vec![Order {
                by: OrderBy::Count,
                direction: Direction::Descending,
            }],
        },
        missing: members.literal("missing")?,
        filter: TermFilter {
            include: members
                .take("include")
                .map(|value| choice("include", value, budget))
                .transpose()?,
            exclude: members
                .take("exclude")
                .map(|value| choice("exclude", value, budget))
                .transpose()?,
        },
    };
    // Counts are exact whatever these say: there is one shard.
    members.ignore(&[
        "shard_size",
        "shard_min_doc_count",
        "show_term_doc_count_error",
        "collect_mode",
        "execution_hint",
    ]);
    members.finish()?;
    Ok(terms)
}

fn choice(key: &str, value: &Value, budget: &Budget<'_>) -> Result<Choice, SearchError> {
    match value {
        Value::String(pattern) => {
            budget.check_pattern(key, pattern)?;
            let regexp = Regexp::new(pattern).map_err(|error| regexp_error(&error))?;
            Ok(Choice::Pattern(Box::new(regexp)))
        }
        Value::Array(items) if items.len() <= budget.limits.max_terms => {
            let items = items
                .iter()
                .map(|item| Literal::from_value(item).map(|literal| literal.to_text()))
                .collect::<Option<HashSet<_>>>();
            items.map(Choice::List).ok_or_else(|| {
                SearchError::parsing(format!("[terms] takes scalars in the list [{key}]"))
            })
        }
        other => Err(SearchError::parsing(format!(
            "[terms] takes a regular expression or a list in [{key}], not {}",
            kind_name(other)
        ))),
    }
}

fn orders(name: &str, value: &Value, subs: &[Aggregation]) -> Result<Vec<Order>, SearchError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut orders = Vec::new();
    for item in items {
        let (key, direction) = Members::of("order", item)?.single()?;
        let by = match key {
            "_count" => OrderBy::Count,
            "_key" | "_term" => OrderBy::Key,
            other
                if subs
                    .iter()
                    .any(|sub| sub.name == other.split(['.', '>']).next().unwrap_or(other)) =>
            {
                return Err(SearchError::illegal_argument(format!(
                    "[terms] aggregation [{name}] cannot be ordered by the sub-aggregation [{other}]"
                )));
            }
            other => {
                return Err(SearchError::shard(
                    "aggregation_execution_exception",
                    format!(
                        "Invalid aggregator order path [{other}]. Unknown aggregation [{other}]"
                    ),
                ));
            }
        };
        let direction = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            _ => {
                return Err(SearchError::parsing(format!(
                    "[terms] takes [asc] or [desc] in [order], not {direction}"
                )));
            }
        };
        orders.push(Order { by, direction });
    }
    Ok(orders)
}
