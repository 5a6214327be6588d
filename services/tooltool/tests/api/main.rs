// SPDX-License-Identifier: MPL-2.0
//! tooltool as its clients see it, on SQLite and PostgreSQL, in folders and in buckets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code may panic"
)]

mod admin;
mod batches;
mod browser;
mod cdn;
mod checklist;
mod client;
mod client_process;
mod command_line;
mod copy_data;
mod crash;
mod downloads;
mod errors;
mod files;
mod headers;
mod identity;
mod kill;
mod late_put;
mod no_http;
mod old_client;
mod pages;
mod predecessor;
mod prefix;
mod proxied;
mod pulse;
mod races;
mod regions;
mod replication;
mod routes;
mod rows;
mod rubbish;
mod schema;
mod store_faults;
mod sync;
mod tokens;
mod upload;
mod workers;

use std::time::Duration;

use releng_testkit::app::{Answer, Client, TestApp, TestAppBuilder};
use releng_testkit::database::{Backend, backends};
use releng_testkit::poll::eventually;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_tooltool::Tooltool;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// Longest time that background work may take.
const PATIENCE: Duration = Duration::from_secs(60);

const PREFIX: &str = "project:releng:services/tooltool/api/";

/// Returns the digest of bytes.
fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha512::digest(bytes))
}

/// Returns the entry of a public file in a batch.
fn entry(bytes: &[u8]) -> Value {
    json!({
        "size": bytes.len(), "digest": digest(bytes), "algorithm": "sha512", "visibility": "public",
    })
}

/// A running tooltool with one client per role.
struct App {
    app: TestApp<Tooltool>,
    /// Empty when the bytes are in a folder.
    buckets: Vec<S3Bucket>,
}

impl App {
    fn builder(backend: Backend) -> TestAppBuilder {
        let scope = |names: &[&str]| {
            names
                .iter()
                .map(|n| format!("{PREFIX}{n}"))
                .collect::<Vec<_>>()
        };
        let roles = [
            ("demo/admin", scope(&["*"])),
            ("demo/engineer", scope(&["upload/*", "download/*"])),
            ("demo/public", scope(&["upload/public", "download/public"])),
            ("demo/stranger", vec!["assume:tooltool".to_owned()]),
        ];
        roles.iter().fold(
            TestAppBuilder::new(backend).set("UPLOAD_EXPIRES_IN", "1"),
            |builder, (id, scopes)| {
                builder.with_client(id, &scopes.iter().map(String::as_str).collect::<Vec<_>>())
            },
        )
    }

    async fn start(backend: Backend) -> Self {
        Self::started(Self::builder(backend)).await
    }

    async fn started(builder: TestAppBuilder) -> Self {
        Self {
            app: builder.start().await,
            buckets: Vec::new(),
        }
    }

    /// Starts on buckets, one per region; `None` without a server for them.
    async fn in_buckets(builder: TestAppBuilder, regions: &[&str]) -> Option<Self> {
        let endpoint = requires("s3")?;
        let mut buckets = Vec::new();
        let mut list = Vec::new();
        for region in regions {
            let bucket = S3Bucket::create().await?;
            list.push(format!("{region}:{}", bucket.name()));
            buckets.push(bucket);
        }
        let builder = builder
            .set("S3_REGIONS", list.join(";"))
            .set("S3_REGIONS_ACCESS_KEY_ID", "testkey")
            .set("S3_REGIONS_SECRET_ACCESS_KEY", "testsecret123")
            .set("AWS_ENDPOINT_URL_S3", endpoint);
        Some(Self {
            app: builder.start().await,
            buckets,
        })
    }

    fn anonymous(&self) -> Client {
        self.app.anonymous()
    }

    fn admin(&self) -> Client {
        self.app.client("demo/admin")
    }

    fn engineer(&self) -> Client {
        self.app.client("demo/engineer")
    }

    /// May use public files only.
    fn public(&self) -> Client {
        self.app.client("demo/public")
    }

    fn stranger(&self) -> Client {
        self.app.client("demo/stranger")
    }

    /// Announces files as the engineer.
    async fn announce(&self, files: Value) -> Answer {
        let body = json!({"message": "demo", "files": files});
        self.engineer().json("POST", "/upload", &body).await
    }

    /// Announces one file and returns its PUT URL, if there is one.
    async fn announce_one(&self, name: &str, entry: Value) -> Option<String> {
        let answer = self.announce(json!({name: entry})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["result"]["files"][name]["put_url"]
            .as_str()
            .map(str::to_owned)
    }

    /// Sends bytes to the store as uploaders do.
    async fn put(&self, url: &str, bytes: &[u8]) -> u16 {
        let client = self.anonymous();
        let request = client
            .request(reqwest::Method::PUT, url)
            .header("content-type", "application/octet-stream")
            .body(bytes.to_vec());
        client.send(request).await.status
    }

    /// Announces and sends; another URL is asked for when one ended on the way.
    async fn send(&self, name: &str, entry: Value, bytes: &[u8]) {
        eventually(PATIENCE, || async {
            let url = self
                .announce_one(name, entry.clone())
                .await
                .expect("a PUT URL");
            (self.put(&url, bytes).await == 200).then_some(())
        })
        .await;
    }

    /// Says that a file is there as soon as that is allowed.
    async fn complete(&self, digest: &str) {
        let path = format!("/upload/complete/sha512/{digest}");
        eventually(PATIENCE, || async {
            let answer = self.anonymous().get(&path).await;
            assert!([202, 409].contains(&answer.status), "{}", answer.text());
            (answer.status == 202).then_some(())
        })
        .await;
    }

    /// Uploads a file and waits until it can be downloaded.
    async fn upload(&self, name: &str, entry: Value, bytes: &[u8]) {
        self.send(name, entry, bytes).await;
        let digest = digest(bytes);
        self.complete(&digest).await;
        self.verified(&digest).await;
    }

    /// Waits until a file has instances.
    async fn verified(&self, digest: &str) {
        eventually(PATIENCE, || async {
            let file = self.file(digest).await;
            (file["has_instances"] == true).then_some(())
        })
        .await;
    }

    /// Returns a file.
    async fn file(&self, digest: &str) -> Value {
        let answer = self
            .anonymous()
            .get(&format!("/file/sha512/{digest}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Returns the bytes behind a download.
    async fn bytes(&self, client: &Client, digest: &str) -> Vec<u8> {
        let answer = client.get(&format!("/sha512/{digest}")).await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        let target = self.anonymous().get(answer.header("location")).await;
        assert_eq!(target.status, 200, "{}", target.text());
        target.body
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

/// Starts an app on every set of backends: all embedded, and PostgreSQL with a bucket.
async fn app_sets() -> Vec<App> {
    // Nothing is verified before its PUT URL has ended; a machine that does much else needs some seconds
    // from the URL to the PUT.
    app_sets_where("4").await
}

/// Starts the same with PUT URLs that live so many seconds.
async fn app_sets_where(upload_expires_secs: &str) -> Vec<App> {
    let builder = |backend| App::builder(backend).set("UPLOAD_EXPIRES_IN", upload_expires_secs);
    let mut apps = vec![App::started(builder(Backend::Sqlite)).await];
    if requires("postgres").is_some() {
        apps.extend(App::in_buckets(builder(Backend::Postgres), &["us-west-2"]).await);
    }
    apps
}
