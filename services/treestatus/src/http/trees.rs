// SPDX-License-Identifier: MPL-2.0
//! Trees and their logs.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use releng_common::{Error, Result};

use super::answer::{self, aged, json, json_bytes, no_content, render_error};
use super::condition::{self, Match};
use super::dto::{self, NewTreeBody, Tree, TreeNames, UpdateBody, Wrapped};
use super::{bodyless_caller, caller, json_body, shapes, tree_in_path};
use crate::State;
use crate::board::Place;
use crate::domain::Outcome;
use crate::ops;

#[utoipa::path(get, path = "/trees", responses((status = 200, description = "All trees by name")))]
pub(super) async fn list(state: Data<State>) -> Result<HttpResponse> {
    let board = ops::tree_list(&state).await?;
    let render = || {
        json_bytes(&Wrapped {
            result: dto::by_name(board.value.trees()),
        })
    };
    let body = board.value.map.get(render)?;
    Ok(aged(json(body), board.age))
}

#[utoipa::path(get, path = "/trees2", responses((status = 200, description = "All trees as a list")))]
pub(super) async fn list2(state: Data<State>) -> Result<HttpResponse> {
    let board = ops::tree_list(&state).await?;
    let render = || {
        json_bytes(&Wrapped {
            result: board.value.trees().map(Tree::from).collect::<Vec<_>>(),
        })
    };
    let body = board.value.list.get(render)?;
    Ok(aged(json(body), board.age))
}

#[utoipa::path(get, path = "/v0/trees", responses((status = 200, description = "All trees by name, not wrapped")))]
pub(super) async fn list_v0(state: Data<State>) -> Result<HttpResponse> {
    let board = ops::tree_list(&state).await?;
    let render = || json_bytes(&dto::by_name(board.value.trees()));
    let body = board.value.flat.get(render)?;
    Ok(aged(json(body), board.age))
}

#[utoipa::path(get, path = "/trees/{tree}", params(("tree" = String, Path, description = "Name")),
    responses((status = 200, description = "One tree", body = Tree), (status = 404, description = "No such tree")))]
pub(super) async fn fetch(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    one(&request, &state, |place| {
        let render = || {
            let result = Tree::from(&place.tree);
            json_bytes(&Wrapped { result })
        };
        place.wrapped.get(render)
    })
    .await
}

#[utoipa::path(get, path = "/v0/trees/{tree}", params(("tree" = String, Path, description = "Name")),
    responses((status = 200, description = "One tree, not wrapped", body = Tree), (status = 404, description = "No such tree")))]
pub(super) async fn fetch_v0(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    one(&request, &state, |place| {
        place.flat.get(|| json_bytes(&Tree::from(&place.tree)))
    })
    .await
}

/// Answers with one tree, or says that there is none, which clients take for open.
async fn one(
    request: &HttpRequest,
    state: &State,
    answer: impl Fn(&Place) -> Result<Bytes>,
) -> Result<HttpResponse> {
    let name = tree_in_path(request)?;
    let board = ops::tree_list(state).await?;
    let response = match board.value.place(&name) {
        Some(place) => json(answer(place)?),
        None => render_error(request, &Error::not_found(ops::NO_SUCH_TREE)),
    };
    Ok(aged(response, board.age))
}

#[utoipa::path(patch, path = "/trees", request_body = UpdateBody,
    params(("If-Match" = Option<String>, Header, description = "The log_id of the one tree, in double quotes")),
    responses((status = 204, description = "Changed"), (status = 400, description = "A rule is broken"),
        (status = 401, description = "Scope missing"), (status = 404, description = "Unknown trees"),
        (status = 412, description = "A tree has changed since; its present state is in the answer")))]
pub(super) async fn update(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.update)?;
    let body = json_body(&request, payload, &state, &caller, shapes::UPDATE).await?;
    let body = dto::typed::<UpdateBody>(body)?;
    let condition = body.condition(Match::of(&request)?)?;
    let update = body.into_update(state.settings.limits())?;
    answered(ops::tree_update(&state, &caller, update, condition).await?)
}

fn answered(outcome: Outcome) -> Result<HttpResponse> {
    match outcome {
        Outcome::Done(_) => Ok(no_content()),
        Outcome::Outdated(trees) => answer::outdated(trees),
    }
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
    condition::refuse(&request)?;
    let limits = state.settings.limits();
    let tree = dto::typed::<NewTreeBody>(body)?.into_tree(&tree_in_path(&request)?, limits)?;
    ops::tree_create(&state, &caller, tree).await?;
    Ok(no_content())
}

#[utoipa::path(delete, path = "/trees/{tree}", params(("tree" = String, Path, description = "Name"),
        ("If-Match" = Option<String>, Header, description = "The log_id of the tree, in double quotes")),
    responses((status = 204, description = "Deleted"), (status = 401, description = "Scope missing"), (status = 404, description = "No such tree"),
        (status = 412, description = "The tree has changed since; its present state is in the answer")))]
pub(super) async fn delete(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = bodyless_caller(&request, payload, &state, &state.permissions.delete).await?;
    let names = vec![tree_in_path(&request)?];
    let condition = Match::of(&request)?.of_trees(&names)?;
    answered(ops::tree_delete(&state, &caller, names, condition).await?)
}

#[utoipa::path(delete, path = "/trees2", request_body = TreeNames,
    params(("If-Match" = Option<String>, Header, description = "The log_id of the one tree, in double quotes")),
    responses((status = 204, description = "Deleted, all of them"), (status = 401, description = "Scope missing"), (status = 404, description = "No such tree; nothing deleted"),
        (status = 412, description = "The tree has changed since; its present state is in the answer")))]
pub(super) async fn delete_several(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    caller.require_any(&state.permissions.delete)?;
    let body = json_body(&request, payload, &state, &caller, shapes::TREE_NAMES).await?;
    let names = dto::typed::<TreeNames>(body)?.trees;
    let condition = Match::of(&request)?.of_trees(&names)?;
    answered(ops::tree_delete(&state, &caller, names, condition).await?)
}
