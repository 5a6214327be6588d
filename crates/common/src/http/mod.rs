// SPDX-License-Identifier: MPL-2.0
//! The HTTP frame that all services share: routes that know their methods, one middleware for
//! request id, errors, CORS, headers and the request log, Dockerflow, and the common look of pages.

pub mod admission;
pub mod assets;
pub mod body;
pub mod cors;
pub mod dockerflow;
pub mod frame;
pub mod in_flight;
pub mod outside;
pub mod page;
pub mod problem;
pub mod query;
pub mod routes;
pub mod security_headers;
pub mod shape;
pub mod unread;

pub use frame::Frame;
pub use outside::Outside;
pub use routes::Routes;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use crate::auth::{Authenticator, Caller, HawkRequest, Verdict};
use crate::error::{Error, Result};

/// The neutral error as actix sees it. The frame replaces the bare answer by the service's own form.
impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// Asks who sent the request. Handlers that serve everybody must not call it: a broken auth service
/// must not touch them.
///
/// # Errors
/// `Unavailable` when the auth service had to be asked and does not answer.
pub async fn verdict(
    request: &HttpRequest,
    outside: &Outside,
    authenticator: &Authenticator,
) -> Result<Verdict> {
    let verdict = authenticator
        .verify(&hawk_request(request, outside))
        .await?;
    if let Verdict::Success(caller) = &verdict {
        frame::note_caller(request, caller.client_id().unwrap_or_default());
    }
    Ok(verdict)
}

/// Asks who sent the request and takes credentials that do not hold for none.
///
/// # Errors
/// As [`verdict`].
pub async fn caller(
    request: &HttpRequest,
    outside: &Outside,
    authenticator: &Authenticator,
) -> Result<Caller> {
    match verdict(request, outside, authenticator).await? {
        Verdict::Success(caller) => Ok(caller),
        Verdict::Failed(message) => {
            tracing::warn!(reason = message, "credentials refused");
            Ok(Caller::anonymous())
        }
        Verdict::NoCredentials => Ok(Caller::anonymous()),
    }
}

/// Returns what a Hawk signature of this request covers.
fn hawk_request(request: &HttpRequest, outside: &Outside) -> HawkRequest {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|v| v.to_str().ok())
            .filter(|v| !v.is_empty())
    };
    let authorization = header("authorization").or_else(|| header("authentication"));
    let (host, port) = outside.host_and_port(request);
    HawkRequest {
        method: request.method().as_str().to_ascii_lowercase(),
        resource: outside.resource(request),
        host,
        port,
        authorization: authorization
            .filter(|h| h.starts_with("Hawk"))
            .map(str::to_owned),
        source_ip: request.peer_addr().map(|a| a.ip().to_string()),
    }
}
