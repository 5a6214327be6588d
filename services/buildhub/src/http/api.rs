// SPDX-License-Identifier: MPL-2.0
//! The API that scripts use.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::body;
use releng_common::http::query::{Query, path_segment};
use releng_common::{Error, Result};
use serde_json::json;

use super::answer::{found, json_answer, json_text};
use crate::{State, ops};

/// Hits of a search for words unless `size` says otherwise.
const DEFAULT_SIZE: u64 = 10;

#[utoipa::path(get, path = "/api/search",
    params(("q" = Option<String>, Query, description = "Words that all must match, as beginnings; without it every build matches"),
        ("from" = Option<u64>, Query, description = "With `q`: hits to skip"),
        ("size" = Option<u64>, Query, description = "With `q`: hits to return, 10 by default")),
    responses((status = 200, description = "Answer in the shape of Elasticsearch 6"),
        (status = 400, description = "The question is not understood"),
        (status = 503, description = "Too much work is waiting")))]
pub(super) async fn search_get(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let method = request.method().as_str();
    let answer = match query.get("q") {
        // Without `q` all parameters are ignored, as buildhub2 did.
        None => ops::search(&state, method, b"{}").await?,
        Some(text) => {
            let from = query.number("from")?.unwrap_or_default();
            let size = query.number("size")?.unwrap_or(DEFAULT_SIZE);
            ops::search_text(&state, method, text, (from, size)).await?
        }
    };
    Ok(found(&answer))
}

#[utoipa::path(post, path = "/api/search",
    request_body(content = serde_json::Value, description = "Search body of Elasticsearch, whatever the media type"),
    responses((status = 200, description = "Answer in the shape of Elasticsearch 6"),
        (status = 400, description = "The body is not understood"),
        (status = 413, description = "The body is too large"),
        (status = 503, description = "Too much work is waiting")))]
pub(super) async fn search_post(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let limit = state.intake.settings.own.max_body_bytes;
    let bytes = body::read(&request, payload, limit).await?;
    Ok(found(
        &ops::search(&state, request.method().as_str(), &bytes).await?,
    ))
}

#[utoipa::path(get, path = "/api/records",
    responses((status = 200, description = "Number of records, `{\"builds\": {\"total\": 1}}`")))]
pub(super) async fn records(state: Data<State>) -> Result<HttpResponse> {
    let total = ops::record_count(&state).await?;
    Ok(json_answer(
        StatusCode::OK,
        &json!({"builds": {"total": total}}),
    ))
}

#[utoipa::path(get, path = "/api/records/{id}",
    params(("id" = i64, Path, description = "`_id` of a hit")),
    responses((status = 200, description = "The record as it was published"),
        (status = 404, description = "No such record")))]
pub(super) async fn record(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    // `01` and `+1` are ids of no record although they are numbers.
    let id = path_segment(&request, "id").and_then(|text| {
        let id: i64 = text.parse().ok()?;
        (id.to_string() == text).then_some(id)
    });
    let id = id.ok_or_else(|| Error::not_found("no such record"))?;
    let record = ops::record_fetch(&state, id).await?;
    Ok(json_text(StatusCode::OK, record))
}
