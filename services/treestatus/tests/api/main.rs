// SPDX-License-Identifier: MPL-2.0
//! treestatus as its clients see it, on SQLite and PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code may panic"
)]

mod browser;
mod clients;
mod closures;
mod command_line;
mod concurrency;
mod conditions;
mod draining;
mod edits;
mod errors;
mod events;
mod interleavings;
mod logs;
mod notices;
mod outage;
mod pages;
mod predecessor;
mod restart;
mod routes;
mod schema;
mod settings;
mod stack;
mod statements;
mod taskcluster;
mod trees;

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use releng_db::Db;
use releng_testkit::app::{Answer, Client, TestApp, TestAppBuilder};
use releng_testkit::database::{Backend, backends};
use releng_treestatus::Treestatus;
use serde_json::{Value, json};

/// A running treestatus with one client per role.
struct App(TestApp<Treestatus>);

impl App {
    async fn start(backend: Backend) -> Self {
        Self(
            TestAppBuilder::new(backend)
                .with_client("demo/admin", &["project:releng:services/treestatus/*"])
                .with_client(
                    "demo/sheriff",
                    &[
                        "project:releng:treestatus/trees/update",
                        "project:releng:treestatus/recent_changes/revert",
                    ],
                )
                .with_client("demo/stranger", &["assume:project:releng:treestatus/admin"])
                .start()
                .await,
        )
    }

    fn anonymous(&self) -> Client {
        self.0.anonymous()
    }

    fn admin(&self) -> Client {
        self.0.client("demo/admin")
    }

    fn sheriff(&self) -> Client {
        self.0.client("demo/sheriff")
    }

    fn stranger(&self) -> Client {
        self.0.client("demo/stranger")
    }

    /// Makes an open tree.
    async fn tree(&self, name: &str) {
        let body = json!({"tree": name, "status": "open", "reason": "", "message_of_the_day": ""});
        let answer = self
            .admin()
            .json("PUT", &format!("/trees/{name}"), &body)
            .await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Sends an update as the sheriff.
    async fn update(&self, body: Value) -> Answer {
        self.sheriff().json("PATCH", "/trees", &body).await
    }

    /// Does something to the database behind the back of the service.
    async fn run_sql(&self, statements: &str) {
        let db = self.db();
        let statements = statements.to_owned();
        db.write(move |conn| Ok(conn.batch_execute(&statements)?))
            .await
            .unwrap();
    }

    fn db(&self) -> Db {
        Db::connect(self.0.database.url(), 2, Duration::from_secs(20)).unwrap()
    }

    /// Returns `result` of a public read.
    async fn result(&self, path: &str) -> Value {
        let answer = self.anonymous().get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["result"].clone()
    }
}

/// Starts an app on every database of this run.
async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for backend in backends() {
        apps.push(App::start(backend).await);
    }
    apps
}
