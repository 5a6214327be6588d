// SPDX-License-Identifier: MPL-2.0
//! A service under test: on a free port, with a database and folders of its own, reached as a
//! client reaches it. Clients with different rights are different values, so that a test shows its
//! permission: `app.anonymous()`, `app.client(&["scope"])`.

use std::path::Path;
use std::time::Duration;

use releng_common::Clock;
use releng_common::config::Source;
use releng_common::run::{Server, Service};
use reqwest::Method;
use serde_json::{Value, json};

use crate::database::{Backend, Template, TestDatabase};
use crate::hawk_client::{Credentials, SignedRequest as _};
use crate::poll::block_on;
use crate::temp::{self, TempDir};

/// Longest time that one request of a test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service.
pub struct TestApp<S: Service> {
    server: Option<Server>,
    address: String,
    settings: S::Settings,
    /// Folder with everything that the service stores.
    pub data: TempDir,
    /// The database of this test.
    pub database: TestDatabase,
    http: reqwest::Client,
}

/// Prepares a [`TestApp`].
pub struct TestAppBuilder {
    backend: Backend,
    settings: Vec<(String, String)>,
    clients: Vec<Value>,
    clock: Clock,
    with_workers: bool,
}

impl TestAppBuilder {
    /// Begins with the embedded defaults on the given database.
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            settings: Vec::new(),
            clients: Vec::new(),
            clock: Clock::system(),
            with_workers: true,
        }
    }

    /// Sets a setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a Hawk client with these scopes to `AUTH_CLIENTS_FILE`; its token is `<id>-token`.
    #[must_use]
    pub fn with_client(mut self, id: &str, scopes: &[&str]) -> Self {
        self.clients.push(json!({
            "clientId": id, "accessToken": format!("{id}-token"), "scopes": scopes,
        }));
        self
    }

    /// Gives the service another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Leaves the background work out.
    #[must_use]
    pub fn without_workers(mut self) -> Self {
        self.with_workers = false;
        self
    }

    /// Starts the service.
    ///
    /// # Panics
    /// When it does not start: then the test has nothing to say.
    pub async fn start<S: Service>(self) -> TestApp<S> {
        let data = temp::dir();
        let database = database::<S>(self.backend);
        let mut source = S::INFO
            .source(Source::from_pairs::<String, String>([]))
            .set("PORT", "0")
            .set("DATA_DIR", data.path().display().to_string())
            .set("DATABASE_URL", database.url())
            .set("WORKERS", "1");
        if !self.clients.is_empty() {
            let path = data.path().join("clients.yaml");
            // JSON is YAML.
            std::fs::write(&path, Value::Array(self.clients).to_string()).expect("clients file");
            source = source.set("AUTH_CLIENTS_FILE", path.display().to_string());
        }
        for (name, value) in self.settings {
            source = source.set(&name, value);
        }
        let settings = S::settings(&source).unwrap_or_else(|e| panic!("settings: {e}"));
        let server = Server::start::<S>(settings.clone(), self.clock, self.with_workers)
            .await
            .unwrap_or_else(|e| panic!("{} does not start: {e:?}", S::INFO.name));
        TestApp {
            address: format!("http://{}", server.address()),
            server: Some(server),
            settings,
            data,
            database,
            http: http(),
        }
    }
}

impl<S: Service> TestApp<S> {
    /// Returns the base address, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the settings in force.
    pub fn settings(&self) -> &S::Settings {
        &self.settings
    }

    /// Returns a client without credentials.
    pub fn anonymous(&self) -> Client {
        Client {
            base: self.address.clone(),
            http: self.http.clone(),
            credentials: None,
        }
    }

    /// Returns a client that signs as a client of the file.
    pub fn client(&self, id: &str) -> Client {
        self.signed_by(Credentials::new(id, format!("{id}-token")))
    }

    /// Returns a client with any credentials.
    pub fn signed_by(&self, credentials: Credentials) -> Client {
        Client {
            credentials: Some(credentials),
            ..self.anonymous()
        }
    }

    /// Stops the service as SIGTERM does, leaving its data.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

/// Makes the database of one test from the migrated template of its service.
fn database<S: Service>(backend: Backend) -> TestDatabase {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../services")
        .join(S::INFO.name)
        .join("migrations");
    Template::of_migrations(S::INFO.name, &folder, |url: &str| {
        let source = S::INFO
            .source(Source::from_pairs::<String, String>([]))
            .set("DATABASE_URL", url);
        let settings = S::settings(&source)?;
        Ok(block_on(S::migrate(&settings))?)
    })
    .create(backend)
}

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client for tests")
}

/// A client of the service, with or without credentials. It follows no redirect.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    credentials: Option<Credentials>,
}

impl Client {
    /// Sends GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends HEAD.
    pub async fn head(&self, path: &str) -> Answer {
        self.send(self.request(Method::HEAD, path)).await
    }

    /// Sends DELETE without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self
            .request(method, path)
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request).await
    }

    /// Begins any request; finish it with [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        self.http.request(method, url)
    }

    /// Signs (when this client has credentials) and sends.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = match &self.credentials {
            Some(credentials) => request.hawk(credentials).expect("a signature"),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a body").to_vec(),
        }
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Bytes of the body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("no JSON ({e}) in {}: {}", self.status, self.text()))
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns a header, empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }
}
