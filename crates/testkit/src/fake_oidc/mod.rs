// SPDX-License-Identifier: MPL-2.0
//! A stand-in for an OpenID provider with the parts of Auth0 that services use: sign-in by the code
//! flow, user information, and the list of users that knows who is blocked.

mod authorize;
mod grants;
mod id_token;
mod state;
mod users;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

pub use state::State;

use crate::misbehaviour::Behaviour;
use crate::serving::{Port, Server};

/// What a provider knows from the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Client id of the service.
    pub client_id: String,
    /// Secret of the service, which also signs tokens under HS256.
    pub client_secret: String,
    /// Addresses that a sign-in may return to, exactly. Without any, all loopback addresses are good.
    pub redirect_uris: Vec<String>,
    /// People who can sign in.
    pub accounts: Vec<Account>,
    /// How tokens are signed.
    pub algorithm: Algorithm,
}

/// How identity tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// With the secret of the client.
    #[default]
    Hs256,
    /// With a key of the provider's own, published at `/jwks`.
    Rs256,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The address by which services know the person.
    pub email: String,
    /// Text on the button of the sign-in page.
    pub name: String,
    /// Whether an administrator of the provider has blocked the person. Blocked people are shown as
    /// such in the list of users; the provider lets them sign in all the same, so that services
    /// prove that they look.
    pub is_blocked: bool,
}

/// How the provider departs from the truth. A service must refuse each of these sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The person changes their mind: `error=access_denied` instead of a code.
    AccessDenied,
    /// The `state` of the answer is another one than that of the request.
    WrongState,
    /// The identity token is for another sign-in.
    WrongNonce,
    /// The identity token has no nonce.
    NoNonce,
    /// The signature of the identity token does not fit.
    WrongSignature,
    /// The identity token is not signed at all (`alg: none`).
    Unsigned,
    /// The identity token comes from another provider.
    WrongIssuer,
    /// The identity token is for another service.
    WrongAudience,
    /// The identity token is an hour too old.
    Expired,
    /// The answer to the code has no identity token.
    NoIdToken,
    /// The user information has no e-mail address.
    NoEmail,
}

impl Default for Config {
    /// Describes a provider with one account, for a service called `demo-client`.
    fn default() -> Self {
        Self {
            client_id: "demo-client".to_owned(),
            client_secret: "demo-secret-of-the-stand-in-provider".to_owned(),
            redirect_uris: Vec::new(),
            accounts: vec![Account::new("demo@example.com")],
            algorithm: Algorithm::default(),
        }
    }
}

impl Account {
    /// Describes a person in good standing.
    pub fn new(email: &str) -> Self {
        Self {
            email: email.to_owned(),
            name: email.to_owned(),
            is_blocked: false,
        }
    }

    /// Describes a person whom the provider has blocked.
    pub fn blocked(email: &str) -> Self {
        Self {
            is_blocked: true,
            ..Self::new(email)
        }
    }
}

/// Mounts the provider at the place of `cfg`, which must be that of the issuer of `state`.
pub fn configure(cfg: &mut ServiceConfig, state: Arc<State>) {
    cfg.app_data(Data::from(Arc::clone(&state)))
        .route(
            "/.well-known/openid-configuration",
            web::get().to(|state: Data<State>| async move { discovery(&state) }),
        )
        .configure(authorize::configure);
    for (path, route) in [
        grants::token_route(),
        users::userinfo(),
        users::list(),
        id_token::jwks(),
        id_token::jwks_of_auth0(),
    ] {
        let state = Arc::clone(&state);
        cfg.service(
            web::resource(path)
                .route(route)
                .wrap(from_fn(move |req, next| {
                    let state = Arc::clone(&state);
                    async move { state.conduct.apply(req, next).await }
                })),
        );
    }
}

fn discovery(state: &State) -> HttpResponse {
    let issuer = state.issuer();
    let base = issuer.trim_end_matches('/');
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/jwks"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [state.algorithm_name()],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256", "plain"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "email", "email_verified"],
    }))
}

/// Returns the token of `Authorization: Bearer …`.
fn bearer(req: &HttpRequest) -> Option<&str> {
    req.headers()
        .get("authorization")?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

/// A provider that serves on a free loopback port until it is dropped.
pub struct FakeOidc {
    state: Arc<State>,
    url: String,
    _server: Server,
}

impl FakeOidc {
    /// Starts a provider.
    ///
    /// # Panics
    /// When the machine has no free loopback port, no thread or no randomness left.
    pub fn start(config: Config) -> Self {
        let started = Port::open().map_err(anyhow::Error::from).and_then(|port| {
            let url = port.url();
            let state = State::new(config, &url)?;
            let mounted = Arc::clone(&state);
            let server = port.serve(move |cfg| configure(cfg, Arc::clone(&mounted)))?;
            Ok(Self {
                state,
                url,
                _server: server,
            })
        });
        match started {
            Ok(provider) => provider,
            Err(error) => panic!("the stand-in for an OpenID provider does not start: {error:#}"),
        }
    }

    /// Returns the issuer, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns what the provider knows, to look into and to change.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Behaves so from now on, on all paths that services call (not those of browsers).
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.state.set_behaviour(behaviour);
    }

    /// Behaves so for the next `requests` requests of services, and normally afterwards.
    pub fn set_behaviour_for(&self, requests: usize, behaviour: Behaviour) {
        self.state.set_behaviour_for(requests, behaviour);
    }

    /// Departs so from the truth from now on; `None` ends it.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state.set_fault(fault);
    }

    /// Returns the number of requests of services so far, failed ones included.
    pub fn hits(&self) -> usize {
        self.state.hits()
    }

    /// Returns the number of requests so far whose path ends with `path`.
    pub fn hits_of(&self, path: &str) -> usize {
        self.state.hits_of(path)
    }
}
