// SPDX-License-Identifier: MPL-2.0
//! `kill -9` in the middle of taking files in: nothing is lost, nothing is there twice, and no row
//! is without its document.
use std::path::Path;
use std::time::{Duration, Instant};

use releng_testkit::poll::eventually;
use releng_testkit::process::Process;
use releng_testkit::temp;
use serde_json::Value;

use crate::PATIENCE;
use crate::sample::{beta_copies, record, records, write};

const BINARY: &str = env!("CARGO_BIN_EXE_releng-buildhub");
/// Files of a round.
const FILES: usize = 40;

async fn get(address: &str, path: &str) -> Value {
    let url = format!("{address}{path}");
    let response = reqwest::Client::new().get(url).send().await.unwrap();
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

async fn total(address: &str) -> usize {
    get(address, "/api/search").await["hits"]["total"]
        .as_u64()
        .unwrap()
        .try_into()
        .unwrap()
}

fn drop_files(folder: &Path, numbers: std::ops::Range<usize>) {
    for n in numbers {
        let text = record(n).to_string();
        write(
            &folder.join("archive"),
            &format!("pub/{n}/buildhub.json"),
            text.as_bytes(),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_one_build_after_kill_9_at_any_moment() {
    let folder = temp::dir();
    for round in 0..8 {
        let mut process = Process::serve(BINARY, folder.path(), &[]);
        drop_files(folder.path(), round * FILES..(round + 1) * FILES);
        // Each round is cut off a little later: before, while and after rows and documents appear.
        let cut = Instant::now() + Duration::from_millis(40 * u64::try_from(round).unwrap());
        while Instant::now() < cut {
            tokio::task::yield_now().await;
        }
        process.kill();
    }
    let all = records(8 * FILES);
    let expected = all.len() + beta_copies(&all);
    let mut process = Process::serve(BINARY, folder.path(), &[]);
    eventually(PATIENCE, || async {
        (total(process.address()).await == expected).then_some(())
    })
    .await;
    assert_eq!(
        get(process.address(), "/api/records").await["builds"]["total"],
        expected
    );
    assert!(process.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_once_is_found_after_a_restart_without_the_files() {
    let folder = temp::dir();
    let mut process = Process::serve(BINARY, folder.path(), &[]);
    drop_files(folder.path(), 0..4);
    eventually(PATIENCE, || async {
        (total(process.address()).await == 5).then_some(())
    })
    .await;
    process.kill();
    std::fs::remove_dir_all(folder.path().join("archive")).unwrap();
    let process = Process::serve(BINARY, folder.path(), &[]);
    assert_eq!(total(process.address()).await, 5);
}
