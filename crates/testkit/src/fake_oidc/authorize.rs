// SPDX-License-Identifier: MPL-2.0
//! `/authorize`: a page with the accounts, or straight back with a code for the one in `login_hint`.

use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::Fault;
use super::state::State;
use crate::code_flow::{Accepted, Authorization, Challenge, account_page, refuse_page};

/// What a code stands for.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) email: String,
    pub(super) redirect_uri: String,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<Challenge>,
}

/// Mounts the route.
pub(super) fn configure(cfg: &mut ServiceConfig) {
    cfg.route(
        "/authorize",
        web::get().to(
            |state: Data<State>, query: Query<Authorization>, req: HttpRequest| async move {
                authorize(&state, query.into_inner(), req.query_string())
            },
        ),
    );
}

fn authorize(state: &State, mut request: Authorization, query: &str) -> HttpResponse {
    if request.client_id != state.client_id {
        return refuse_page(&format!(
            "client_id {:?} is not registered",
            request.client_id
        ));
    }
    let registered = (!state.redirect_uris.is_empty()).then_some(state.redirect_uris.as_slice());
    let Accepted { back, challenge } = match request.accept(registered) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    if !request.scope.split(' ').any(|scope| scope == "openid") {
        return request.answer(back, &[("error", "invalid_scope")]);
    }
    let Some(hint) = request.login_hint.clone() else {
        let accounts = state.accounts();
        let choices: Vec<_> = accounts
            .iter()
            .map(|a| (a.email.as_str(), a.name.as_str()))
            .collect();
        return account_page("Sign in", query, &choices);
    };
    if state.has_fault(Fault::WrongState) {
        request.state = Some("another-state".to_owned());
    }
    let account = state
        .account(&hint)
        .filter(|_| !state.has_fault(Fault::AccessDenied));
    let Some(account) = account else {
        return request.answer(back, &[("error", "access_denied")]);
    };
    let code = state.codes.issue(Code {
        email: account.email,
        redirect_uri: request.redirect_uri.clone(),
        nonce: request.nonce.clone(),
        challenge,
    });
    request.answer(back, &[("code", &code)])
}
