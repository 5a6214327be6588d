// SPDX-License-Identifier: MPL-2.0
//! Trees and their logs.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use releng_common::Result;
use releng_common::http::query::Query;

use super::answer::{json, json_bytes, no_content};
use super::dto::{self, Log, NewTreeBody, Tree, TreeNames, UpdateBody, Wrapped};
use super::{bodyless_caller, caller, json_body, shapes, tree_in_path};
use crate::State;
use crate::ops::{self, LogSpan};

#[utoipa::path(get, path = "/trees", responses((status = 200, description = "All trees by name")))]
pub(super) async fn list(state: Data<State>) -> Result<HttpResponse> {
    let load = || async {
        json_bytes(&Wrapped {
            result: dto::by_name(ops::tree_list(&state).await?),
        })
    };
    let body = state.answers.get("trees".to_owned(), load).await?;
    Ok(json(body.as_ref().clone()))
}

#[utoipa::path(get, path = "/trees2", responses((status = 200, description = "All trees as a list")))]
pub(super) async fn list2(state: Data<State>) -> Result<HttpResponse> {
    let load = || async {
        let trees = ops::tree_list(&state).await?;
        json_bytes(&Wrapped {
            result: trees.into_iter().map(Tree::from).collect::<Vec<_>>(),
        })
    };
    let body = state.answers.get("trees2".to_owned(), load).await?;
    Ok(json(body.as_ref().clone()))
}

#[utoipa::path(get, path = "/v0/trees", responses((status = 200, description = "All trees by name, not wrapped")))]
pub(super) async fn list_v0(state: Data<State>) -> Result<HttpResponse> {
    let load = || async { json_bytes(&dto::by_name(ops::tree_list(&state).await?)) };
    let body = state.answers.get("v0/trees".to_owned(), load).await?;
    Ok(json(body.as_ref().clone()))
}

#[utoipa::path(get, path = "/trees/{tree}", params(("tree" = String, Path, description = "Name")),
    responses((status = 200, description = "One tree", body = Tree), (status = 404, description = "No such tree")))]
pub(super) async fn fetch(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let name = tree_in_path(&request)?;
    let load = || async {
        let result = Tree::from(ops::tree_fetch(&state, name.clone()).await?);
        json_bytes(&Wrapped { result })
    };
    let body = state.answers.get(format!("tree/{name}"), load).await?;
    Ok(json(body.as_ref().clone()))
}

#[utoipa::path(get, path = "/v0/trees/{tree}", params(("tree" = String, Path, description = "Name")),
    responses((status = 200, description = "One tree, not wrapped", body = Tree), (status = 404, description = "No such tree")))]
pub(super) async fn fetch_v0(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let name = tree_in_path(&request)?;
    let load = || async { json_bytes(&Tree::from(ops::tree_fetch(&state, name.clone()).await?)) };
    let body = state.answers.get(format!("v0/tree/{name}"), load).await?;
    Ok(json(body.as_ref().clone()))
}

#[utoipa::path(get, path = "/trees/{tree}/logs",
    params(("tree" = String, Path, description = "Name"), ("all" = Option<u8>, Query, description = "1: everything")),
    responses((status = 200, description = "The five newest entries", body = [Log]), (status = 404, description = "No such tree")))]
pub(super) async fn logs(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let is_all = Query::of(&request).number("all")?.is_some_and(|n| n != 0);
    answer_log(
        &request,
        &state,
        if is_all {
            LogSpan::All
        } else {
            LogSpan::Newest
        },
    )
    .await
}

#[utoipa::path(get, path = "/trees/{tree}/logs_all", params(("tree" = String, Path, description = "Name")),
    responses((status = 200, description = "All entries, newest first", body = [Log]), (status = 404, description = "No such tree")))]
pub(super) async fn logs_all(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    answer_log(&request, &state, LogSpan::All).await
}

async fn answer_log(
    request: &HttpRequest,
    state: &Data<State>,
    span: LogSpan,
) -> Result<HttpResponse> {
    let entries = ops::log_list(state, tree_in_path(request)?, span).await?;
    let result: Vec<Log> = entries.into_iter().map(Log::from).collect();
    Ok(json(json_bytes(&Wrapped { result })?))
}

#[utoipa::path(patch, path = "/trees", request_body = UpdateBody,
    responses((status = 204, description = "Changed"), (status = 400, description = "A rule is broken"),
        (status = 401, description = "Scope missing"), (status = 404, description = "Unknown trees")))]
pub(super) async fn update(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.update)?;
    let body = json_body(&request, payload, &state, &caller, shapes::UPDATE).await?;
    let update = dto::typed::<UpdateBody>(body)?.into_update()?;
    ops::tree_update(&state, &caller, update).await?;
    Ok(no_content())
}

#[utoipa::path(put, path = "/trees/{tree}", request_body = NewTreeBody, params(("tree" = String, Path, description = "Name")),
    responses((status = 204, description = "Made"), (status = 400, description = "Names differ or tree exists"), (status = 401, description = "Scope missing")))]
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.create)?;
    let body = json_body(&request, payload, &state, &caller, shapes::NEW_TREE).await?;
    let tree = dto::typed::<NewTreeBody>(body)?.into_tree(&tree_in_path(&request)?)?;
    ops::tree_create(&state, &caller, tree).await?;
    Ok(no_content())
}

#[utoipa::path(delete, path = "/trees/{tree}", params(("tree" = String, Path, description = "Name")),
    responses((status = 204, description = "Deleted"), (status = 401, description = "Scope missing"), (status = 404, description = "No such tree")))]
pub(super) async fn delete(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = bodyless_caller(&request, payload, &state, &state.permissions.delete).await?;
    ops::tree_delete(&state, &caller, vec![tree_in_path(&request)?]).await?;
    Ok(no_content())
}

#[utoipa::path(delete, path = "/trees2", request_body = TreeNames,
    responses((status = 204, description = "Deleted, all of them"), (status = 401, description = "Scope missing"), (status = 404, description = "No such tree; nothing deleted")))]
pub(super) async fn delete_several(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.delete)?;
    let body = json_body(&request, payload, &state, &caller, shapes::TREE_NAMES).await?;
    ops::tree_delete(&state, &caller, dto::typed::<TreeNames>(body)?.trees).await?;
    Ok(no_content())
}
