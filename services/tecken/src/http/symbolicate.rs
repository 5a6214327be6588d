// SPDX-License-Identifier: MPL-2.0
//! Symbolication requests (symbolication.md §1).

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use releng_common::Result;
use releng_common::http::{body, unread};
use releng_symbols::Version;
use releng_symbols::response::is_debug_value;

use super::answer::decoded_path;
use super::sending::Sending;
use crate::{State, ops};

const CORS_HEADERS: &str = "accept, accept-encoding, authorization, content-type, dnt, origin, \
    user-agent, x-csrftoken, x-requested-with";

/// Lets pages of all origins read an answer.
pub(super) fn allow_all_origins(response: &mut HttpResponseBuilder, path: &str) {
    let methods = if path == "/symbolicate/v5" {
        "OPTIONS,POST"
    } else {
        "POST"
    };
    response
        .insert_header(("access-control-allow-origin", "*"))
        .insert_header(("access-control-allow-methods", methods))
        .insert_header(("access-control-allow-headers", CORS_HEADERS));
}

pub(super) async fn preflight(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    allow_all_origins(&mut response, &decoded_path(&request));
    response.finish()
}

#[utoipa::path(post, path = "/symbolicate/v5", request_body(content_type = "application/json", description = "Jobs"),
    responses((status = 200, description = "Function names"), (status = 400, description = "The request breaks a rule"),
        (status = 413, description = "The request is too large"), (status = 503, description = "A store does not answer")))]
pub(super) async fn v5(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    answer(&request, payload, &state, Version::V5).await
}

#[utoipa::path(post, path = "/symbolicate/v4", request_body(content_type = "application/json", description = "One job"),
    responses((status = 200, description = "Function names"), (status = 400, description = "The request breaks a rule")))]
pub(super) async fn v4(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    answer(&request, payload, &state, Version::V4).await
}

/// The oldest address of v4 (D-32).
pub(super) async fn root(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse> {
    answer(&request, payload, &state, Version::V4).await
}

async fn answer(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<State>,
    version: Version,
) -> Result<HttpResponse> {
    let own = &state.settings.own;
    // Clients send everything before they look at the answer.
    unread::allow(request, own.symbolicate_max_body.0);
    let limit = usize::try_from(own.symbolicate_max_body.0).unwrap_or(usize::MAX);
    let idle = Duration::from_secs(own.symbolicate_idle_secs.max(1));
    let room = state.lanes.room();
    let take = |bytes: usize| room.take(u64::try_from(bytes).unwrap_or(u64::MAX));
    let bytes = body::read_in_pieces(request, payload, limit, idle, take).await?;
    let admitted = state.lanes.admit(room, bytes.len())?;
    let header = request.headers().get("debug").and_then(|v| v.to_str().ok());
    let is_debug = header.is_some_and(is_debug_value);
    let answer = ops::symbolicate_body(state, version, bytes.into(), is_debug, &admitted).await?;
    let mut response = HttpResponse::Ok();
    allow_all_origins(&mut response, &decoded_path(request));
    let body = Sending::new(answer, Arc::clone(&admitted.room));
    Ok(response.content_type("application/json").body(body))
}
