// SPDX-License-Identifier: MPL-2.0
//! A stand-in for a Taskcluster deployment: verification of Hawk signatures, roles, mails and the
//! sign-in of browsers. It speaks the real protocol, misbehaves on demand and keeps nothing on disk.

mod attributes;
mod auth_routes;
mod login;
mod notify;
mod question;
mod restriction;
mod scope_set;
mod state;
mod verdict;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use chrono::{DateTime, Utc};
use releng_common::Clock;
use serde_json::Value;

pub use notify::{Link, Mail};
pub use state::State;

use crate::hawk_client::Credentials;
use crate::misbehaviour::Behaviour;
use crate::serving::{Port, Server};

/// What a deployment knows from the start.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Clients with their keys.
    pub clients: Vec<Client>,
    /// Roles that `assume:` scopes expand to.
    pub roles: Vec<Role>,
    /// People who can sign in with a browser.
    pub accounts: Vec<Account>,
    /// Web applications that may ask for a sign-in. Without any, every application on a loopback
    /// address may.
    pub applications: Vec<Application>,
    /// Where expiry is judged. Signatures are judged by the machine's clock.
    pub clock: Clock,
}

/// A client of the auth service.
#[derive(Clone, Debug)]
pub struct Client {
    /// Name that requests carry.
    pub client_id: String,
    /// Key that signs them.
    pub access_token: String,
    /// Scopes before expansion.
    pub scopes: Vec<String>,
    /// End of its life.
    pub expires: DateTime<Utc>,
    /// Whether an administrator has switched it off.
    pub is_disabled: bool,
}

/// A named set of scopes. A name with a star at the end stands for all names that begin so, and
/// `<..>` in its scopes for the rest of the name.
#[derive(Clone, Debug)]
pub struct Role {
    /// Name without `assume:`.
    pub id: String,
    /// What the role gives.
    pub scopes: Vec<String>,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Text on the button of the sign-in page.
    pub name: String,
    /// Client id of the credentials that a sign-in yields.
    pub client_id: String,
    /// Scopes of these credentials, before expansion.
    pub scopes: Vec<String>,
}

/// A web application that is registered for the sign-in.
#[derive(Clone, Debug)]
pub struct Application {
    /// Name that its requests carry.
    pub client_id: String,
    /// Addresses that a sign-in may return to, exactly.
    pub redirect_uris: Vec<String>,
}

impl Client {
    /// Describes a client that stays good for the next thousand years.
    pub fn new(client_id: &str, access_token: &str, scopes: &[&str]) -> Self {
        Self {
            client_id: client_id.to_owned(),
            access_token: access_token.to_owned(),
            scopes: owned(scopes),
            expires: DateTime::from_timestamp(32_503_680_000, 0)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
            is_disabled: false,
        }
    }

    /// Returns what signs requests in its name.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.client_id, &self.access_token)
    }
}

impl Role {
    /// Describes a role.
    pub fn new(id: &str, scopes: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            scopes: owned(scopes),
        }
    }
}

impl Account {
    /// Describes a person.
    pub fn new(name: &str, client_id: &str, scopes: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            client_id: client_id.to_owned(),
            scopes: owned(scopes),
        }
    }
}

fn owned(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|&scope| scope.to_owned()).collect()
}

/// Mounts the deployment at the place of `cfg`: `/api/auth/v1`, `/api/notify/v1` and `/login/oauth`.
pub fn configure(cfg: &mut ServiceConfig, state: Arc<State>) {
    let guard = Arc::clone(&state);
    let misbehave = from_fn(move |req, next| {
        let state = Arc::clone(&guard);
        async move { state.conduct.apply(req, next).await }
    });
    cfg.app_data(web::Data::from(Arc::clone(&state))).service(
        web::scope("/api")
            .wrap(misbehave)
            .configure(auth_routes::configure)
            .configure(notify::configure),
    );
    login::configure(cfg, state);
}

/// A deployment that serves on a free loopback port until it is dropped.
pub struct FakeTaskcluster {
    state: Arc<State>,
    url: String,
    _server: Server,
}

impl FakeTaskcluster {
    /// Starts a deployment.
    ///
    /// # Panics
    /// When the machine has no free loopback port or no thread left.
    pub fn start(config: Config) -> Self {
        let state = State::new(config);
        let mounted = Arc::clone(&state);
        let started = Port::open().and_then(|port| {
            let url = port.url();
            Ok((
                url,
                port.serve(move |cfg| configure(cfg, Arc::clone(&mounted)))?,
            ))
        });
        match started {
            Ok((url, server)) => Self {
                state,
                url,
                _server: server,
            },
            Err(error) => panic!("the stand-in for Taskcluster does not start: {error}"),
        }
    }

    /// Returns the root URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns what the deployment knows, to look into and to change.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Behaves so from now on, on all paths below `/api`.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.state.set_behaviour(behaviour);
    }

    /// Behaves so for the next `requests` requests below `/api`, and normally afterwards.
    pub fn set_behaviour_for(&self, requests: usize, behaviour: Behaviour) {
        self.state.set_behaviour_for(requests, behaviour);
    }

    /// Returns the number of requests below `/api` so far, failed ones included.
    pub fn hits(&self) -> usize {
        self.state.hits()
    }

    /// Returns the number of requests so far whose path ends with `path`.
    pub fn hits_of(&self, path: &str) -> usize {
        self.state.hits_of(path)
    }

    /// Returns the latest questions to `authenticate-hawk`, word for word.
    pub fn questions(&self) -> Vec<Value> {
        self.state.questions()
    }

    /// Returns the mails that were ordered.
    pub fn mails(&self) -> Vec<Mail> {
        self.state.mails()
    }
}
