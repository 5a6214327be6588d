// SPDX-License-Identifier: MPL-2.0
//! Uploads that were answered survive `kill -9` in the middle of others, and nothing is left lying.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use releng_testkit::process::Process;
use releng_testkit::temp;

use crate::commands::output;
use crate::{form, gunzip, zip};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-tecken");

fn path(number: usize) -> String {
    format!("demo{number}.pdb/AB/demo{number}.sym")
}

fn content(number: usize) -> Vec<u8> {
    format!("MODULE windows x86 AB demo{number}.pdb\n")
        .repeat(500)
        .into_bytes()
}

/// Uploads one file after another until the server is gone.
async fn upload(address: String, token: String, accepted: Arc<AtomicUsize>) {
    let client = reqwest::Client::new();
    loop {
        let next = accepted.load(Ordering::SeqCst) + 1;
        let archive = zip(&[(&path(next), &content(next))]);
        let request = client
            .post(format!("{address}/upload/"))
            .header("auth-token", &token)
            .multipart(form(archive));
        match request.send().await {
            Ok(answer) => assert_eq!(answer.status().as_u16(), 201),
            Err(_) => return,
        }
        accepted.store(next, Ordering::SeqCst);
    }
}

async fn fetch(address: &str, number: usize) -> Vec<u8> {
    let client = reqwest::Client::builder().build().unwrap();
    let answer = client
        .get(format!("{address}/{}", path(number)))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{number}");
    gunzip(&answer.bytes().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answered_upload_is_there_after_kill_9() {
    let folder = temp::dir();
    let email = "demo-uploader@example.com";
    output(folder.path(), &["user", email, "--group", "Uploaders"]);
    let token = output(
        folder.path(),
        &["token", email, "--permission", "upload.upload_symbols"],
    );
    let token = token.trim_end().to_owned();
    let mut process = Process::serve(BINARY, folder.path(), &[]);
    let accepted = Arc::new(AtomicUsize::new(0));
    for round in 1..=8 {
        let address = process.address().to_owned();
        let writer = tokio::spawn(upload(address, token.clone(), Arc::clone(&accepted)));
        while accepted.load(Ordering::SeqCst) < round * 3 {
            tokio::task::yield_now().await;
        }
        process.kill();
        writer.await.unwrap();
        process = Process::serve(BINARY, folder.path(), &[]);
        for number in 1..=accepted.load(Ordering::SeqCst) {
            assert_eq!(
                fetch(process.address(), number).await,
                content(number),
                "{number}"
            );
        }
        let folders = std::fs::read_dir(folder.path().join("raw-uploads")).unwrap();
        let folders = folders
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count();
        assert_eq!(folders, 1);
    }
    assert!(process.terminate().success());
}
