// SPDX-License-Identifier: MPL-2.0
//! `kill -9` at random moments of everything at once: uploads of right and of wrong bytes,
//! completions, verifications, copies between regions, PATCH, downloads. What was accepted is never
//! lost, what is not the file is never served, and what PATCH answered stands.
//!
//! `RELENG_KILL_ROUNDS` says how often; `deploy/load/kill-service` runs thousands.

mod driver;
mod random;

use std::sync::Arc;
use std::time::Duration;

use releng_testkit::database::{Backend, TestDatabase};
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::{requires, rounds};
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::temp;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::driver::{Driver, Service};
use self::random::Random;
use crate::PATIENCE;

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tooltool");

/// Files, each with a client of its own.
const FILES: u64 = 6;

/// Longest life of a process.
const LIFE_MS: u64 = 350;

/// Runs clients against a process that is killed and started again, and looks at what is left.
async fn run(
    folder: &std::path::Path,
    arguments: &'static [&str],
    settings: Vec<(String, String)>,
) {
    let mut random = Random::new();
    let start = || {
        let (folder, settings) = (folder.to_owned(), settings.clone());
        // Waits for the process on this thread's behalf: clients go on meanwhile.
        tokio::task::spawn_blocking(move || {
            let pairs: Vec<(&str, &str)> = settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            Process::run(BINARY, arguments, &folder, &pairs)
        })
    };
    let mut process = start().await.unwrap();
    let (address, watching) = watch::channel(process.address().to_owned());
    let service = Arc::new(Service::new(watching));
    let stop = CancellationToken::new();
    let clients: Vec<_> = (0..FILES)
        .map(|n| {
            let driver = Driver::new(Arc::clone(&service), n, random.next());
            tokio::spawn(driver.run(stop.clone()))
        })
        .collect();
    for _ in 0..rounds("RELENG_KILL_ROUNDS", 100) {
        // Not a wait for something: the moment of the kill is what is random here.
        tokio::time::sleep(Duration::from_millis(random.below(LIFE_MS))).await;
        process.kill();
        process = start().await.unwrap();
        address.send_replace(process.address().to_owned());
    }
    stop.cancel();
    let mut accepted = 0;
    for client in clients {
        let driver = client.await.unwrap();
        accepted += driver.accepted();
        eventually(PATIENCE, || driver.is_at_rest()).await;
    }
    assert!(
        accepted > 0,
        "nothing was ever accepted: seed {}",
        random.seed()
    );
    assert!(process.terminate().success());
}

fn settings(folder: &std::path::Path) -> Vec<(String, String)> {
    let clients = folder.join("clients.yaml");
    let scopes = ["project:releng:services/tooltool/api/*"];
    let client = json!([{"clientId": "demo/admin", "accessToken": "demo-token", "scopes": scopes}]);
    std::fs::write(&clients, client.to_string()).unwrap();
    let pairs = [
        ("AUTH_CLIENTS_FILE", clients.display().to_string()),
        ("UPLOAD_EXPIRES_IN", "1".to_owned()),
        ("CHECK_PENDING_INTERVAL_SECONDS", "1".to_owned()),
        ("REPLICATE_INTERVAL_SECONDS", "1".to_owned()),
        ("RECHECK_AFTER_SECONDS", "1".to_owned()),
        ("WORKER_JOBS", "4".to_owned()),
        ("WORKERS", "1".to_owned()),
        ("LOG_LEVEL", "warn,releng_common::run=info".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_everything_embedded_may_be_killed_at_any_moment() {
    let folder = temp::dir();
    let settings = settings(folder.path());
    run(folder.path(), &["serve"], settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_on_a_server_and_two_buckets_may_be_killed_at_any_moment() {
    let (Some(_), Some(server)) = (requires("postgres"), requires("s3")) else {
        return;
    };
    let folder = temp::dir();
    let database = TestDatabase::empty(Backend::Postgres);
    let mut list = Vec::new();
    for region in ["us-east-1", "us-west-2"] {
        let bucket = S3Bucket::create().await.unwrap();
        list.push(format!("{region}:{}", bucket.name()));
    }
    let mut settings = settings(folder.path());
    let more = [
        ("DATABASE_URL", database.url().to_owned()),
        ("S3_REGIONS", list.join(";")),
        ("S3_REGIONS_ACCESS_KEY_ID", "testkey".to_owned()),
        ("S3_REGIONS_SECRET_ACCESS_KEY", "testsecret123".to_owned()),
        ("AWS_ENDPOINT_URL_S3", server),
    ];
    settings.extend(more.map(|(name, value)| (name.to_owned(), value)));
    run(
        folder.path(),
        &["serve", "--with-worker", "--migrate"],
        settings,
    )
    .await;
}
