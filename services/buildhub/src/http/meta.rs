// SPDX-License-Identifier: MPL-2.0
//! What the service says about itself.

use actix_web::HttpResponse;

const CONTRIBUTE: &str = include_str!("../../contribute.json");

pub(super) async fn contribute() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(CONTRIBUTE)
}

pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(super::document())
}

pub(super) async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /api/\n")
}
