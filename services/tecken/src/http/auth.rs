// SPDX-License-Identifier: MPL-2.0
//! Who sent a request: `Auth-Token` or the session cookie.

use actix_web::HttpRequest;
use actix_web::web::Data;
use futures_util::FutureExt as _;
use releng_common::auth::{csrf, session};
use releng_common::http::admission::Gate;
use releng_common::http::frame::note_caller;
use releng_common::{Error, Result};

use super::answer::CSRF;
use crate::State;
use crate::domain::Caller;
use crate::ops::{self, Credentials, NEEDS_TOKEN};

/// Returns the sender, if it is somebody.
pub(super) async fn caller(request: &HttpRequest, state: &Data<State>) -> Result<Option<Caller>> {
    let credentials = Credentials {
        token: token(request),
        session: session_id(request),
    };
    let caller = ops::caller_find(state, credentials).await?;
    if let Some(caller) = &caller {
        note_caller(request, &caller.user.email);
    }
    Ok(caller)
}

/// Returns the sender, who must be somebody.
pub(super) async fn required(request: &HttpRequest, state: &Data<State>) -> Result<Caller> {
    caller(request, state)
        .await?
        .ok_or_else(|| Error::forbidden(NEEDS_TOKEN))
}

/// Returns the rule that a request with a token that does not hold is refused wherever it goes
/// (tecken.md §7.2); without a token nothing is asked.
pub(crate) fn gate(state: &Data<State>) -> Gate {
    let state = Data::clone(state);
    Gate::new(move |request| {
        // This one never looks at anything (D-6).
        let token = token(request).filter(|_| request.path() != "/__lbheartbeat__")?;
        let state = Data::clone(&state);
        let asking = async move {
            let credentials = Credentials {
                token: Some(token),
                session: None,
            };
            ops::caller_find(&state, credentials).await.map(|_| ())
        };
        Some(asking.boxed_local())
    })
}

/// Refuses a change that another site asks for in the name of a session (D-35).
pub(super) fn check_origin(
    request: &HttpRequest,
    state: &Data<State>,
    has_session: bool,
) -> Result<()> {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|v| v.to_str().unwrap_or_default())
    };
    let base = state.outside.base(request);
    if has_session && !csrf::is_same_origin(&base, header("origin"), header("referer")) {
        return Err(Error::forbidden(CSRF));
    }
    Ok(())
}

/// Returns the session id of the cookie.
pub(super) fn session_id(request: &HttpRequest) -> Option<String> {
    let cookies = request.headers().get_all("cookie");
    cookies
        .filter_map(|v| v.to_str().ok())
        .find_map(session::in_cookies)
        .map(str::to_owned)
}

/// Bytes that are no text are a token that was never issued.
fn token(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get("auth-token")?;
    Some(value.to_str().unwrap_or("?").trim().to_owned())
}
