// SPDX-License-Identifier: MPL-2.0
//! Mails: `POST /api/notify/v1/email` keeps what would have been sent.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::auth_routes::{caller, failed, invalid, malformed, read_json};
use super::scope_set::satisfies;
use super::state::State;

/// Bounds of the real service, in characters.
const MAX_SUBJECT: usize = 255;
const MAX_CONTENT: usize = 102_400;

/// A mail that a service ordered.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who gets it.
    pub address: String,
    /// Its subject.
    pub subject: String,
    /// Its text, in Markdown.
    pub content: String,
    /// The button below the text.
    pub link: Option<Link>,
    /// Address for answers.
    #[serde(rename = "replyTo")]
    pub reply_to: Option<String>,
    /// Look of the mail: `simple` or `fullscreen`.
    pub template: Option<String>,
}

/// A button in a mail.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its caption.
    pub text: String,
    /// Its target.
    pub href: String,
}

/// Mounts the route inside `/api`.
pub(super) fn configure(cfg: &mut ServiceConfig) {
    cfg.route(
        "/notify/v1/email",
        web::post().to(
            |state: Data<State>, req: HttpRequest, body: Bytes| async move {
                email(&state, &req, &body)
            },
        ),
    );
}

fn email(state: &State, req: &HttpRequest, body: &Bytes) -> HttpResponse {
    let scopes = match caller(state, req) {
        Ok(scopes) => scopes,
        Err(message) => return failed(&message),
    };
    let payload = match read_json(req, body) {
        Ok(payload) => payload,
        Err(problem) => return malformed(&problem),
    };
    let mail: Mail = match serde_json::from_value(payload.clone()) {
        Ok(mail) => mail,
        Err(error) => return invalid("email", &[error.to_string()], &payload),
    };
    let problems = problems(&mail);
    if !problems.is_empty() {
        return invalid("email", &problems, &payload);
    }
    let needed = format!("notify:email:{}", mail.address);
    if !satisfies(&scopes, std::slice::from_ref(&needed)) {
        return HttpResponse::build(StatusCode::FORBIDDEN).json(json!({
            "code": "InsufficientScopes",
            "message": format!("the client does not have {needed}"),
        }));
    }
    state.remember_mail(mail);
    HttpResponse::Ok().json(json!({}))
}

fn problems(mail: &Mail) -> Vec<String> {
    let mut problems = Vec::new();
    if !mail.address.contains('@') {
        problems.push("data/address must match format \"email\"".to_owned());
    }
    for (name, text, max) in [
        ("subject", &mail.subject, MAX_SUBJECT),
        ("content", &mail.content, MAX_CONTENT),
    ] {
        let length = text.chars().count();
        if length == 0 || length > max {
            problems.push(format!("data/{name} must have 1 to {max} characters"));
        }
    }
    problems
}
