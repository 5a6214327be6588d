// SPDX-License-Identifier: MPL-2.0
//! How answers and errors look.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::page;
use releng_common::{Error, Kind, Result};
use releng_search::exact;
use serde_json::{Value, json};

use crate::ops::Found;

/// Returns a JSON answer that no cache keeps.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> HttpResponse {
    json_text(status, exact::to_text(body))
}

/// Returns JSON text as an answer that no cache keeps.
pub(super) fn json_text(status: StatusCode, text: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json")
        .body(text)
}

/// Returns the answer to a search.
pub(super) fn found(found: &Found) -> HttpResponse {
    match found {
        Found::Answer(body) => json_answer(StatusCode::OK, body),
        Found::Refused(body) => json_answer(StatusCode::BAD_REQUEST, body),
    }
}

/// Answers paths below `/api/` that mean nothing.
pub(super) async fn no_such_endpoint() -> Result<HttpResponse> {
    Err(Error::not_found("no such endpoint"))
}

/// Renders an error: `{"error": …}`, or a page for a browser outside the API.
pub(crate) fn render_error(request: &HttpRequest, error: &Error) -> HttpResponse {
    if !request.path().starts_with("/api") && page::is_wanted(request) {
        return page::error_page("buildhub", error);
    }
    let text = match error.kind() {
        Kind::Internal => "internal server error",
        _ => error.message(),
    };
    let status =
        StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_answer(status, &json!({"error": text}))
}
