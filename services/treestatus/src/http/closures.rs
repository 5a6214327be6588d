// SPDX-License-Identifier: MPL-2.0
//! For how long a tree was closed, as JSON and as a table for spreadsheets.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::Result;
use releng_common::http::query::Query;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{json, json_bytes};
use super::dto::{Wrapped, timestamp};
use super::tree_in_path;
use crate::domain::{ClosureQuery, Per, Period, parse_time};
use crate::{State, ops};

/// How long a tree was closed in one day or week.
#[derive(Serialize, ToSchema)]
pub(super) struct Closures {
    /// Beginning of the period.
    since: String,
    /// Its end.
    until: String,
    /// Seconds of it about which the log says something.
    known_seconds: i64,
    /// Seconds for which the tree was closed.
    closed_seconds: i64,
    /// The same as a share of the known time, from 0 to 1.
    closed_share: f64,
    /// Closed seconds by reason category; the empty name is for closures without.
    categories: BTreeMap<String, i64>,
}

impl From<&Period> for Closures {
    fn from(period: &Period) -> Self {
        let categories = period.closed.iter();
        Self {
            since: timestamp(period.since),
            until: timestamp(period.until),
            known_seconds: period.known.num_seconds(),
            closed_seconds: period.closed_for().num_seconds(),
            closed_share: share(period),
            categories: categories
                .map(|(name, time)| (name.clone(), time.num_seconds()))
                .collect(),
        }
    }
}

/// Returns the closed share of the known time with three places.
fn share(period: &Period) -> f64 {
    let permille = i32::try_from(period.permille(period.closed_for())).unwrap_or(i32::MAX);
    f64::from(permille) / 1000.0
}

#[utoipa::path(get, path = "/trees/{tree}/closures",
    params(
        ("tree" = String, Path, description = "Name"),
        ("per" = Option<String>, Query, description = "day (unless given) or week"),
        ("since" = Option<String>, Query, description = "From this time or day; 14 days or 12 weeks back unless given"),
        ("until" = Option<String>, Query, description = "To this time or day; now unless given")),
    responses((status = 200, description = "For how long it was closed in each day or week, by reason category", body = [Closures]),
        (status = 400, description = "A parameter makes no sense"), (status = 404, description = "No such tree")))]
pub(super) async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let periods = periods(&request, &state).await?;
    let result: Vec<Closures> = periods.iter().map(Closures::from).collect();
    Ok(json(json_bytes(&Wrapped { result })?))
}

#[utoipa::path(get, path = "/trees/{tree}/closures.csv",
    params(
        ("tree" = String, Path, description = "Name"),
        ("per" = Option<String>, Query, description = "day (unless given) or week"),
        ("since" = Option<String>, Query, description = "From this time or day; 14 days or 12 weeks back unless given"),
        ("until" = Option<String>, Query, description = "To this time or day; now unless given")),
    responses((status = 200, description = "The same as a table with a column per category", content_type = "text/csv"),
        (status = 400, description = "A parameter makes no sense"), (status = 404, description = "No such tree")))]
pub(super) async fn table(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let periods = periods(&request, &state).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .insert_header((
            "content-disposition",
            "attachment; filename=\"closures.csv\"",
        ))
        .content_type("text/csv; charset=utf-8")
        .body(csv(&periods)))
}

async fn periods(request: &HttpRequest, state: &State) -> Result<Vec<Period>> {
    let tree = tree_in_path(request)?;
    let query = query(&Query::of(request), state)?;
    ops::closure_list(state, tree, query).await
}

/// Reads which time is asked about.
pub(super) fn query(query: &Query, state: &State) -> Result<ClosureQuery> {
    let time = |name: &str| {
        let text = query.get(name);
        text.map(|text| parse_time(name, text)).transpose()
    };
    let per = query.get("per").map_or(Ok(Per::Day), Per::parse)?;
    let now = state.clock.now().naive_utc();
    ClosureQuery::new(time("since")?, time("until")?, per, now)
}

fn csv(periods: &[Period]) -> String {
    let names: BTreeSet<&String> = periods.iter().flat_map(|p| p.closed.keys()).collect();
    let mut text = String::from("since,until,known_seconds,closed_seconds,closed_share");
    for name in &names {
        text.push(',');
        text.push_str(&cell(if name.is_empty() { "no_category" } else { name }));
    }
    text.push_str("\r\n");
    for period in periods {
        let line = Closures::from(period);
        text.push_str(&format!(
            "{},{},{},{},{:.3}",
            line.since, line.until, line.known_seconds, line.closed_seconds, line.closed_share
        ));
        for name in &names {
            let seconds = line.categories.get(*name).copied().unwrap_or(0);
            text.push_str(&format!(",{seconds}"));
        }
        text.push_str("\r\n");
    }
    text
}

/// Returns a text as a cell (RFC 4180). Tags are free: one that a spreadsheet would take for a formula
/// gets an apostrophe before it.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        text.to_owned()
    } else {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let table = [
            ("infra", "infra"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("two\nlines", "\"two\nlines\""),
        ];
        for (text, expected) in table {
            assert_eq!(cell(text), expected);
        }
    }
}
