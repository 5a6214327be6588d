// SPDX-License-Identifier: MPL-2.0
//! What the service says about itself and about the caller.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::Result;
use serde_json::json;

use super::answer::redirect;
use super::caller;
use crate::State;

pub(super) async fn permissions(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = caller(&request, &state).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "private, no-store"))
        .insert_header(("vary", "Authorization"))
        .json(json!({
            "description": "Permissions of a logged in user",
            "user_id": caller.client_id(),
            "permissions": caller.scopes().as_slice(),
        })))
}

pub(super) async fn swagger() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(super::document())
}

pub(super) async fn to_robots() -> HttpResponse {
    redirect("/static/ui/robots.txt")
}

pub(super) async fn to_favicon() -> HttpResponse {
    redirect("/static/ui/favicon.ico")
}

/// A drawing, whatever the name says: browsers go by the media type.
pub(super) async fn favicon() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=86400"))
        .content_type("image/svg+xml")
        .body(include_str!("../../assets/favicon.svg"))
}

pub(super) async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /\n")
}
