// SPDX-License-Identifier: MPL-2.0
//! Batches: announcing, completing, reading.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::problem::PATH_NOT_FOUND;
use releng_common::http::query::{Query, path_segment};
use releng_common::{Error, Result};

use super::download::absolute;
use super::dto::{Accepted, Batch, BatchBody};
use super::{answer, caller, digest_in_path, json_body, search_text, shapes, span};
use crate::State;
use crate::ops::{self, Completion};

#[utoipa::path(post, path = "/upload", request_body = BatchBody,
    params(("region" = Option<String>, Query, description = "Region to prefer")),
    responses((status = 200, description = "Accepted, with a URL for each missing file", body = Accepted),
        (status = 400, description = "A rule is broken"), (status = 403, description = "Scope missing")))]
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    let (value, caller) = json_body(&request, payload, &state, caller, shapes::BATCH).await?;
    let body = BatchBody::checked(value, state.settings.own.max_batch_files)?;
    let author = body.author(state.permissions, &caller)?;
    let batch = body.into_batch()?;
    let query = Query::of(&request);
    let accepted = ops::upload_create(&state, author, batch, query.get("region")).await?;
    let url = |url: &_| absolute(url, &request, &state.outside);
    answer::wrapped(Accepted::new(accepted, url))
}

#[utoipa::path(get, path = "/upload/complete/sha512/{digest}", params(("digest" = String, Path, description = "SHA-512, lower case")),
    responses((status = 202, description = "Will be checked"), (status = 400, description = "Not a digest"),
        (status = 409, description = "Too early: `X-Retry-After` says how many seconds")))]
pub(super) async fn complete(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let digest = digest_in_path(&request)?;
    Ok(match ops::upload_complete(&state, &digest).await? {
        Completion::Accepted => HttpResponse::Accepted()
            .insert_header(("cache-control", "no-store"))
            .content_type("application/json")
            .body("{}"),
        Completion::TooEarly(secs) => HttpResponse::Conflict()
            .insert_header(("cache-control", "no-store"))
            .insert_header(("x-retry-after", secs))
            .insert_header(("retry-after", secs))
            .finish(),
    })
}

#[utoipa::path(get, path = "/upload",
    params(("q" = String, Query, description = "Text in author or message; may be empty"),
        ("limit" = Option<u64>, Query, description = "Most entries"), ("offset" = Option<u64>, Query, description = "Entries to skip")),
    responses((status = 200, description = "Batches, newest first", body = [Batch]), (status = 400, description = "`q` is missing")))]
pub(super) async fn search(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let (text, span) = (search_text(&query)?, span(&query, &state)?);
    answer::list(ops::batch_search(&state, text, span).await?, Batch::from)
}

#[utoipa::path(get, path = "/upload/{id}", params(("id" = i32, Path, description = "Batch")),
    responses((status = 200, description = "One batch", body = Batch), (status = 404, description = "No such batch")))]
pub(super) async fn fetch(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let id = path_segment(&request, "id")
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::not_found(PATH_NOT_FOUND))?;
    answer::json(&Batch::from(ops::batch_fetch(&state, id).await?))
}
