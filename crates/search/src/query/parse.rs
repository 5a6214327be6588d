// SPDX-License-Identifier: MPL-2.0
//! From JSON to the query tree. Every member is read by name; the rest is refused by name.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    Bound, Clause, Literal, Members, Query, Range, kind_name, object, parse_bool, parse_text,
};
use crate::error::SearchError;
use crate::limits::Limits;

/// What parsing one body may still use up, and the moment that `now` means throughout.
#[derive(Debug)]
pub struct Budget<'a> {
    /// The bounds.
    pub limits: &'a Limits,
    /// The moment that `now` means.
    pub now: DateTime<Utc>,
    clauses_left: usize,
    aggregations_left: usize,
    depth_left: usize,
}

impl<'a> Budget<'a> {
    /// Starts with everything that the limits allow.
    pub fn new(limits: &'a Limits, now: DateTime<Utc>) -> Self {
        Self {
            limits,
            now,
            clauses_left: limits.max_clauses,
            aggregations_left: limits.max_aggregations,
            depth_left: limits.max_depth,
        }
    }

    /// Uses up `count` clauses.
    ///
    /// # Errors
    /// `Engine` when the body has too many.
    pub fn spend(&mut self, count: usize) -> Result<(), SearchError> {
        self.clauses_left = self.clauses_left.checked_sub(count).ok_or_else(|| {
            SearchError::shard(
                "too_many_clauses",
                format!("a body may have {} query clauses", self.limits.max_clauses),
            )
        })?;
        Ok(())
    }

    /// Uses up one aggregation.
    ///
    /// # Errors
    /// `Engine` when the body has too many.
    pub fn spend_aggregation(&mut self) -> Result<(), SearchError> {
        self.aggregations_left = self.aggregations_left.checked_sub(1).ok_or_else(|| {
            let max = self.limits.max_aggregations;
            SearchError::illegal_argument(format!("a body may have {max} aggregations"))
        })?;
        Ok(())
    }

    /// Runs a parser one level deeper.
    ///
    /// # Errors
    /// `Engine` when the body nests too deep, else the parser's own.
    pub fn deeper<T>(
        &mut self,
        parser: impl FnOnce(&mut Self) -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        let Some(left) = self.depth_left.checked_sub(1) else {
            return Err(SearchError::parsing(format!(
                "clauses may nest {} deep",
                self.limits.max_depth
            )));
        };
        self.depth_left = left;
        let result = parser(self);
        self.depth_left = left.saturating_add(1);
        result
    }

    /// Refuses a pattern or query text beyond the limit.
    ///
    /// # Errors
    /// `Engine` naming the clause.
    pub fn check_pattern(&self, clause: &str, text: &str) -> Result<(), SearchError> {
        let max = self.limits.max_pattern_chars;
        if text.chars().nth(max).is_some() {
            return Err(SearchError::illegal_argument(format!(
                "[{clause}] takes a text of at most {max} characters"
            )));
        }
        Ok(())
    }
}

/// Parses a query: an object with one clause in it.
///
/// # Errors
/// `Engine` with the object form, naming the clause and the member.
pub fn parse(value: &Value, budget: &mut Budget<'_>) -> Result<Query, SearchError> {
    budget.spend(1)?;
    let members = object("query", value)?;
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, params)), None) => budget.deeper(|budget| clause(name, params, budget)),
        (None, _) => Err(SearchError::illegal_argument(
            "query malformed, empty clause found",
        )),
        (Some((name, _)), Some((second, _))) => Err(SearchError::parsing(format!(
            "[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME] [{second}]"
        ))),
    }
}

fn clause(name: &str, params: &Value, budget: &mut Budget<'_>) -> Result<Query, SearchError> {
    match name {
        "match_all" => fieldless(name, params, Clause::All),
        "match_none" => fieldless(name, params, Clause::None),
        "term" => term(name, params),
        "terms" => terms(name, params, budget),
        "range" => range(name, params),
        "bool" => parse_bool::boolean(name, params, budget),
        "constant_score" => parse_bool::constant(name, params, budget),
        "dis_max" => parse_bool::best(name, params, budget),
        "exists" => exists(name, params),
        "ids" => ids(name, params, budget),
        "prefix" | "wildcard" | "regexp" => pattern(name, params, budget),
        "match" => parse_text::matching(name, params),
        "match_phrase" => parse_text::phrase(name, params),
        "query_string" => parse_text::query_string(name, params, budget),
        other => Err(SearchError::parsing(format!(
            "no [query] registered for [{other}]"
        ))),
    }
}

fn fieldless(name: &str, params: &Value, clause: Clause) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name"]);
    members.finish()?;
    Ok(Query { clause, boost })
}

fn term(name: &str, params: &Value) -> Result<Query, SearchError> {
    let mut outer = Members::of(name, params)?;
    outer.ignore(&["_name"]);
    let (field, value) = outer.single()?;
    let field = field.to_owned();
    if !value.is_object() {
        let value = Literal::from_value(value).ok_or_else(|| no_scalar(name, &field, value))?;
        return Ok(Query::new(Clause::Term { field, value }));
    }
    let mut members = Members::of(name, value)?;
    let boost = members.boost()?;
    members.ignore(&["_name"]);
    let value = match members.literal("value")? {
        Some(value) => value,
        None => members
            .literal("term")?
            .ok_or_else(|| members.missing("value"))?,
    };
    members.finish()?;
    Ok(Query {
        clause: Clause::Term { field, value },
        boost,
    })
}

/// Returns the error for a list, null or object where a scalar belongs.
pub(super) fn no_scalar(clause: &str, field: &str, value: &Value) -> SearchError {
    SearchError::parsing(format!(
        "[{clause}] query needs a scalar for [{field}], not {}",
        kind_name(value)
    ))
}

fn terms(name: &str, params: &Value, budget: &Budget<'_>) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name"]);
    let (field, list) = members.single()?;
    let Value::Array(items) = list else {
        return Err(SearchError::parsing(format!(
            "[{name}] query does not support [{field}]"
        )));
    };
    check_values(name, items.len(), budget)?;
    let values = items
        .iter()
        .map(|item| Literal::from_value(item).ok_or_else(|| no_scalar(name, field, item)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Query {
        clause: Clause::Terms {
            field: field.to_owned(),
            values,
        },
        boost,
    })
}

fn check_values(clause: &str, count: usize, budget: &Budget<'_>) -> Result<(), SearchError> {
    let max = budget.limits.max_terms;
    if count > max {
        return Err(SearchError::illegal_argument(format!(
            "[{clause}] takes at most {max} values, not {count}"
        )));
    }
    Ok(())
}

fn range(name: &str, params: &Value) -> Result<Query, SearchError> {
    let mut outer = Members::of(name, params)?;
    outer.ignore(&["_name"]);
    let outer_boost = outer.boost()?;
    let (field, value) = outer.single()?;
    let mut members = Members::of(name, value)?;
    let boost = members.boost()? * outer_boost;
    members.ignore(&["_name", "relation"]);
    let mut range = Range {
        zone_minutes: parse_text::zone(&mut members)?,
        ..Range::default()
    };
    let format = members.text("format")?;
    if let Some(format) = format.filter(|format| !super::date_math::knows_format(format)) {
        return Err(SearchError::illegal_argument(format!(
            "[range] does not know the date format [{format}]"
        )));
    }
    let lower_inclusive = members.flag("include_lower")?.unwrap_or(true);
    let upper_inclusive = members.flag("include_upper")?.unwrap_or(true);
    for (key, is_inclusive) in [("from", lower_inclusive), ("gte", true), ("gt", false)] {
        if let Some(value) = members.literal(key)? {
            range.lower = Some(Bound {
                value,
                is_inclusive,
            });
        }
    }
    for (key, is_inclusive) in [("to", upper_inclusive), ("lte", true), ("lt", false)] {
        if let Some(value) = members.literal(key)? {
            range.upper = Some(Bound {
                value,
                is_inclusive,
            });
        }
    }
    members.finish()?;
    Ok(Query {
        clause: Clause::Range {
            field: field.to_owned(),
            range,
        },
        boost,
    })
}

fn exists(name: &str, params: &Value) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name"]);
    let field = members.text("field")?.filter(|field| !field.is_empty());
    let Some(field) = field else {
        return Err(SearchError::illegal_argument("field name is null or empty"));
    };
    members.finish()?;
    Ok(Query {
        clause: Clause::Exists { field },
        boost,
    })
}

fn ids(name: &str, params: &Value, budget: &Budget<'_>) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name", "type"]);
    let values = match members.take("values") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => return Err(members.missing("values")),
    };
    members.finish()?;
    check_values(name, values.len(), budget)?;
    let ids = values
        .iter()
        .map(|item| match Literal::from_value(item) {
            Some(Literal::Flag(_)) | None => Err(no_scalar(name, "values", item)),
            Some(literal) => Ok(literal.to_text()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Query {
        clause: Clause::Ids(ids),
        boost,
    })
}

fn pattern(name: &str, params: &Value, budget: &Budget<'_>) -> Result<Query, SearchError> {
    let mut outer = Members::of(name, params)?;
    outer.ignore(&["_name"]);
    let (field, value) = outer.single()?;
    let field = field.to_owned();
    let (text, boost) = match Literal::from_value(value) {
        Some(literal) => (literal.to_text(), 1.0),
        None if value.is_object() => {
            let mut members = Members::of(name, value)?;
            let boost = members.boost()?;
            members.ignore(&[
                "_name",
                "rewrite",
                "flags",
                "flags_value",
                "max_determinized_states",
            ]);
            let text = match members.text("value")? {
                Some(text) => text,
                None => members
                    .text(name)?
                    .ok_or_else(|| members.missing("value"))?,
            };
            members.finish()?;
            (text, boost)
        }
        None => return Err(no_scalar(name, &field, value)),
    };
    budget.check_pattern(name, &text)?;
    let clause = match name {
        "prefix" => Clause::Prefix { field, value: text },
        "wildcard" => Clause::Wildcard {
            field,
            pattern: text,
        },
        _ => Clause::Regexp {
            field,
            pattern: text,
        },
    };
    Ok(Query { clause, boost })
}
