// SPDX-License-Identifier: MPL-2.0
//! Several processes on one database: each thing is done once, seen by what reaches the store.

use serde_json::json;

use crate::{App, PATIENCE, digest, entry};
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::store_proxy::{Fault, StoreProxy};
use releng_testkit::temp;

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tooltool");

/// Settings of a process beside the app of a test.
pub(crate) fn settings_of(app: &App) -> Vec<(&'static str, String)> {
    let settings = app.app.settings();
    let own = &settings.own;
    let mut pairs = vec![
        ("DATABASE_URL", app.app.database.url().to_owned()),
        ("UPLOAD_EXPIRES_IN", own.upload_expires_secs.to_string()),
        (
            "CHECK_PENDING_INTERVAL_SECONDS",
            own.check_interval_secs.to_string(),
        ),
        (
            "REPLICATE_INTERVAL_SECONDS",
            own.replicate_interval_secs.to_string(),
        ),
        ("S3_TIMEOUT_SECONDS", own.s3_timeout_secs.to_string()),
    ];
    let of_bucket = [
        ("S3_REGIONS", &own.s3_regions),
        ("S3_REGIONS_ACCESS_KEY_ID", &own.s3_access_key_id),
        ("S3_REGIONS_SECRET_ACCESS_KEY", &own.s3_secret_access_key),
        ("AWS_ENDPOINT_URL_S3", &own.s3_endpoint),
    ];
    for (name, value) in of_bucket {
        pairs.extend(value.clone().map(|value| (name, value)));
    }
    pairs
}

#[actix_web::test]
async fn two_processes_read_and_copy_each_object_once() {
    let (Some(server), Some(_)) = (requires("s3"), requires("postgres")) else {
        return;
    };
    let proxy = StoreProxy::start(&server);
    let regions = ["us-east-1", "us-west-2"];
    let mut list = Vec::new();
    for region in regions {
        let bucket = S3Bucket::create().await.unwrap();
        list.push(format!("{region}:{}", bucket.name()));
    }
    // This process only answers; the two others only work, both looking for work all the time.
    let builder = App::builder(Backend::Postgres)
        .without_workers()
        .set("CHECK_PENDING_INTERVAL_SECONDS", "1")
        .set("REPLICATE_INTERVAL_SECONDS", "1")
        .set("S3_REGIONS", list.join(";"))
        .set("S3_REGIONS_ACCESS_KEY_ID", "testkey")
        .set("S3_REGIONS_SECRET_ACCESS_KEY", "testsecret123")
        .set("AWS_ENDPOINT_URL_S3", proxy.url());
    let app = App::started(builder).await;
    // Slow reading and copying: whoever does not see that somebody is at it would begin, too.
    let slow = Fault::Slow(std::time::Duration::from_millis(1500));
    proxy.spoil("GET", "sha512/", slow.clone(), None);
    let folders = [temp::dir(), temp::dir()];
    let mut settings = settings_of(&app);
    // Enough hands that each file could be taken by both.
    settings.push(("WORKER_JOBS", "16".to_owned()));
    let pairs: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let mut workers: Vec<Process> = folders
        .iter()
        .map(|folder| Process::run(BINARY, &["serve", "--with-worker"], folder.path(), &pairs))
        .collect();
    let files: Vec<Vec<u8>> = (0..8_u32).map(|n| n.to_le_bytes().repeat(100)).collect();
    for (n, bytes) in files.iter().enumerate() {
        app.send(&n.to_string(), entry(bytes), bytes).await;
    }
    for bytes in &files {
        let digest = digest(bytes);
        app.complete(&digest).await;
        eventually(PATIENCE, || async {
            (app.file(&digest).await["instances"] == json!(regions)).then_some(())
        })
        .await;
    }
    for worker in &mut workers {
        assert!(worker.terminate().success());
    }
    for bytes in &files {
        let key = format!("sha512/{}", digest(bytes));
        assert_eq!(proxy.hits("GET", &key), 1, "read once");
        // The upload itself goes through the proxy as well; the copy is the other PUT without a query of a
        // signature, and each is followed by none of its kind.
        assert_eq!(
            proxy.hits("PUT", &format!("{key}?x-id=CopyObject")),
            1,
            "copied once"
        );
    }
}
