// SPDX-License-Identifier: MPL-2.0
//! What robots and contributors look for.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

pub(super) async fn contribute() -> HttpResponse {
    let repository = env!("CARGO_PKG_REPOSITORY");
    HttpResponse::Ok().json(json!({
        "name": "tecken",
        "description": "Symbol server: upload, download and symbolication of debug symbols",
        "participate": {"home": repository, "docs": format!("{repository}/tree/main/docs")},
        "repository": {"url": repository, "license": "MPL-2.0"},
        "bugs": {"list": format!("{repository}/issues"), "report": format!("{repository}/issues/new")},
        "urls": {},
        "whatsdeployed": "",
    }))
}

/// Leads to the same path with the slash that it lacks (tecken.md §1.1).
pub(super) async fn with_slash(request: HttpRequest) -> HttpResponse {
    let location = match request.query_string() {
        "" => format!("{}/", request.path()),
        query => format!("{}/?{query}", request.path()),
    };
    HttpResponse::MovedPermanently()
        .insert_header(("location", location))
        .finish()
}

pub(super) async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /\n")
}
