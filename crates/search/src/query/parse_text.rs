// SPDX-License-Identifier: MPL-2.0
//! The clauses that take a text of several words.

use serde_json::Value;

use super::parse::no_scalar;
use super::query_string::{self, QueryString};
use super::{Budget, Clause, Literal, Members, Minimum, Operator, Query, date_math};
use crate::error::SearchError;
use crate::schema::FIELDS;

/// Options of `query_string` that do not change which builds match, and those that newer engines
/// dropped but the user interface of old still sends.
const WITHOUT_EFFECT: &[&str] = &[
    "_name",
    "all_fields",
    "analyze_wildcard",
    "auto_generate_phrase_queries",
    "auto_generate_synonyms_phrase_query",
    "enable_position_increments",
    "fuzzy_max_expansions",
    "locale",
    "lowercase_expanded_terms",
    "max_determinized_states",
    "rewrite",
    "split_on_whitespace",
    "tie_breaker",
    "use_dis_max",
];

/// Parses `match`.
pub(super) fn matching(name: &str, params: &Value) -> Result<Query, SearchError> {
    let (field, value) = Members::of(name, params)?.single()?;
    let field = field.to_owned();
    if let Some(text) = Literal::from_value(value) {
        let operator = Operator::Or;
        return Ok(Query::new(Clause::Match {
            field,
            text,
            operator,
            minimum: None,
        }));
    }
    if !value.is_object() {
        return Err(no_scalar(name, &field, value));
    }
    let mut members = Members::of(name, value)?;
    let boost = members.boost()?;
    // None of these changes which documents match a field without synonyms or stop words.
    members.ignore(&[
        "_name",
        "lenient",
        "cutoff_frequency",
        "auto_generate_synonyms_phrase_query",
    ]);
    let text = members
        .literal("query")?
        .ok_or_else(|| members.missing("query"))?;
    let operator = operator(&mut members, "operator")?;
    let minimum = members
        .take("minimum_should_match")
        .map(Minimum::parse)
        .transpose()?;
    members.finish()?;
    Ok(Query {
        clause: Clause::Match {
            field,
            text,
            operator,
            minimum,
        },
        boost,
    })
}

/// Parses `match_phrase`.
pub(super) fn phrase(name: &str, params: &Value) -> Result<Query, SearchError> {
    let (field, value) = Members::of(name, params)?.single()?;
    let field = field.to_owned();
    if let Some(text) = Literal::from_value(value) {
        return Ok(Query::new(Clause::Phrase {
            field,
            text,
            slop: 0,
        }));
    }
    if !value.is_object() {
        return Err(no_scalar(name, &field, value));
    }
    let mut members = Members::of(name, value)?;
    let boost = members.boost()?;
    members.ignore(&["_name"]);
    let text = members
        .literal("query")?
        .ok_or_else(|| members.missing("query"))?;
    let slop = slop(&mut members, "slop")?;
    members.finish()?;
    Ok(Query {
        clause: Clause::Phrase { field, text, slop },
        boost,
    })
}

fn slop(members: &mut Members<'_>, key: &str) -> Result<u32, SearchError> {
    let slop = members.count(key)?.unwrap_or(0);
    Ok(u32::try_from(slop.min(1_000)).unwrap_or(0))
}

fn operator(members: &mut Members<'_>, key: &str) -> Result<Operator, SearchError> {
    let Some(text) = members.text(key)? else {
        return Ok(Operator::Or);
    };
    match text.to_ascii_lowercase().as_str() {
        "or" => Ok(Operator::Or),
        "and" => Ok(Operator::And),
        _ => Err(SearchError::illegal_argument(format!(
            "[{}] takes [and] or [or] for [{key}], not [{text}]",
            members.clause()
        ))),
    }
}

/// Parses `query_string`, the text included.
pub(super) fn query_string(
    name: &str,
    params: &Value,
    budget: &mut Budget<'_>,
) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(WITHOUT_EFFECT);
    let mut text = members
        .text("query")?
        .ok_or_else(|| members.missing("query"))?;
    if members.flag("escape")? == Some(true) {
        text = query_string::escape(&text);
    }
    budget.check_pattern(name, &text)?;
    let default_field = members.text("default_field")?;
    let fields = match members.take("fields") {
        Some(Value::Array(items)) => fields(name, items)?,
        Some(other) => return Err(members.wrong("fields", "a list of names", other)),
        None => default_field
            .into_iter()
            .map(|field| (field, 1.0))
            .collect(),
    };
    let analyzer = members.text("analyzer")?;
    if let Some(analyzer) = analyzer.as_deref().filter(|name| !is_known_analyzer(name)) {
        return Err(SearchError::parsing(format!(
            "[{name}] analyzer [{analyzer}] not found"
        )));
    }
    only(&mut members, "type", &["best_fields", "most_fields"])?;
    only(&mut members, "allow_leading_wildcard", &["true"])?;
    only(&mut members, "fuzziness", &["AUTO"])?;
    let options = query_string::Options {
        default_operator: operator(&mut members, "default_operator")?,
        phrase_slop: slop(&mut members, "phrase_slop")?,
        is_lenient: members.flag("lenient")?,
        splits_keywords: analyzer.as_deref() == Some("standard"),
        minimum: members
            .take("minimum_should_match")
            .map(Minimum::parse)
            .transpose()?,
        zone_minutes: zone(&mut members)?,
        fields,
    };
    members.finish()?;
    // Each part of the text becomes a clause for each field.
    let fields = if options.fields.is_empty() {
        FIELDS.len()
    } else {
        options.fields.len()
    };
    let root = query_string::parse(&text, options.default_operator, fields, budget)?;
    let text = QueryString { root, options };
    Ok(Query {
        clause: Clause::QueryString(Box::new(text)),
        boost,
    })
}

/// Takes an option of which only some values are understood.
fn only(members: &mut Members<'_>, key: &str, known: &[&str]) -> Result<(), SearchError> {
    match members.text(key)? {
        Some(value) if !known.contains(&value.as_str()) => Err(SearchError::parsing(format!(
            "[{}] query does not support [{key}] = [{value}]",
            members.clause()
        ))),
        _ => Ok(()),
    }
}

/// Takes `time_zone`.
pub(super) fn zone(members: &mut Members<'_>) -> Result<i32, SearchError> {
    let Some(zone) = members.text("time_zone")? else {
        return Ok(0);
    };
    date_math::zone_minutes(&zone).ok_or_else(|| {
        let clause = members.clause();
        SearchError::illegal_argument(format!("[{clause}] has no time zone [{zone}]"))
    })
}

fn is_known_analyzer(name: &str) -> bool {
    matches!(name, "standard" | "keyword")
}

/// Reads names with an optional weight, `target.version^10`.
fn fields(clause: &str, items: &[Value]) -> Result<Vec<(String, f32)>, SearchError> {
    items
        .iter()
        .map(|item| {
            let text = item
                .as_str()
                .ok_or_else(|| no_scalar(clause, "fields", item))?;
            let Some((field, boost)) = text.rsplit_once('^') else {
                return Ok((text.to_owned(), 1.0));
            };
            match boost.parse::<f32>() {
                Ok(boost) if boost.is_finite() && boost >= 0.0 => Ok((field.to_owned(), boost)),
                _ => Err(SearchError::illegal_argument(format!(
                    "[{clause}] has no number for the weight of [{text}]"
                ))),
            }
        })
        .collect()
}
