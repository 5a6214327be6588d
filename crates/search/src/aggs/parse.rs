// SPDX-License-Identifier: MPL-2.0
//! From JSON to aggregations.

use serde_json::Value;

use super::{Aggregation, Kind, TopHits, terms};
use crate::error::SearchError;
use crate::query::{self, Budget, Members, kind_name, object};
use crate::request::{SourceFilter, parse_sort};

/// Hits of `top_hits` when the body does not say, and at most.
const TOP_HITS_SIZE: u64 = 3;
const MAX_TOP_HITS: u64 = 100;

/// Parses named aggregations.
///
/// # Errors
/// `Engine` naming the aggregation, its type or the member.
pub fn parse(value: &Value, budget: &mut Budget<'_>) -> Result<Vec<Aggregation>, SearchError> {
    let mut all = Vec::new();
    for (name, body) in object("aggregations", value)? {
        budget.spend_aggregation()?;
        all.push(budget.deeper(|budget| aggregation(name, body, budget))?);
    }
    Ok(all)
}

fn aggregation(
    name: &str,
    body: &Value,
    budget: &mut Budget<'_>,
) -> Result<Aggregation, SearchError> {
    if name.is_empty() || name.contains(['[', ']', '>']) {
        return Err(SearchError::parsing(format!(
            "Invalid aggregation name [{name}]"
        )));
    }
    let mut subs = Vec::new();
    let mut meta = None;
    let mut kind: Option<(&str, &Value)> = None;
    for (key, value) in object(name, body)? {
        match key.as_str() {
            "aggs" | "aggregations" => subs = parse(value, budget)?,
            "meta" => meta = Some(value.clone()),
            other => {
                if let Some((first, _)) = kind.replace((other, value)) {
                    return Err(SearchError::parsing(format!(
                        "Found two aggregation type definitions in [{name}]: [{first}] and [{other}]"
                    )));
                }
            }
        }
    }
    let Some((kind, params)) = kind else {
        return Err(SearchError::parsing(format!(
            "Missing definition for aggregation [{name}]"
        )));
    };
    let kind = match kind {
        "terms" => Kind::Terms(Box::new(terms::parse(name, params, &subs, budget)?)),
        "filter" => Kind::Filter(query::parse(params, budget)?),
        "cardinality" => cardinality(name, params)?,
        "top_hits" => Kind::TopHits(top_hits(params)?),
        other => {
            return Err(SearchError::parsing(format!(
                "Unknown aggregation type [{other}] in [{name}]"
            )));
        }
    };
    if !subs.is_empty() && matches!(kind, Kind::Cardinality { .. } | Kind::TopHits(_)) {
        return Err(SearchError::parsing(format!(
            "Aggregator [{name}] cannot accept sub-aggregations"
        )));
    }
    Ok(Aggregation {
        name: name.to_owned(),
        kind,
        subs,
        meta,
    })
}

/// Takes the name of the field to aggregate on.
pub(super) fn field(members: &mut Members<'_>, name: &str) -> Result<String, SearchError> {
    match members.take("field") {
        Some(Value::String(field)) if !field.is_empty() => Ok(field.clone()),
        Some(other) => Err(members.wrong("field", "a name", other)),
        None => Err(SearchError::illegal_argument(format!(
            "Required one of fields [field], but none were specified in [{name}]"
        ))),
    }
}

fn cardinality(name: &str, params: &Value) -> Result<Kind, SearchError> {
    let mut members = Members::of("cardinality", params)?;
    let field = field(&mut members, name)?;
    let missing = members.literal("missing")?;
    // Counts are exact at any threshold.
    members.ignore(&["precision_threshold", "rehash"]);
    members.finish()?;
    Ok(Kind::Cardinality { field, missing })
}

fn top_hits(params: &Value) -> Result<TopHits, SearchError> {
    let mut members = Members::of("top_hits", params)?;
    let from = members.count("from")?.unwrap_or(0);
    let size = members.count("size")?.unwrap_or(TOP_HITS_SIZE);
    if from.saturating_add(size) > MAX_TOP_HITS {
        return Err(SearchError::illegal_argument(format!(
            "[top_hits] returns at most {MAX_TOP_HITS} hits: from + size is [{}]",
            from.saturating_add(size)
        )));
    }
    let sort = members
        .take("sort")
        .map(parse_sort)
        .transpose()?
        .unwrap_or_default();
    let source = members
        .take("_source")
        .map(SourceFilter::parse)
        .transpose()?
        .unwrap_or_default();
    if let Some(version) = members.take("version").filter(|value| !value.is_boolean()) {
        return Err(SearchError::parsing(format!(
            "[top_hits] takes true or false in [version], not {}",
            kind_name(version)
        )));
    }
    members.ignore(&["track_scores"]);
    members.finish()?;
    Ok(TopHits {
        from,
        size,
        sort,
        source,
    })
}
