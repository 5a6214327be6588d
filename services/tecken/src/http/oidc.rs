// SPDX-License-Identifier: MPL-2.0
//! Signing in and out (tecken.md §7.3).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use releng_common::auth::session;
use releng_common::http::query::Query;
use releng_common::{Error, Kind, Result};

use super::auth;
use crate::State;
use crate::ops::{self, NEEDS_TOKEN};

const FAILED: &str = "/?signin=failed";

pub(super) async fn authenticate(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let next = Query::of(&request).get("next").map(str::to_owned);
    match ops::sign_in_begin(&state, &redirect_uri(&request, &state), next).await {
        Ok(begun) => {
            let age = state.settings.own.session_age_secs;
            let cookie = session::begin(&begun.session, age, state.outside.is_secure(&request));
            Ok(redirect(&begun.location, Some(cookie)))
        }
        Err(error) if error.kind() == Kind::Unavailable && state.provider.is_none() => {
            Ok(redirect(FAILED, None))
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn callback(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let query = Query::of(&request);
    let given = |name: &str| query.get(name).filter(|v| !v.is_empty()).map(str::to_owned);
    if query.has("error") {
        return Ok(redirect(FAILED, None));
    }
    let uri = redirect_uri(&request, &state);
    let answer = (given("code"), given("state"));
    let ended = ops::sign_in_end(&state, auth::session_id(&request), &uri, answer).await?;
    Ok(match ended {
        Some(signed_in) => {
            let age = state.settings.own.session_age_secs;
            let cookie = session::begin(&signed_in.session, age, state.outside.is_secure(&request));
            redirect(&signed_in.location, Some(cookie))
        }
        None => redirect(FAILED, None),
    })
}

pub(super) async fn logout(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let caller = auth::required(&request, &state).await?;
    let session = caller
        .session
        .ok_or_else(|| Error::forbidden(NEEDS_TOKEN))?;
    auth::check_origin(&request, &state, true)?;
    ops::sign_out(&state, session).await?;
    Ok(redirect("/", Some(session::end())))
}

fn redirect_uri(request: &HttpRequest, state: &State) -> String {
    format!("{}/oidc/callback/", state.outside.base(request))
}

fn redirect(location: &str, cookie: Option<String>) -> HttpResponse {
    let mut response = HttpResponse::Found();
    response
        .insert_header(("location", location))
        .insert_header(("cache-control", "no-store"));
    if let Some(cookie) = cookie {
        response.insert_header(("set-cookie", cookie));
    }
    response.finish()
}
