// SPDX-License-Identifier: MPL-2.0
//! The sign-in of web applications: `/login/oauth/authorize`, `/token` and `/credentials`. Everybody
//! who clicks on an account has it.

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, Form, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Duration;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::state::State;
use super::verdict::rfc3339;
use super::{Account, Client};
use crate::code_flow::{Accepted, Authorization, Challenge, account_page, refuse, refuse_page};
use crate::misbehaviour::Conduct;

/// Life of the credentials when the application names none.
const CREDENTIALS_LIFETIME: Duration = Duration::days(7);

/// What a code or a token stands for.
#[derive(Clone)]
pub(super) struct Grant {
    account: Account,
    application: String,
    redirect_uri: String,
    challenge: Option<Challenge>,
}

#[derive(Deserialize)]
struct Redemption {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    client_id: Option<String>,
    code_verifier: Option<String>,
}

/// Mounts the routes.
pub(super) fn configure(cfg: &mut ServiceConfig, state: Arc<State>) {
    // Its own conduct: a test that breaks the auth service wants the sign-in page to stay.
    let conduct = Arc::new(Conduct::default());
    cfg.service(
        web::scope("/login/oauth")
            .app_data(Data::from(state))
            .wrap(from_fn(move |req, next| {
                let conduct = Arc::clone(&conduct);
                async move { conduct.apply(req, next).await }
            }))
            .route(
                "/authorize",
                web::get().to(
                    |state: Data<State>, query: Query<Authorization>, req: HttpRequest| async move {
                        authorize(&state, &query, req.query_string())
                    },
                ),
            )
            .route(
                "/token",
                web::post().to(|state: Data<State>, form: Form<Redemption>| async move {
                    token(&state, &form)
                }),
            )
            .route(
                "/credentials",
                web::get().to(|state: Data<State>, req: HttpRequest| async move {
                    credentials(&state, &req)
                }),
            ),
    );
}

fn authorize(state: &State, request: &Authorization, query: &str) -> HttpResponse {
    let registered = match registered(state, &request.client_id) {
        Ok(registered) => registered,
        Err(problem) => return refuse_page(&problem),
    };
    let Accepted { back, challenge } = match request.accept(registered) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    let Some(hint) = request.login_hint.as_deref() else {
        let accounts: Vec<_> = state
            .accounts
            .iter()
            .map(|a| (a.client_id.as_str(), a.name.as_str()))
            .collect();
        return account_page("Sign in to Taskcluster", query, &accounts);
    };
    let Some(account) = state
        .accounts
        .iter()
        .find(|account| account.client_id == hint)
    else {
        return request.answer(back, &[("error", "access_denied")]);
    };
    let code = state.codes.issue(Grant {
        account: account.clone(),
        application: request.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        challenge,
    });
    request.answer(back, &[("code", &code)])
}

/// Returns the return addresses of an application, `None` when applications need not register.
fn registered<'a>(state: &'a State, client_id: &str) -> Result<Option<&'a [String]>, String> {
    if client_id.is_empty() {
        return Err("client_id is missing".to_owned());
    }
    if state.applications.is_empty() {
        return Ok(None);
    }
    let application = state
        .applications
        .iter()
        .find(|known| known.client_id == client_id);
    application
        .map(|application| Some(application.redirect_uris.as_slice()))
        .ok_or_else(|| format!("client_id {client_id:?} is not registered"))
}

fn token(state: &State, form: &Redemption) -> HttpResponse {
    if form.grant_type != "authorization_code" {
        return refuse(
            "unsupported_grant_type",
            "only authorization_code is supported",
        );
    }
    let Some(grant) = state.codes.redeem(&form.code) else {
        return refuse("invalid_grant", "unknown, used or expired code");
    };
    if grant.redirect_uri != form.redirect_uri {
        return refuse(
            "invalid_grant",
            "redirect_uri differs from that of the code",
        );
    }
    if form
        .client_id
        .as_ref()
        .is_some_and(|id| *id != grant.application)
    {
        return refuse("invalid_grant", "the code belongs to another application");
    }
    let is_proven = grant
        .challenge
        .as_ref()
        .is_none_or(|challenge| challenge.is_met_by(form.code_verifier.as_deref()));
    if !is_proven {
        return refuse("invalid_grant", "code_verifier does not match");
    }
    let access_token = state.tokens.issue(grant);
    HttpResponse::Ok().json(json!({"access_token": access_token, "token_type": "Bearer"}))
}

fn credentials(state: &State, req: &HttpRequest) -> HttpResponse {
    let token = req
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let grant = token
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|token| state.tokens.look_up(token));
    let Some(grant) = grant else {
        return HttpResponse::BadRequest().json(json!({
            "code": "InputError",
            "message": "Could not generate credentials for this access token",
        }));
    };
    let expires = state.now() + CREDENTIALS_LIFETIME;
    let access_token = format!("demo-{}", Uuid::new_v4().simple());
    state.add_client(Client {
        client_id: grant.account.client_id.clone(),
        access_token: access_token.clone(),
        scopes: grant.account.scopes,
        expires,
        is_disabled: false,
    });
    HttpResponse::Ok().json(json!({
        "expires": rfc3339(expires),
        "credentials": {"clientId": grant.account.client_id, "accessToken": access_token},
    }))
}
