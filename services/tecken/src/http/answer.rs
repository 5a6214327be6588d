// SPDX-License-Identifier: MPL-2.0
//! How answers and errors look (tecken.md §1.1).

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use percent_encoding::percent_decode_str;
use releng_common::http::page;
use releng_common::{Error, Kind};
use serde_json::{Value, json};

use super::{NOT_FOUND, symbolicate};

/// Text of a 403 for a request of another site.
pub(super) const CSRF: &str = "CSRF verification failed: the request comes from another site.";

const CORS_HEADERS: &str = "accept,accept-encoding,authorization,content-type,dnt,origin,\
    user-agent,x-csrftoken,x-requested-with";

/// Pages that people open in a browser.
const PAGES: [&str; 5] = [
    "/",
    "/help",
    "/uploads",
    "/downloads/missing",
    "/symbolication",
];

/// Lets pages of all origins read a download.
pub(super) fn allow_all_origins(response: &mut HttpResponseBuilder) {
    response
        .insert_header(("access-control-allow-origin", "*"))
        .insert_header(("access-control-allow-methods", "GET"))
        .insert_header(("access-control-allow-headers", CORS_HEADERS));
}

/// Returns the path as people write it.
pub(super) fn decoded_path(request: &HttpRequest) -> String {
    percent_decode_str(request.path())
        .decode_utf8_lossy()
        .into_owned()
}

/// Renders an error: a JSON object, or a page for a browser on a page.
pub(crate) fn render_error(request: &HttpRequest, error: &Error) -> HttpResponse {
    let path = decoded_path(request);
    // The oldest address of symbolication is also that of a page (D-32).
    let is_symbolication =
        path.starts_with("/symbolicate/v") || (path == "/" && request.method() == Method::POST);
    let is_page = PAGES.contains(&path.as_str())
        && !is_symbolication
        && error.kind() != Kind::MethodNotAllowed;
    if is_page && page::is_wanted(request) {
        return page::error_page("tecken", error);
    }
    let status =
        StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if is_symbolication {
        symbolicate::allow_all_origins(&mut response, &path);
    }
    response.json(body(request, error, path))
}

fn body(request: &HttpRequest, error: &Error, path: String) -> Value {
    match error.kind() {
        Kind::NotFound if error.message() == NOT_FOUND => json!({"error": NOT_FOUND, "path": path}),
        Kind::MethodNotAllowed if path.starts_with("/symbolicate/v") => {
            json!({"error": "Must use HTTP POST"})
        }
        Kind::MethodNotAllowed => {
            json!({"error": format!("Method Not Allowed ({}): {path}", request.method())})
        }
        Kind::Internal => json!({"error": "Internal Server Error"}),
        Kind::Forbidden if error.message() == CSRF => json!({"error": CSRF, "csrf_error": true}),
        _ => json!({"error": error.message()}),
    }
}
