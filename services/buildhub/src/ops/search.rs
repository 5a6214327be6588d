// SPDX-License-Identifier: MPL-2.0
//! Searching.

use std::time::Instant;

use releng_common::Result;
use releng_search::SearchError;
use serde_json::{Value, json};

use crate::State;
use crate::domain::{Json, Selection, parse_json, query_string};
use crate::metric::MetricName;

/// Digits of the largest integer that the engine sees as it was sent.
const MAX_DIGITS: usize = 19;

/// How a search ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// With the answer of the engine.
    Answer(Value),
    /// With a refusal: the whole body of a 400.
    Refused(Value),
}

/// Answers a search body, JSON in whatever media type. An empty body of a GET is `{}`.
///
/// # Errors
/// `Unavailable` when the engine does not answer or has too much to do.
pub async fn search(state: &State, method: &str, body: &[u8]) -> Result<Found> {
    match parse_body(body) {
        Ok(json) => match check_size(&json) {
            Ok(()) => run(state, method, &json.to_value()).await,
            Err(sentence) => Ok(Found::Refused(json!({"error": sentence}))),
        },
        Err(sentence) => Ok(Found::Refused(json!({"error": sentence}))),
    }
}

fn parse_body(body: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("the body is not UTF-8: {e}"))?;
    parse_json(text).map_err(|e| e.to_string())
}

/// Refuses a `size` beyond 64 bits in the words for any that is too large, which show it as it was sent
/// (buildhub.md §2.1); the engine sees such numbers rounded.
fn check_size(body: &Json) -> Result<(), String> {
    match body.get("size") {
        Some(Json::Integer(digits)) if !digits.starts_with('-') && digits.len() > MAX_DIGITS => {
            Err(format!("Search size too large ({digits})"))
        }
        _ => Ok(()),
    }
}

/// Answers a search for typed words, with a page of the hits.
///
/// # Errors
/// As [`search`].
pub async fn search_text(
    state: &State,
    method: &str,
    text: &str,
    (from, size): (u64, u64),
) -> Result<Found> {
    let query = if text.trim().is_empty() {
        json!({"match_all": {}})
    } else {
        query_string(text)
    };
    run(
        state,
        method,
        &json!({"query": query, "from": from, "size": size}),
    )
    .await
}

/// Answers the search page.
///
/// # Errors
/// As [`search`].
pub async fn search_page(state: &State, selection: &Selection) -> Result<Found> {
    run(state, "GET", &selection.body()).await
}

async fn run(state: &State, method: &str, body: &Value) -> Result<Found> {
    let started = Instant::now();
    let result = state.index.search(body).await;
    // What fails before the engine is not counted (buildhub.md §2.1).
    if !matches!(result, Err(SearchError::Structure(_))) {
        let method = method.to_owned();
        metrics::counter!(MetricName::SearchRequests.as_str(), "method" => method).increment(1);
    }
    match result {
        Ok(answer) => {
            note(&answer);
            MetricName::Search.record(started.elapsed());
            Ok(Found::Answer(answer))
        }
        Err(error) => match error.body() {
            Some(body) => Ok(Found::Refused(body)),
            None => Err(error.into()),
        },
    }
}

fn note(answer: &Value) {
    let total = answer
        .pointer("/hits/total")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    tracing::debug!("Finding {total} total records.");
    metrics::gauge!(MetricName::SearchRecords.as_str()).set(total);
}
