// SPDX-License-Identifier: MPL-2.0
//! How answers and errors look.

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::http::page;
use releng_common::http::problem::Problem;
use releng_common::{Error, Kind, Result};
use serde::Serialize;

use super::identity;
use crate::State;
use crate::ops::{self, Listed};

/// Returns a JSON answer that no cache keeps.
pub(super) fn json(value: &impl Serialize) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json")
        .body(bytes(value)?))
}

/// Returns a JSON answer that depends on the caller.
pub(super) fn private_json(value: &impl Serialize) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "private, no-store"))
        .insert_header(("vary", "Authorization"))
        .content_type("application/json")
        .body(bytes(value)?))
}

#[derive(Serialize)]
struct Wrapped<T> {
    result: T,
}

/// Returns `{"result": …}`.
pub(super) fn wrapped(result: impl Serialize) -> Result<HttpResponse> {
    json(&Wrapped { result })
}

/// Returns `{"result": […]}`; a list that was cut says so in `X-Result-Truncated`.
pub(super) fn list<T, D: Serialize>(
    listed: Listed<T>,
    dto: impl Fn(T) -> D,
) -> Result<HttpResponse> {
    let is_cut = listed.is_cut;
    let entries: Vec<D> = listed.entries.into_iter().map(dto).collect();
    let count = entries.len();
    let mut response = wrapped(entries)?;
    if is_cut {
        let name = actix_web::http::header::HeaderName::from_static("x-result-truncated");
        response.headers_mut().insert(name, count.into());
    }
    Ok(response)
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|e| Error::internal("the answer cannot be rendered").with_source(e))
}

/// The problem object, with the member that old clients read (D-11). They look for `error.name` and
/// `error.description`.
#[derive(Serialize)]
struct Body<'a> {
    detail: &'a str,
    error: Old<'a>,
    instance: &'a str,
    /// What was wrong with the credentials; absent where they were not the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    status: u16,
    title: &'a str,
    r#type: &'a str,
}

#[derive(Serialize)]
struct Old<'a> {
    description: &'a str,
    detail: &'a str,
    instance: &'a str,
    name: &'a str,
    status: u16,
    title: &'a str,
    r#type: &'a str,
}

/// The media type of errors. It is bare: the old client compares it with `application/json`.
const JSON: &str = "application/json";
/// What new clients may ask for.
const PROBLEM_JSON: &str = "application/problem+json";

/// Renders an error: the problem object, or a page for a browser on a page.
pub(crate) fn render_error(request: &HttpRequest, error: &Error) -> HttpResponse {
    let mut response = if request.path().starts_with("/static/") && page::is_wanted(request) {
        let outside = request.app_data::<Data<State>>().map(|s| &s.outside);
        let mount = outside.map_or("", |outside| outside.mount(request));
        page::error_page_below(mount, "tooltool", error)
    } else {
        problem_answer(request, error)
    };
    if is_refusal(error) {
        identity::challenge(request, &mut response);
    }
    response
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unauthenticated | Kind::Forbidden)
}

fn problem_answer(request: &HttpRequest, error: &Error) -> HttpResponse {
    let problem = problem(error);
    let Problem {
        detail,
        instance,
        status,
        title,
        r#type,
    } = &problem;
    let (status, r#type) = (*status, *r#type);
    let old = Old {
        description: detail,
        detail,
        instance,
        name: title,
        status,
        title,
        r#type,
    };
    let body = Body {
        detail,
        error: old,
        instance,
        reason: is_refusal(error)
            .then(|| identity::reason(request))
            .flatten(),
        status,
        title,
        r#type,
    };
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .insert_header(("cache-control", "no-store"))
        .content_type(media_type(request))
        .body(serde_json::to_vec(&body).unwrap_or_default())
}

/// Returns the type that the client names, unless it takes the usual one as well.
fn media_type(request: &HttpRequest) -> &'static str {
    let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok());
    let names = |name: &str| {
        let mut ranges = accept.unwrap_or_default().split(',');
        ranges.any(|range| range.split(';').next().unwrap_or_default().trim() == name)
    };
    if names(PROBLEM_JSON) && !names(JSON) {
        PROBLEM_JSON
    } else {
        JSON
    }
}

/// Two internal errors have texts that the contract shows to clients; all others say nothing.
fn problem(error: &Error) -> Problem {
    let text = error.message();
    let is_shown = text == ops::NO_REGION || text.starts_with(ops::NO_BUCKET);
    if error.kind() == Kind::Internal && is_shown {
        return Problem::new(Kind::Internal.status(), text);
    }
    Problem::of(error)
}
