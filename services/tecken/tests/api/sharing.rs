// SPDX-License-Identifier: MPL-2.0
//! Two processes with one database, one store and one cache: an upload to one of them ends what the
//! other remembers.

use std::time::Duration;

use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::requirement::requires;
use releng_testkit::temp;
use serde_json::Value;

use crate::commands::output;
use crate::support::{ID, request, symbols};
use crate::{form, zip};

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

#[tokio::test(flavor = "multi_thread")]
async fn uploads_reach_what_other_processes_remember() {
    let Some(redis) = requires("redis") else {
        return;
    };
    let folder = temp::dir();
    let email = "demo-uploader@example.com";
    output(folder.path(), &["user", email, "--group", "Uploaders"]);
    let token = output(
        folder.path(),
        &["token", email, "--permission", "upload.upload_symbols"],
    );
    let token = token.trim_end();
    let settings = [
        ("REDIS_URL", redis.as_str()),
        ("SYMBOLS_NEGATIVE_TTL_SECONDS", "3600"),
    ];
    let first = Process::serve(BINARY, folder.path(), &settings);
    let second = Process::serve(BINARY, folder.path(), &settings);
    assert_eq!((name(&first).await, name(&second).await), (None, None));
    for function in ["demo_one", "demo_two", "demo_three"] {
        upload(&first, token, function).await;
        // The process that took it knows at once, the other one within a second.
        assert_eq!(name(&first).await.as_deref(), Some(function));
        let is_known =
            || async { (name(&second).await.as_deref() == Some(function)).then_some(()) };
        eventually(PATIENCE, is_known).await;
    }
}
