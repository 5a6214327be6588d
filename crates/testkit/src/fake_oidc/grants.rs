// SPDX-License-Identifier: MPL-2.0
//! `POST /oauth/token`: codes become tokens, and the service itself gets one for the list of users.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, Route};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::state::{Holder, State};
use super::{Fault, id_token};
use crate::code_flow::refuse;

type Members = BTreeMap<String, String>;

/// Returns the route.
pub(super) fn token_route() -> (&'static str, Route) {
    let route =
        web::post().to(
            |state: Data<State>, req: HttpRequest, body: Bytes| async move {
                token(&state, &req, &body)
            },
        );
    ("/oauth/token", route)
}

fn token(state: &State, req: &HttpRequest, body: &Bytes) -> HttpResponse {
    let Some(members) = members(req, body) else {
        return refuse(
            "invalid_request",
            "the body must be a form or a JSON object of strings",
        );
    };
    let member = |name: &str| members.get(name).map(String::as_str).unwrap_or_default();
    let (id, secret) = basic(req).unwrap_or_else(|| {
        (
            member("client_id").to_owned(),
            member("client_secret").to_owned(),
        )
    });
    if id != state.client_id || secret != state.client_secret {
        return refuse("invalid_client", "unknown client or wrong secret");
    }
    match member("grant_type") {
        "authorization_code" => by_code(state, &members),
        "client_credentials" => by_credentials(state, member("audience")),
        other => refuse(
            "unsupported_grant_type",
            &format!("{other:?} is not supported"),
        ),
    }
}

fn by_code(state: &State, members: &Members) -> HttpResponse {
    let member = |name: &str| members.get(name).map(String::as_str);
    let Some(code) = state.codes.redeem(member("code").unwrap_or_default()) else {
        return refuse("invalid_grant", "unknown, used or expired code");
    };
    if member("redirect_uri") != Some(&code.redirect_uri) {
        return refuse(
            "invalid_grant",
            "redirect_uri differs from that of the code",
        );
    }
    if !code
        .challenge
        .as_ref()
        .is_none_or(|c| c.is_met_by(member("code_verifier")))
    {
        return refuse("invalid_grant", "code_verifier does not match");
    }
    let id_token = match id_token::issue(state, &code.email, code.nonce.as_deref()) {
        Ok(id_token) => id_token,
        Err(error) => return HttpResponse::InternalServerError().body(error.to_string()),
    };
    let mut body = json!({
        "access_token": state.tokens.issue(Holder::Person(code.email)),
        "token_type": "Bearer",
        "expires_in": state.tokens.lifetime_secs(),
        "scope": "openid email",
        "id_token": id_token,
    });
    if let Some(body) = body
        .as_object_mut()
        .filter(|_| state.has_fault(Fault::NoIdToken))
    {
        body.remove("id_token");
    }
    no_store(body)
}

fn by_credentials(state: &State, audience: &str) -> HttpResponse {
    // The audience ends so at every Auth0 tenant; what comes before is its outside address, which a
    // service may know under another name than we do.
    if !audience.trim_end_matches('/').ends_with("/api/v2") {
        return refuse(
            "access_denied",
            "the audience must be that of the users API",
        );
    }
    no_store(json!({
        "access_token": state.tokens.issue(Holder::Service),
        "token_type": "Bearer",
        "expires_in": state.tokens.lifetime_secs(),
        "scope": "read:users",
    }))
}

fn no_store(body: serde_json::Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body)
}

fn members(req: &HttpRequest, body: &Bytes) -> Option<Members> {
    let content_type = req.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    match content_type.split(';').next()?.trim() {
        "application/x-www-form-urlencoded" => {
            Some(url::form_urlencoded::parse(body).into_owned().collect())
        }
        "application/json" => serde_json::from_slice(body).ok(),
        _ => None,
    }
}

/// Returns the credentials of `Authorization: Basic …`, whose parts are form-encoded.
fn basic(req: &HttpRequest) -> Option<(String, String)> {
    let header = req.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        // A lone value parses as the name of a pair without one.
        let mut pairs = url::form_urlencoded::parse(part.as_bytes());
        pairs
            .next()
            .map(|(name, _)| name.into_owned())
            .unwrap_or_default()
    };
    Some((decode(id), decode(secret)))
}
