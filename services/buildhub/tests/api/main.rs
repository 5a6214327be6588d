// SPDX-License-Identifier: MPL-2.0
//! buildhub as its clients see it, on SQLite and PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code may panic"
)]

mod archive;
mod commands;
mod errors;
mod following;
mod headers;
mod pages;
mod records;
mod restart;
mod routes;
mod sample;
mod search;
mod settings;
mod tables;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use releng_buildhub::Buildhub;
use releng_testkit::app::{Answer, Client, TestApp, TestAppBuilder};
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::{block_on, eventually};
use serde_json::{Value, json};

/// Longest wait for something that takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running buildhub.
struct App(TestApp<Buildhub>);

impl App {
    async fn start(backend: Backend) -> Self {
        Self(TestAppBuilder::new(backend).start().await)
    }

    fn anonymous(&self) -> Client {
        self.0.anonymous()
    }

    fn archive(&self) -> PathBuf {
        self.0.data.path().join("archive")
    }

    /// Drops a file into the archive folder.
    fn drop_file(&self, key: &str, bytes: &[u8]) {
        sample::write(&self.archive(), key, bytes);
    }

    /// Drops records into the archive folder and waits until all are found.
    async fn with_records(&self, records: &[Value]) {
        let rows = records.len() + sample::beta_copies(records);
        for (n, record) in records.iter().enumerate() {
            self.drop_file(
                &format!("pub/{n}/buildhub.json"),
                record.to_string().as_bytes(),
            );
        }
        self.found(rows).await;
    }

    /// Waits until searches find so many builds.
    async fn found(&self, total: usize) {
        let client = self.anonymous();
        eventually(PATIENCE, || async {
            let answer = client.get("/api/search").await;
            (answer.status == 200 && answer.json()["hits"]["total"] == total).then_some(())
        })
        .await;
    }

    /// Sends a search body.
    async fn search(&self, body: &Value) -> Answer {
        self.anonymous().json("POST", "/api/search", body).await
    }

    /// Sends a search body that must be understood.
    async fn hits(&self, body: &Value) -> Value {
        let answer = self.search(body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        answer.json()
    }

    /// Returns the number of rows.
    async fn rows(&self) -> Value {
        let answer = self.anonymous().get("/api/records").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["builds"]["total"].clone()
    }
}

/// Runs a command that must end by itself; one that does not is killed.
fn output_in_time(mut command: Command) -> Output {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let ended = block_on(async {
        let ended = eventually(PATIENCE * 2, || {
            let ended = child.try_wait().unwrap();
            async move { ended }
        });
        tokio::time::timeout(PATIENCE, ended).await
    });
    if ended.is_err() {
        child.kill().unwrap();
    }
    child.wait_with_output().unwrap()
}

/// Starts an app on every database of this run.
async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for backend in backends() {
        apps.push(App::start(backend).await);
    }
    apps
}

/// A query for one value of one field.
fn term(field: &str, value: &str) -> Value {
    json!({"query": {"term": {field: value}}})
}
