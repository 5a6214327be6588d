// SPDX-License-Identifier: MPL-2.0
//! Files: reading and administering.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use releng_common::Result;
use releng_common::http::query::Query;

use super::dto::{self, File, Operation};
use super::{answer, caller, digest_in_path, json_body, search_text, shapes, span};
use crate::{State, ops};

#[utoipa::path(get, path = "/file",
    params(("q" = String, Query, description = "Beginning of a digest, or text in a filename; may be empty"),
        ("limit" = Option<u64>, Query, description = "Most entries"), ("offset" = Option<u64>, Query, description = "Entries to skip")),
    responses((status = 200, description = "Files, newest first", body = [File]), (status = 400, description = "`q` is missing")))]
pub(super) async fn search(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let (text, span) = (search_text(&query)?, span(&query, &state)?);
    answer::list(ops::file_search(&state, text, span).await?, File::from)
}

#[utoipa::path(get, path = "/file/sha512/{digest}", params(("digest" = String, Path, description = "SHA-512, lower case")),
    responses((status = 200, description = "One file", body = File), (status = 400, description = "Not a digest"), (status = 404, description = "No such file")))]
pub(super) async fn fetch(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let digest = digest_in_path(&request)?;
    answer::json(&File::with_instances(
        ops::file_fetch(&state, &digest).await?,
    ))
}

#[utoipa::path(patch, path = "/file/sha512/{digest}", request_body = [Operation], params(("digest" = String, Path, description = "SHA-512, lower case")),
    responses((status = 200, description = "The file as it is now", body = File), (status = 400, description = "A rule is broken"),
        (status = 401, description = "Scope missing"), (status = 404, description = "No such file"), (status = 500, description = "A region is not configured, or a store fails; nothing changed")))]
pub(super) async fn change(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    state.permissions.require_manage(&caller)?;
    let digest = digest_in_path(&request)?;
    let (value, caller) = json_body(&request, payload, &state, caller, shapes::CHANGES).await?;
    let who = state.permissions.require_manage(&caller)?;
    let changes = dto::changes(&value)?;
    let file = ops::file_change(&state, who, &digest, changes).await?;
    answer::json(&File::with_instances(file))
}
