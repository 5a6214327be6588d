// SPDX-License-Identifier: MPL-2.0
//! Who sent a request: nobody, a Taskcluster client, or the bearer of an old token. Credentials that
//! do not hold count as none, but a refusal says what was wrong with them.

use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use releng_common::Result;
use releng_common::auth::{Caller, Verdict};
use releng_common::http::frame::note_caller;

use crate::State;
use crate::ops::{self, Bearer};

/// Beginning of the header that carries a token of RelengAPI.
const BEARER: &str = "Bearer ";

/// The caller and how he proved who he is.
pub(super) enum Identity {
    /// Credentials are absent or do not hold.
    Anonymous,
    /// Hawk.
    Taskcluster(Caller),
    /// A token of RelengAPI.
    Token(Bearer),
}

impl Identity {
    /// Asks who is calling.
    ///
    /// # Errors
    /// `Unavailable` when credentials cannot be verified now (D-5).
    pub(super) async fn of(request: &HttpRequest, state: &Data<State>) -> Result<Self> {
        if let Some(token) = bearer_token(request).filter(|_| state.token_key.is_some()) {
            return Self::of_token(request, state, token).await;
        }
        let (outside, authenticator) = (&state.outside, &state.authenticator);
        match releng_common::http::verdict(request, outside, authenticator).await? {
            Verdict::Success(caller) => Ok(Self::Taskcluster(caller)),
            Verdict::NoCredentials => Ok(Self::Anonymous),
            Verdict::Failed(reason) => {
                refused(request, Scheme::Hawk, &reason);
                Ok(Self::Anonymous)
            }
        }
    }

    async fn of_token(request: &HttpRequest, state: &Data<State>, token: &str) -> Result<Self> {
        match ops::token_bearer(state, token).await? {
            Some(bearer) => {
                note_caller(request, bearer.caller.client_id().unwrap_or_default());
                Ok(Self::Token(bearer))
            }
            None => {
                refused(request, Scheme::Bearer, "the token does not hold");
                Ok(Self::Anonymous)
            }
        }
    }

    /// Returns the caller alone.
    pub(super) fn into_caller(self) -> Caller {
        match self {
            Self::Anonymous => Caller::anonymous(),
            Self::Taskcluster(caller) => caller,
            Self::Token(bearer) => bearer.caller,
        }
    }
}

fn bearer_token(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?;
    header.to_str().ok()?.strip_prefix(BEARER).map(str::trim)
}

/// Why the credentials of a request do not hold, left in the request for the refusal.
struct Refused {
    scheme: Scheme,
    reason: String,
}

/// How credentials were sent.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    /// Signed by a Taskcluster client.
    Hawk,
    /// A token of RelengAPI.
    Bearer,
}

/// Notes that credentials do not hold.
pub(super) fn refused(request: &HttpRequest, scheme: Scheme, reason: &str) {
    tracing::warn!(reason, "credentials refused");
    let reason = reason.chars().take(MAX_REASON_CHARS).collect();
    let refused = Refused { scheme, reason };
    request.extensions_mut().insert(refused);
}

/// The auth service words the reason; it is not repeated without end.
const MAX_REASON_CHARS: usize = 200;

/// Returns what was wrong with the credentials of a request: a typo in a token must not look like
/// a missing permission.
pub(super) fn reason(request: &HttpRequest) -> Option<String> {
    let extensions = request.extensions();
    extensions.get::<Refused>().map(|r| r.reason.clone())
}

/// Says the same in the header that is meant for it.
pub(super) fn challenge(request: &HttpRequest, response: &mut HttpResponse) {
    let extensions = request.extensions();
    let Some(Refused { scheme, reason }) = extensions.get() else {
        return;
    };
    let reason = quotable(reason);
    let text = match scheme {
        Scheme::Hawk => format!("Hawk error=\"{reason}\""),
        // The form of RFC 6750.
        Scheme::Bearer => {
            format!("Bearer error=\"invalid_token\", error_description=\"{reason}\"")
        }
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}

/// Leaves out what would end a quoted text, or the header.
fn quotable(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_graphic() && !matches!(c, '"' | '\\') {
            c
        } else {
            ' '
        }
    };
    let text: String = text.chars().map(plain).collect();
    text.trim().to_owned()
}
