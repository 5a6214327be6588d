// SPDX-License-Identifier: MPL-2.0
//! Two processes with one database and one store, with a cache that they share or without: an upload
//! to one of them ends what the other remembers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use releng_testkit::database::backends;
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::requires;
use releng_testkit::s3_bucket::S3Bucket;
use releng_testkit::store_proxy::{Fault, StoreProxy};
use releng_testkit::temp;
use serde_json::Value;

use crate::support::{ID, request, symbols};
use crate::{App, form, zip};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");
const PATIENCE: Duration = Duration::from_secs(30);

async fn upload(process: &Process, token: &str, function: &str) {
    let path = format!("demo.pdb/{ID}/demo.sym");
    let archive = zip(&[(&path, &symbols("demo.pdb", function))]);
    let request = reqwest::Client::new()
        .post(format!("{}/upload/", process.address()))
        .header("auth-token", token)
        .multipart(form(archive));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 201);
}

async fn name(process: &Process) -> Option<String> {
    let body = request(&["demo.pdb"], &[0x1004]).to_string();
    let url = format!("{}/symbolicate/v5", process.address());
    let answer = reqwest::Client::new()
        .post(url)
        .body(body)
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let frame = &answer["results"][0]["stacks"][0][0];
    frame["function"].as_str().map(str::to_owned)
}

/// Makes an uploader and returns a token.
fn uploader(folder: &Path, database: &str) -> String {
    let email = "demo-uploader@example.com";
    command(folder, database, &["user", email, "--group", "Uploaders"]);
    let arguments = ["token", email, "--permission", "upload.upload_symbols"];
    command(folder, database, &arguments).trim_end().to_owned()
}

fn command(folder: &Path, database: &str, arguments: &[&str]) -> String {
    let output = Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .env("DATA_DIR", folder)
        .env("DATABASE_URL", database)
        .env("LOG_LEVEL", "error")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn check(folder: &Path, database: &str, more: &[(&str, &str)]) {
    let token = uploader(folder, database);
    let mut settings = vec![
        ("DATABASE_URL", database),
        ("SYMBOLS_NEGATIVE_TTL_SECONDS", "3600"),
    ];
    settings.extend(more);
    let first = Process::serve(BINARY, folder, &settings);
    let second = Process::serve(BINARY, folder, &settings);
    assert_eq!((name(&first).await, name(&second).await), (None, None));
    for function in ["demo_one", "demo_two", "demo_three"] {
        upload(&first, &token, function).await;
        // The process that took it knows at once, the other one within a second.
        assert_eq!(name(&first).await.as_deref(), Some(function));
        let is_known =
            || async { (name(&second).await.as_deref() == Some(function)).then_some(()) };
        eventually(PATIENCE, is_known).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_what_other_processes_remember() {
    let Some(redis) = requires("redis") else {
        return;
    };
    let folder = temp::dir();
    let database = format!("sqlite://{}/tecken.db", folder.path().display());
    check(folder.path(), &database, &[("REDIS_URL", &redis)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_other_processes_without_a_shared_cache() {
    for backend in backends() {
        // Its database is there, with its tables.
        let app = App::start(backend).await;
        let folder = temp::dir();
        check(folder.path(), app.0.database.url(), &[]).await;
    }
}

/// The process that took the upload dies between putting the file and telling that it did.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_killed_half_way_reaches_other_processes() {
    let Some(server) = requires("s3") else {
        return;
    };
    let Some(bucket) = S3Bucket::create().await else {
        return;
    };
    let proxy = StoreProxy::start(&server);
    let url = format!(
        "s3://testkey:testsecret123@{}?region=us-east-1&endpoint={}",
        bucket.name(),
        proxy.url()
    );
    let folder = temp::dir();
    let database = format!("sqlite://{}/tecken.db", folder.path().display());
    let token = uploader(folder.path(), &database);
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("SYMBOL_URLS", &url),
        ("UPLOAD_DEFAULT_URL", &url),
    ];
    let mut first = Process::serve(BINARY, folder.path(), &settings);
    let second = Process::serve(BINARY, folder.path(), &settings);
    upload(&first, &token, "demo_old").await;
    assert_eq!(name(&second).await.as_deref(), Some("demo_old"));
    proxy.spoil("PUT", "demo.sym?", Fault::Hold, None);
    let address = first.address().to_owned();
    let uploading = tokio::spawn(async move {
        let path = format!("demo.pdb/{ID}/demo.sym");
        let archive = zip(&[(&path, &symbols("demo.pdb", "demo_new"))]);
        let request = reqwest::Client::new()
            .post(format!("{address}/upload/"))
            .header("auth-token", &token)
            .multipart(form(archive));
        // The server goes away in the middle.
        let _ = request.send().await;
    });
    let is_put = || async { (proxy.holding() == 1).then_some(()) };
    eventually(PATIENCE, is_put).await;
    first.kill();
    proxy.heal();
    uploading.await.unwrap();
    let is_known = || async { (name(&second).await.as_deref() == Some("demo_new")).then_some(()) };
    eventually(PATIENCE, is_known).await;
}
