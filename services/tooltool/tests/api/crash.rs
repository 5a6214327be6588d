// SPDX-License-Identifier: MPL-2.0
//! Uploads that were accepted survive `kill -9` in the middle of everything.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::{PATIENCE, digest, entry};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::temp;

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tooltool");
const ROUNDS: u64 = 8;

/// Returns the bytes of the n-th file: large enough that hashing can be interrupted.
fn bytes(n: u64) -> Vec<u8> {
    n.to_le_bytes().repeat(200_000)
}

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// Announces and sends a file. `true`: the store answered 200, so the file must never be lost.
async fn send(address: &str, n: u64) -> Result<bool, reqwest::Error> {
    let bytes = bytes(n);
    let body = json!({"message": "m", "files": {"a": entry(&bytes)}});
    let request = http()
        .post(format!("{address}/upload"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .hawk(&Credentials::new("demo/admin", "demo-token"))
        .unwrap();
    let answer = request.send().await?;
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_slice(&answer.bytes().await?).unwrap();
    let Some(url) = body["result"]["files"]["a"]["put_url"].as_str() else {
        return Ok(true);
    };
    let put = http()
        .put(url)
        .header("content-type", "application/octet-stream")
        .body(bytes);
    Ok(put.send().await?.status() == 200)
}

async fn is_verified(address: &str, n: u64) -> Option<()> {
    let url = format!("{address}/file/sha512/{}", digest(&bytes(n)));
    let answer = http().get(url).send().await.ok()?;
    let file: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    (file["has_instances"] == true).then_some(())
}

/// Sends files until the process is gone and names those that the store has.
async fn send_all(address: String, first: u64, note: UnboundedSender<u64>) {
    for n in first..first + 6 {
        match send(&address, n).await {
            Ok(true) => note.send(n).unwrap(),
            // The URL ended on the way.
            Ok(false) => {}
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sent_file_is_verified_however_often_the_process_is_killed() {
    let folder = temp::dir();
    let clients = folder.path().join("clients.yaml");
    let scopes = ["project:releng:services/tooltool/api/*"];
    let client = json!([{"clientId": "demo/admin", "accessToken": "demo-token", "scopes": scopes}]);
    std::fs::write(&clients, client.to_string()).unwrap();
    let clients = clients.display().to_string();
    let settings = [
        ("AUTH_CLIENTS_FILE", clients.as_str()),
        ("UPLOAD_EXPIRES_IN", "1"),
        ("CHECK_PENDING_INTERVAL_SECONDS", "1"),
    ];
    let mut sent = BTreeSet::new();
    let mut process = Process::serve(BINARY, folder.path(), &settings);
    for round in 0..ROUNDS {
        let (note, mut noted) = tokio::sync::mpsc::unbounded_channel();
        let sending = tokio::spawn(send_all(process.address().to_owned(), round * 100, note));
        // Each round is cut at another point: while the next file comes in, and every second time when
        // the first was verified and others are about to be.
        let first = noted.recv().await.expect("a file that is sent");
        sent.insert(first);
        for _ in 0..round / 2 {
            sent.extend(noted.recv().await);
        }
        if round % 2 == 1 {
            let address = process.address().to_owned();
            eventually(PATIENCE, || is_verified(&address, first)).await;
        }
        process.kill();
        sending.await.unwrap();
        while let Ok(n) = noted.try_recv() {
            sent.insert(n);
        }
        process = Process::serve(BINARY, folder.path(), &settings);
    }
    let address = process.address().to_owned();
    for n in &sent {
        eventually(PATIENCE, || is_verified(&address, *n)).await;
        let url = format!("{address}/sha512/{}", digest(&bytes(*n)));
        let redirect = http().get(url).send().await.unwrap();
        let location = redirect.headers()["location"].to_str().unwrap().to_owned();
        let found = http()
            .get(location)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert!(found == bytes(*n), "file {n}");
    }
    assert!(process.terminate().success());
}
