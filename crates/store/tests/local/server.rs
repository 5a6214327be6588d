// SPDX-License-Identifier: MPL-2.0
//! The local store behind a real socket.

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use releng_store::local::LocalStore;
use releng_store::local::http::{Buckets, configure};
use reqwest::{Client, Response};

pub(crate) struct Server {
    pub(crate) base: String,
    handle: Option<ServerHandle>,
}

impl Server {
    pub(crate) fn start<const N: usize>(stores: [LocalStore; N]) -> Self {
        let buckets: Buckets = stores.into_iter().collect();
        let server = HttpServer::new(move || App::new().configure(|c| configure(c, &buckets)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let base = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = Some(server.handle());
        tokio::spawn(server);
        Self { base, handle }
    }

    /// Lets the server live as long as the test.
    pub(crate) fn forget(mut self) -> String {
        self.handle = None;
        self.base.clone()
    }

    pub(crate) async fn get(&self, url: &str) -> Response {
        Client::new().get(url).send().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            drop(handle.stop(false));
        }
    }
}
