// SPDX-License-Identifier: MPL-2.0
//! What robots and contributors look for.

use actix_web::HttpResponse;
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

pub(super) async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /\n")
}
