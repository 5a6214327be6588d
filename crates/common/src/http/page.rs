// SPDX-License-Identifier: MPL-2.0
//! What every HTML page has in common.

use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::error::{Error, Kind, Result};

/// Renders a template as an HTML answer that no cache keeps.
///
/// # Errors
/// `Internal` when the template fails.
pub fn html(page: &impl Template) -> Result<HttpResponse> {
    let text = page
        .render()
        .map_err(|e| Error::internal("template failed").with_source(e))?;
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(text))
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    mount: &'a str,
    service: &'a str,
    status: u16,
    text: &'a str,
}

/// Returns the page that people see instead of a problem object.
pub fn error_page(service: &str, error: &Error) -> HttpResponse {
    error_page_below("", service, error)
}

/// Returns the same page of a service that is mounted below a path such as `/tooltool`.
pub fn error_page_below(mount: &str, service: &str, error: &Error) -> HttpResponse {
    let status = error.kind().status();
    let text = match error.kind() {
        Kind::Internal => "Something broke on our side. It has been logged.",
        _ => error.message(),
    };
    let page = ErrorPage {
        mount,
        service,
        status,
        text,
    };
    let status = actix_web::http::StatusCode::from_u16(status)
        .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status)
        .insert_header(("cache-control", "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(page.render().unwrap_or_else(|_| text.to_owned()))
}

/// Returns whether the client is a browser asking for a page: it names `text/html` and prefers it to
/// JSON by naming it first.
pub fn is_wanted(request: &HttpRequest) -> bool {
    let accept = request
        .headers()
        .get("accept")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    match (accept.find("text/html"), accept.find("application/json")) {
        (Some(html), Some(json)) => html < json,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
