// SPDX-License-Identifier: MPL-2.0
//! What the service says about itself and about the caller.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::Result;
use serde_json::json;

use super::{answer, caller};
use crate::State;
use crate::domain::Permissions;

pub(super) async fn permissions(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    answer::private_json(&json!({
        "description": "Permissions of a logged in user",
        "user_id": caller.client_id(),
        "permissions": caller.scopes().as_slice(),
    }))
}

pub(super) async fn init(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    let all: BTreeMap<String, &str> = Permissions::ALL
        .iter()
        .map(|p| (p.scope(), p.doc))
        .collect();
    let held: Vec<_> = all
        .iter()
        .filter(|(scope, _)| caller.scopes().satisfy(scope))
        .map(|(scope, doc)| json!({"name": scope, "doc": doc}))
        .collect();
    let kind = if caller.client_id().is_some() {
        "taskcluster"
    } else {
        "anonymous"
    };
    answer::private_json(&json!({"user": {"type": kind, "permissions": held}, "perms": all}))
}

pub(super) async fn client(state: Data<State>) -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", state.settings.own.tooltool_py_url.as_str()))
        .insert_header(("cache-control", "public, max-age=3600"))
        .finish()
}

pub(super) async fn swagger() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(super::document())
}
