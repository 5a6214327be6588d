// SPDX-License-Identifier: MPL-2.0
//! What the service says about itself and about the caller.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::Result;
use serde_json::json;

use super::{Identity, answer, caller};
use crate::State;
use crate::domain::Permissions;

#[utoipa::path(get, path = "/__permissions__", responses((status = 200, description = "Client id and scopes of the caller")))]
pub(super) async fn permissions(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    answer::private_json(&json!({
        "description": "Permissions of a logged in user",
        "user_id": caller.client_id(),
        "permissions": caller.scopes().as_slice(),
    }))
}

#[utoipa::path(get, path = "/init", responses((status = 200, description = "The caller with his permissions, and all that there are")))]
pub(super) async fn init(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let identity = Identity::of(&request, &state).await?;
    let mut user = match &identity {
        Identity::Anonymous => json!({"type": "anonymous"}),
        Identity::Taskcluster(_) => json!({"type": "taskcluster"}),
        Identity::Token(bearer) => {
            json!({"type": "relengapi-token", "authenticated_email": bearer.email})
        }
    };
    let caller = identity.into_caller();
    let all: BTreeMap<String, &str> = Permissions::ALL
        .iter()
        .map(|p| (p.scope(), p.doc))
        .collect();
    let held: Vec<_> = all
        .iter()
        .filter(|(scope, _)| caller.scopes().satisfy(scope))
        .map(|(scope, doc)| json!({"name": scope, "doc": doc}))
        .collect();
    if let Some(members) = user.as_object_mut() {
        members.insert("permissions".to_owned(), json!(held));
    }
    answer::private_json(&json!({"user": user, "perms": all}))
}

#[utoipa::path(get, path = "/tooltool.py", responses((status = 302, description = "Where the Python client is")))]
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
