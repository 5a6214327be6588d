// SPDX-License-Identifier: MPL-2.0
//! The clauses that hold other clauses.

use serde_json::Value;

use super::{Bool, Budget, Clause, Members, Minimum, Query, parse};
use crate::error::SearchError;

/// Parses `bool`.
pub(super) fn boolean(
    name: &str,
    params: &Value,
    budget: &mut Budget<'_>,
) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name", "adjust_pure_negative", "disable_coord"]);
    let minimum = members
        .take("minimum_should_match")
        .map(Minimum::parse)
        .transpose()?;
    let mut clauses = |key: &str| list(&mut members, key, budget);
    let bool = Bool {
        must: clauses("must")?,
        filter: clauses("filter")?,
        should: clauses("should")?,
        must_not: clauses("must_not")?,
        minimum,
    };
    members.finish()?;
    Ok(Query {
        clause: Clause::Bool(bool),
        boost,
    })
}

/// Takes a member that is one clause or a list of them.
fn list(
    members: &mut Members<'_>,
    key: &str,
    budget: &mut Budget<'_>,
) -> Result<Vec<Query>, SearchError> {
    match members.take(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| parse(item, budget)).collect(),
        Some(one @ Value::Object(_)) => Ok(vec![parse(one, budget)?]),
        Some(other) => Err(members.wrong(key, "a clause or a list of clauses", other)),
    }
}

/// Parses `constant_score`.
pub(super) fn constant(
    name: &str,
    params: &Value,
    budget: &mut Budget<'_>,
) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name"]);
    let filter = members
        .take("filter")
        .ok_or_else(|| members.missing("filter"))?;
    members.finish()?;
    let inner = parse(filter, budget)?;
    Ok(Query {
        clause: Clause::Constant(Box::new(inner)),
        boost,
    })
}

/// Parses `dis_max`.
pub(super) fn best(
    name: &str,
    params: &Value,
    budget: &mut Budget<'_>,
) -> Result<Query, SearchError> {
    let mut members = Members::of(name, params)?;
    let boost = members.boost()?;
    members.ignore(&["_name", "tie_breaker"]);
    let queries = list(&mut members, "queries", budget)?;
    if queries.is_empty() {
        return Err(members.missing("queries"));
    }
    members.finish()?;
    Ok(Query {
        clause: Clause::Best(queries),
        boost,
    })
}
