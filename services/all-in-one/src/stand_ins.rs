// SPDX-License-Identifier: MPL-2.0
//! Stand-ins for Taskcluster and for an OpenID provider, served beside the home page.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, guard};
use releng_common::{Error, Result};
use releng_testkit::{fake_oidc, fake_taskcluster};

use crate::accounts::{CLIENTS, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, TECKEN_ADMIN, TECKEN_UPLOADER};

/// Path below which the OpenID provider answers.
pub const OIDC_PATH: &str = "/oidc";

/// Both stand-ins.
#[derive(Clone)]
pub struct StandIns {
    taskcluster: Arc<fake_taskcluster::State>,
    oidc: Arc<fake_oidc::State>,
}

impl StandIns {
    /// Creates them for a home page at `root`.
    ///
    /// # Errors
    /// The provider has no key.
    pub fn new(root: &str) -> Result<Self> {
        let clients = CLIENTS
            .iter()
            .map(|c| fake_taskcluster::Client::new(c.id, c.token, c.scopes));
        let accounts = CLIENTS
            .iter()
            .map(|c| fake_taskcluster::Account::new(c.id, c.id, c.scopes));
        let taskcluster = fake_taskcluster::State::new(fake_taskcluster::Config {
            clients: clients.collect(),
            accounts: accounts.collect(),
            ..fake_taskcluster::Config::default()
        });
        let config = fake_oidc::Config {
            client_id: OIDC_CLIENT_ID.to_owned(),
            client_secret: OIDC_CLIENT_SECRET.to_owned(),
            redirect_uris: Vec::new(),
            accounts: vec![
                fake_oidc::Account::new(TECKEN_ADMIN),
                fake_oidc::Account::new(TECKEN_UPLOADER),
            ],
            algorithm: fake_oidc::Algorithm::Hs256,
        };
        let issuer = format!("{root}{OIDC_PATH}/");
        let oidc = fake_oidc::State::new(config, &issuer)
            .map_err(|e| Error::internal(format!("no OpenID provider: {e:#}")))?;
        Ok(Self { taskcluster, oidc })
    }

    /// Mounts both, for programs and browsers on this machine alone: whoever reaches the demo from
    /// elsewhere must not sign in as anybody.
    pub fn configure(&self, config: &mut ServiceConfig) {
        for path in [OIDC_PATH, "/api", "/login"] {
            config.service(
                web::scope(path)
                    .guard(guard::fn_guard(|context| {
                        !is_local(context.head().peer_addr)
                    }))
                    .default_service(web::to(|| async {
                        Err::<HttpResponse, _>(Error::forbidden("only from this machine"))
                    })),
            );
        }
        let oidc = Arc::clone(&self.oidc);
        config.service(web::scope(OIDC_PATH).configure(move |cfg| fake_oidc::configure(cfg, oidc)));
        fake_taskcluster::configure(config, Arc::clone(&self.taskcluster));
    }
}

fn is_local(peer: Option<SocketAddr>) -> bool {
    peer.is_some_and(|address| address.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, http::StatusCode};

    use super::*;

    #[actix_web::test]
    async fn only_this_machine_reaches_the_stand_ins() {
        let stand_ins = StandIns::new("http://127.0.0.1:8000").unwrap();
        let app = init_service(App::new().configure(|config| stand_ins.configure(config))).await;
        let discovery = format!("{OIDC_PATH}/.well-known/openid-configuration");
        for (peer, expected) in [
            ("127.0.0.1:5", StatusCode::OK),
            ("[::1]:5", StatusCode::OK),
            ("192.0.2.2:5", StatusCode::FORBIDDEN),
        ] {
            for path in ["/api/auth/v1/ping", discovery.as_str()] {
                let request = TestRequest::get()
                    .uri(path)
                    .peer_addr(peer.parse().unwrap());
                let answer = call_service(&app, request.to_request()).await;
                assert_eq!(answer.status(), expected, "{path} from {peer}");
            }
        }
    }
}
