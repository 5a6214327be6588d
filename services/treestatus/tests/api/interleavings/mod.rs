// SPDX-License-Identifier: MPL-2.0
//! Random changes against a model: one after the other with every answer and the whole state compared,
//! and several clients at once with what must hold of the outcome. SQLite with one process, PostgreSQL
//! with two; each request goes to either. `PROPTEST_CASES` sets the number of cases.

mod concurrent;
mod model;
mod outcome;
mod sequential;
mod steps;

use std::path::Path;

use proptest::test_runner::Config;
use releng_testkit::database::{Backend, TestDatabase, backends};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use releng_testkit::process::Process;
use releng_testkit::temp::{self, TempDir};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-treestatus");
/// Names that may exist.
const NAMES: [&str; 4] = ["a", "b", "c", "with blank"];
const CLIENTS: [&str; 4] = ["demo/one", "demo/two", "demo/three", "demo/four"];

/// Processes on one database.
struct Fleet {
    processes: Vec<Process>,
    http: reqwest::Client,
    _database: TestDatabase,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

impl Fleet {
    fn start(backend: Backend) -> Self {
        let folder = temp::dir();
        let database = TestDatabase::empty(backend);
        let clients = folder.path().join("clients.yaml");
        let of = |id| json!({"clientId": id, "accessToken": "t", "scopes": ["project:releng:treestatus/*"]});
        let list: Vec<Value> = CLIENTS.into_iter().map(of).collect();
        std::fs::write(&clients, Value::from(list).to_string()).unwrap();
        let clients = clients.display().to_string();
        let settings = [
            ("AUTH_CLIENTS_FILE", clients.as_str()),
            ("DATABASE_URL", database.url()),
            ("LOG_LEVEL", "info"),
            // A disk that stalls for some seconds is not what these tests are about.
            ("DATABASE_TIMEOUT_SECONDS", "60"),
        ];
        let count = match backend {
            Backend::Sqlite => 1,
            Backend::Postgres => 2,
        };
        let run = |n: usize| {
            let data = folder.path().join(n.to_string());
            serve(&data, &settings)
        };
        Self {
            processes: (0..count).map(run).collect(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _database: database,
            _folder: folder,
        }
    }

    /// Sends a request to one of the processes, signed unless it is a read.
    async fn send(
        &self,
        server: usize,
        who: usize,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let process = &self.processes[server % self.processes.len()];
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let is_read = method == reqwest::Method::GET;
        let mut request = self
            .http
            .request(method, format!("{}{path}", process.address()));
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        if !is_read {
            let credentials = Credentials::new(CLIENTS[who % CLIENTS.len()], "t");
            request = request.hawk(&credentials).unwrap();
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, body }
    }

    /// Returns `result` of a read; null when there is no such tree.
    async fn result(&self, server: usize, path: &str) -> Value {
        let answer = self.send(server, 0, "GET", path, Value::Null).await;
        assert!([200, 404].contains(&answer.status), "{path}: {answer:?}");
        answer.body["result"].clone()
    }

    /// Deletes every tree, and with them logs and stack.
    async fn clear(&self) {
        let trees = self.result(0, "/trees").await;
        let names: Vec<&String> = trees.as_object().unwrap().keys().collect();
        if !names.is_empty() {
            let gone = self
                .send(0, 0, "DELETE", "/trees2", json!({"trees": names}))
                .await;
            assert_eq!(gone.status, 204, "{gone:?}");
        }
        assert_eq!(self.result(0, "/stack").await, json!([]));
    }
}

fn serve(data: &Path, settings: &[(&str, &str)]) -> Process {
    std::fs::create_dir_all(data).unwrap();
    Process::run(BINARY, &["serve", "--migrate"], data, settings)
}

/// Encodes a name for a path.
fn encoded(name: &str) -> String {
    name.replace(' ', "%20")
}

/// Runs `test` on every database of this run.
fn on_all(test: impl Fn(&Fleet, &tokio::runtime::Runtime)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for backend in backends() {
        test(&Fleet::start(backend), &runtime);
    }
}

/// So many cases, unless the environment asks for another number.
fn cases(usual: u32) -> Config {
    let given = Config::default();
    // The default of the library, which stands for "nothing asked for".
    let cases = if given.cases == 256 {
        usual
    } else {
        given.cases
    };
    Config {
        cases,
        failure_persistence: None,
        ..given
    }
}
