// SPDX-License-Identifier: MPL-2.0
//! Processes of the real binary: several on one database, and such that are killed.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use releng_testkit::database::{Backend, TestDatabase, backends};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use releng_testkit::process::Process;
use releng_testkit::temp::{self, TempDir};
use releng_testkit::wire::{Passage, Wire};
use serde_json::{Value, json};

use super::listener::{Listener, assert_chain};
use super::{PATIENCE, broker, exchange, outbox_length, port_of, pulse_settings, waiting};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-treestatus");

/// A database with the settings of its processes.
pub(super) struct Installation {
    database: TestDatabase,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Installation {
    pub(super) fn new(backend: Backend, more: Vec<(&'static str, String)>) -> Self {
        let (database, folder) = (TestDatabase::empty(backend), temp::dir());
        let clients = folder.path().join("clients.yaml");
        let scopes = ["project:releng:services/treestatus/*"];
        let client =
            json!([{"clientId": "demo/admin", "accessToken": "demo-token", "scopes": scopes}]);
        std::fs::write(&clients, client.to_string()).unwrap();
        let mut settings = vec![
            ("DATABASE_URL", database.url().to_owned()),
            ("AUTH_CLIENTS_FILE", clients.display().to_string()),
            ("WORKERS", "1".to_owned()),
            ("LOG_LEVEL", "warn,releng_common::run=info".to_owned()),
        ];
        settings.extend(more);
        Self {
            database,
            folder,
            settings,
        }
    }

    pub(super) fn url(&self) -> &str {
        self.database.url()
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Starts a process. The thread waits for it, the clients of a test go on meanwhile.
    pub(super) async fn start(&self) -> Process {
        self.start_with(&[]).await
    }

    async fn start_with(&self, more: &[(&'static str, String)]) -> Process {
        let (folder, mut settings) = (self.folder(), self.settings.clone());
        settings.retain(|(name, _)| !more.iter().any(|(other, _)| name == other));
        settings.extend(more.iter().cloned());
        let start = move || {
            let pairs: Vec<(&str, &str)> = settings
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            serve(&folder, &pairs)
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }
}

fn serve(folder: &Path, settings: &[(&str, &str)]) -> Process {
    Process::run(BINARY, &["serve", "--migrate"], folder, settings)
}

/// Keeps no connection: each belongs to the event loop of one test.
static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build()
        .unwrap()
});

/// Sends a public GET; `Err`: there was no answer.
pub(crate) async fn get(address: &str, path: &str) -> reqwest::Result<Value> {
    let answer = HTTP.get(format!("{address}{path}")).send().await?;
    let bytes = answer.bytes().await?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

/// Sends a signed request; `Err`: there was no answer.
pub(crate) async fn send(
    address: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> reqwest::Result<u16> {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = HTTP
        .request(method, format!("{address}{path}"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let signed = request
        .hawk(&Credentials::new("demo/admin", "demo-token"))
        .unwrap();
    let response = signed.send().await?;
    Ok(response.status().as_u16())
}

pub(super) async fn make_tree(address: &str, name: &str) {
    let body = json!({"tree": name, "status": "open", "reason": "", "message_of_the_day": ""});
    let made = send(address, "PUT", &format!("/trees/{name}"), &body).await;
    assert_eq!(made.unwrap(), 204);
}

pub(super) async fn result(address: &str, path: &str) -> Value {
    get(address, path).await.unwrap()["result"].clone()
}

/// Returns the ids of the messages that the log of a tree, which was made open, stands for.
pub(super) fn expected(tree: &str, log: &Value) -> Vec<String> {
    let mut status = "open";
    let mut ids = Vec::new();
    for entry in log.as_array().unwrap().iter().rev() {
        let next = entry["status"].as_str().unwrap();
        if next != "no change" && next != status {
            ids.push(format!("{tree}:{}", entry["id"]));
            status = next;
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_tell_one_story_under_concurrent_changes() {
    let Some(url) = broker() else { return };
    for backend in backends() {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let wire = Wire::start(&format!("127.0.0.1:{}", port_of(&url)), Passage::All);
        let installation = Installation::new(backend, pulse_settings(wire.port(), &exchange));
        let mut processes = [installation.start().await, installation.start().await];
        for name in ["a", "b", "c"] {
            make_tree(processes[0].address(), name).await;
        }
        let clients = (0..8_usize).map(|client| {
            let address = processes[client % 2].address().to_owned();
            async move {
                for n in 0..12_usize {
                    let status = ["closed", "open", "approval required"][(client + n) % 3];
                    let trees = [json!(["a", "b"]), json!(["c", "b"]), json!(["a"])];
                    let body = json!({
                        "trees": trees[(client + n * 5) % 3], "status": status,
                        "reason": format!("{client}-{n}"), "tags": ["other"],
                    });
                    let answer = send(&address, "PATCH", "/trees", &body).await;
                    assert_eq!(answer.unwrap(), 204);
                }
            }
        });
        let trouble = async {
            for passage in [
                Passage::Questions,
                Passage::All,
                Passage::Closed,
                Passage::All,
            ] {
                wire.set(passage);
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            }
        };
        tokio::join!(futures_util::future::join_all(clients), trouble);
        let mut wanted = Vec::new();
        for name in ["a", "b", "c"] {
            let log = result(processes[1].address(), &format!("/trees/{name}/logs_all")).await;
            wanted.push((name, expected(name, &log)));
        }
        listener
            .until(wanted.iter().map(|(_, ids)| ids.len()).sum())
            .await;
        for (name, ids) in wanted {
            let told = listener.about(name);
            let told_ids: Vec<_> = told.iter().map(|heard| heard.id.clone()).collect();
            assert_eq!(told_ids, ids);
            assert_chain(&told);
        }
        for process in &mut processes {
            assert!(process.terminate().success());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives_kill_9_and_what_was_sent_is_removed_in_time() {
    let Some(url) = broker() else { return };
    for backend in backends() {
        let exchange = exchange();
        let mut listener = Listener::start(&url, &exchange).await;
        let wire = Wire::start(&format!("127.0.0.1:{}", port_of(&url)), Passage::Closed);
        let installation = Installation::new(backend, pulse_settings(wire.port(), &exchange));
        let mut process = installation.start().await;
        make_tree(process.address(), "a").await;
        for status in ["closed", "open", "closed"] {
            let body = json!({"trees": ["a"], "status": status, "reason": "r", "tags": ["other"]});
            let answer = send(process.address(), "PATCH", "/trees", &body).await;
            assert_eq!(answer.unwrap(), 204);
        }
        process.kill();
        assert_eq!(waiting(installation.url()).await, 3);
        wire.set(Passage::All);
        let mut process = installation.start().await;
        listener.until(3).await;
        assert_chain(&listener.about("a"));
        assert!(process.terminate().success());
        assert_eq!(waiting(installation.url()).await, 0);
        assert_eq!(outbox_length(installation.url()).await, 3);
        // The next start looks for what is old.
        let _process = installation
            .start_with(&[("OUTBOX_KEEP_SECONDS", "0".to_owned())])
            .await;
        releng_testkit::poll::eventually(PATIENCE, || async {
            (outbox_length(installation.url()).await == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_change_before_the_end_is_told_before_the_process_ends() {
    let Some(url) = broker() else { return };
    let exchange = exchange();
    let mut listener = Listener::start(&url, &exchange).await;
    let settings = pulse_settings(port_of(&url), &exchange);
    let installation = Installation::new(Backend::Sqlite, settings);
    let mut process = installation.start().await;
    make_tree(process.address(), "a").await;
    let body = json!({"trees": ["a"], "status": "closed", "reason": "r", "tags": ["other"]});
    let answer = send(process.address(), "PATCH", "/trees", &body).await;
    assert_eq!(answer.unwrap(), 204);
    assert!(process.terminate().success());
    assert_eq!(waiting(installation.url()).await, 0);
    listener.until(1).await;
}
