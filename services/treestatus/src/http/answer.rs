// SPDX-License-Identifier: MPL-2.0
//! How answers and errors look.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue, WARNING};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use releng_common::http::page;
use releng_common::http::problem::Problem;
use releng_common::{Error, Result};
use serde::Serialize;

use super::dto;
use crate::domain;

/// Seconds since the state that an answer shows was known to be the present one.
const DATA_AGE: HeaderName = HeaderName::from_static("x-data-age");

/// Renders a value as the bytes of a JSON answer.
pub(super) fn json_bytes(value: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|e| Error::internal("the answer cannot be rendered").with_source(e))
}

/// Returns a JSON answer that no cache keeps: push hooks decide by it.
pub(super) fn json(body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json")
        .body(body)
}

/// States the age of an answer out of the memory, given while the database does not answer.
pub(super) fn aged(mut response: HttpResponse, age: Option<Duration>) -> HttpResponse {
    let Some(age) = age else { return response };
    // Rounded up: an age of 0 would say that the answer is current.
    let seconds = age.as_secs() + 1;
    let text = format!(
        "110 treestatus \"the database does not answer; this is the state of {seconds} s ago\""
    );
    let headers = response.headers_mut();
    if let Ok(warning) = HeaderValue::from_str(&text) {
        headers.insert(WARNING, warning);
    }
    headers.insert(DATA_AGE, seconds.into());
    response
}

/// Returns the answer to a change.
pub(super) fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Sends a client to another path.
pub(super) fn redirect(to: &'static str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", to))
        .finish()
}

/// Returns the answer to a correction: 200 and nothing, as clients of the Python service expect.
pub(super) fn done() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Returns the answer to a condition that does not hold: the problem, with the present state of the
/// trees that have changed.
pub(super) fn outdated(trees: Vec<domain::Tree>) -> Result<HttpResponse> {
    #[derive(Serialize)]
    struct Outdated {
        #[serde(flatten)]
        problem: Problem,
        trees: BTreeMap<String, dto::Tree>,
    }
    let names: Vec<&str> = trees.iter().map(|tree| tree.tree.as_str()).collect();
    let detail = format!("changed in the meantime: {}", names.join(", "));
    let body = json_bytes(&Outdated {
        problem: Problem::new(412, &detail),
        trees: dto::by_name(&trees),
    })?;
    Ok(HttpResponse::PreconditionFailed()
        .insert_header(("cache-control", "no-store"))
        .content_type("application/problem+json")
        .body(body))
}

/// Renders an error: a problem object (D-18), or a page for a browser on a page.
pub(crate) fn render_error(request: &HttpRequest, error: &Error) -> HttpResponse {
    if request.path().starts_with("/static/ui") && page::is_wanted(request) {
        return page::error_page("treestatus", error);
    }
    let problem = Problem::of(error);
    let status = actix_web::http::StatusCode::from_u16(problem.status)
        .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status)
        .insert_header(("cache-control", "no-store"))
        .content_type("application/problem+json")
        .body(serde_json::to_vec(&problem).unwrap_or_default())
}
