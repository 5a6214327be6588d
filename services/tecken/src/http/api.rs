// SPDX-License-Identifier: MPL-2.0
//! The part of `/api/` that scripts need: who am I, and what became of my upload (tecken.md §8).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::query::path_segment;
use releng_common::{Error, Result};
use serde_json::{Value, json};

use super::{auth, dto};
use crate::{State, ops};

#[utoipa::path(get, path = "/api/_auth/", responses((status = 200, description = "Who is signed in")))]
pub(super) async fn auth(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let base = state.outside.base(&request);
    let Some(caller) = auth::caller(&request, &state).await? else {
        let url = format!("{base}/oidc/authenticate/");
        return Ok(no_store(json!({"sign_in_url": url, "user": null})));
    };
    let permissions: Vec<Value> = ops::permission_list(&state)
        .await?
        .into_iter()
        .filter(|(_, permission)| caller.own_permissions.contains(permission))
        .map(|(id, p)| json!({"id": id, "codename": p.codename(), "name": p.label()}))
        .collect();
    let user = json!({
        "email": caller.user.email,
        "is_active": caller.user.is_active,
        "is_superuser": caller.user.is_superuser,
        "permissions": permissions,
    });
    Ok(no_store(
        json!({"user": user, "sign_out_url": format!("{base}/oidc/logout/")}),
    ))
}

#[utoipa::path(get, path = "/api/uploads/upload/{id}", params(("id" = i32, Path, description = "Upload")),
    responses((status = 200, description = "The upload with its files", body = dto::WithRelated),
        (status = 403, description = "Somebody else's"), (status = 404, description = "No such upload")))]
pub(super) async fn upload(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = auth::required(&request, &state).await?;
    // A number beyond the column cannot exist.
    let id = path_segment(&request, "id")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::not_found(ops::NO_UPLOAD))?;
    let (upload, related) = ops::upload_fetch(&state, &caller, id).await?;
    Ok(no_store(
        json!({"upload": dto::WithRelated::of(upload, related)}),
    ))
}

fn no_store(body: Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .json(body)
}
