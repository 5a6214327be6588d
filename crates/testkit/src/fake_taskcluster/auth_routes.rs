// SPDX-License-Identifier: MPL-2.0
//! The routes below `/api/auth/v1`, and the frame that all API routes share.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::question::Question;
use super::scope_set::expand;
use super::state::State;
use super::verdict::{Verdict, authenticate, rfc3339};

/// Mounts the routes inside `/api`.
pub(super) fn configure(cfg: &mut ServiceConfig) {
    cfg.service(
        web::scope("/auth/v1")
            .route(
                "/ping",
                web::get().to(|state: Data<State>| async move {
                    HttpResponse::Ok().json(json!({"alive": true, "uptime": uptime(&state)}))
                }),
            )
            .route(
                "/authenticate-hawk",
                web::post().to(
                    |state: Data<State>, req: HttpRequest, body: Bytes| async move {
                        authenticate_hawk(&state, &req, &body)
                    },
                ),
            )
            .route(
                "/scopes/current",
                web::get().to(|state: Data<State>, req: HttpRequest| async move {
                    current_scopes(&state, &req)
                }),
            ),
    );
}

/// Returns the seconds since the epoch: a process without a start time has been up for all of them.
fn uptime(state: &State) -> i64 {
    state.now().timestamp()
}

fn authenticate_hawk(state: &State, req: &HttpRequest, body: &Bytes) -> HttpResponse {
    let payload = match read_json(req, body) {
        Ok(payload) => payload,
        Err(problem) => return malformed(&problem),
    };
    state.remember_question(payload.clone());
    match Question::parse(&payload) {
        Ok(question) => HttpResponse::Ok().json(authenticate(state, &question).to_json()),
        Err(problems) => invalid("authenticateHawk", &problems, &payload),
    }
}

fn current_scopes(state: &State, req: &HttpRequest) -> HttpResponse {
    match caller(state, req) {
        Ok(scopes) => HttpResponse::Ok().json(json!({"scopes": scopes})),
        Err(message) => failed(&message),
    }
}

/// Returns the scopes of whoever signed a request to the deployment itself.
///
/// # Errors
/// Why the signature is worth nothing.
pub(super) fn caller(state: &State, req: &HttpRequest) -> Result<Vec<String>, String> {
    let question = own_question(req)?;
    match authenticate(state, &question) {
        Verdict::Success { scopes, .. } => Ok(scopes),
        Verdict::NoAuth { .. } => Ok(expand(&["assume:anonymous".to_owned()], &state.roles)),
        Verdict::Failed(message) => Err(message),
    }
}

fn own_question(req: &HttpRequest) -> Result<Question, String> {
    let text = |name| {
        req.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let host = text(header::HOST).ok_or("Bad Request: Invalid Host header")?;
    let (host, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (
            name,
            port.parse()
                .map_err(|_| "Bad Request: Invalid Host header")?,
        ),
        _ => (host, 80),
    };
    Ok(Question {
        method: req.method().as_str().to_ascii_lowercase(),
        resource: req
            .uri()
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
        port,
        authorization: text(header::AUTHORIZATION).map(str::to_owned),
    })
}

/// Reads a JSON body.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read_json(req: &HttpRequest, body: &Bytes) -> Result<Value, String> {
    let content_type = req
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    if content_type.is_some_and(|text| text.starts_with("application/json")) {
        serde_json::from_slice(body).map_err(|error| format!("the payload is not JSON: {error}"))
    } else {
        Err("the payload must be application/json".to_owned())
    }
}

/// Returns the refusal of a body that cannot be read.
pub(super) fn malformed(problem: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"code": "MalformedPayload", "message": problem}))
}

/// Returns the refusal of a payload that breaks the schema.
pub(super) fn invalid(method: &str, problems: &[String], payload: &Value) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({
        "code": "InputValidationError",
        "message": format!("Schema Validation Failed: {}", problems.join("; ")),
        "requestInfo": {
            "method": method,
            "params": {},
            "payload": payload,
            "time": rfc3339(releng_common::Clock::system().now()),
        },
    }))
}

/// Returns the refusal of a signature.
pub(super) fn failed(message: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::UNAUTHORIZED)
        .json(json!({"code": "AuthenticationFailed", "message": message}))
}
