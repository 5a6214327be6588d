// SPDX-License-Identifier: MPL-2.0
//! The stack of remembered changes.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::query::{Query, path_segment};
use releng_common::{Error, Result};

use super::answer::{aged, done, json, json_bytes, no_content};
use super::dto::{self, Change, EditBody, Wrapped};
use super::{bodyless_caller, caller, condition, json_body, shapes};
use crate::{State, ops};

#[utoipa::path(get, path = "/stack", responses((status = 200, description = "Remembered changes, newest first", body = [Change])))]
pub(super) async fn list(state: Data<State>) -> Result<HttpResponse> {
    let stack = ops::change_list(&state).await?;
    let render = || {
        let changes = stack.value.changes.iter().cloned();
        json_bytes(&Wrapped {
            result: changes.map(Change::from).collect::<Vec<_>>(),
        })
    };
    let body = stack.value.list.get(render)?;
    Ok(aged(json(body), stack.age))
}

#[utoipa::path(delete, path = "/stack2/restore/{id}", params(("id" = i32, Path, description = "Change")),
    responses((status = 204, description = "Restored"), (status = 401, description = "Scope missing"), (status = 404, description = "No such change")))]
pub(super) async fn restore(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = bodyless_caller(&request, payload, &state, &state.permissions.revert).await?;
    condition::refuse(&request)?;
    ops::change_restore(&state, &caller, id_in_path(&request)?).await?;
    Ok(no_content())
}

#[utoipa::path(delete, path = "/stack2/discard/{id}", params(("id" = i32, Path, description = "Change")),
    responses((status = 204, description = "Discarded"), (status = 401, description = "Scope missing"), (status = 404, description = "No such change")))]
pub(super) async fn discard(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = bodyless_caller(&request, payload, &state, &state.permissions.revert).await?;
    condition::refuse(&request)?;
    ops::change_discard(&state, &caller, id_in_path(&request)?).await?;
    Ok(no_content())
}

#[utoipa::path(delete, path = "/stack/{id}",
    params(("id" = i32, Path, description = "Change"), ("revert" = Option<u8>, Query, description = "1: restore, 0 or absent: discard")),
    responses((status = 204, description = "Done"), (status = 400, description = "Bad revert"), (status = 401, description = "Scope missing"), (status = 404, description = "No such change")))]
pub(super) async fn delete(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = bodyless_caller(&request, payload, &state, &state.permissions.revert).await?;
    condition::refuse(&request)?;
    let is_revert = revert(&Query::of(&request))?;
    let id = id_in_path(&request)?;
    if is_revert {
        ops::change_restore(&state, &caller, id).await?;
    } else {
        ops::change_discard(&state, &caller, id).await?;
    }
    Ok(no_content())
}

#[utoipa::path(patch, path = "/stack/{id}", request_body = EditBody, params(("id" = i32, Path, description = "Change")),
    responses((status = 200, description = "Corrected"), (status = 401, description = "Scope missing"), (status = 404, description = "No such change")))]
pub(super) async fn edit(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.revert)?;
    let body = json_body(&request, payload, &state, &caller, shapes::EDIT).await?;
    condition::refuse(&request)?;
    let edit = dto::typed::<EditBody>(body)?.into_edit(state.settings.limits())?;
    ops::change_edit(&state, &caller, id_in_path(&request)?, edit).await?;
    Ok(done())
}

/// Reads `?revert=`; absent means discard (D-22).
fn revert(query: &Query) -> Result<bool> {
    match query.get("revert").map(str::parse::<i64>) {
        None | Some(Ok(0)) => Ok(false),
        Some(Ok(1)) => Ok(true),
        Some(Ok(_)) => Err(Error::invalid("Unexpected value for `revert`")),
        Some(Err(_)) => Err(Error::invalid(
            "Wrong type, expected 'integer' for query parameter 'revert'",
        )),
    }
}

/// Returns the `{id}` of the path; a number beyond the column cannot exist.
fn id_in_path(request: &HttpRequest) -> Result<i32> {
    path_segment(request, "id")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::not_found(ops::NO_SUCH_CHANGE))
}
