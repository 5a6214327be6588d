// SPDX-License-Identifier: MPL-2.0
//! `releng up` as a newcomer runs it: the banner, the demo data, `kill -9` and the end.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code may panic"
)]

mod crash_docs;
mod running;

use std::process::Command;
use std::time::Duration;

use releng_testkit::poll::eventually;
use releng_testkit::temp;
use running::{BINARY, Running};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(60);

/// SHA-512 of the demo file that everybody may have.
const PUBLIC_FILE: &str = "demo-public.txt";

async fn get(url: &str) -> Option<(u16, String)> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let response = client.get(url).send().await.ok()?;
    Some((response.status().as_u16(), response.text().await.ok()?))
}

async fn get_json(url: &str) -> Value {
    let (_, body) = get(url).await.unwrap();
    serde_json::from_str(&body).unwrap_or(Value::Null)
}

/// Waits until the demo data of all services can be seen from outside.
async fn see_demo_data(up: &Running) {
    let trees = format!("{}/trees", up.address("treestatus"));
    let tree = eventually(DEADLINE, async || {
        let tree = get_json(&trees).await["result"]["demo-central"].clone();
        (tree["status"] == "closed").then_some(tree)
    })
    .await;
    assert_eq!(tree["tags"], json!(["checkin_test"]));

    let search = format!("{}/api/search?q=demo-browser", up.address("buildhub"));
    eventually(DEADLINE, async || {
        (get_json(&search).await["hits"]["total"] == 9).then_some(())
    })
    .await;

    let files = format!("{}/file?q={PUBLIC_FILE}", up.address("tooltool"));
    let digest = eventually(DEADLINE, async || {
        let file = get_json(&files).await["result"][0].clone();
        let digest = file["digest"].as_str().map(str::to_owned);
        digest.filter(|_| file["has_instances"] == true)
    })
    .await;
    let url = format!("{}/sha512/{digest}", up.address("tooltool"));
    assert_eq!(get(&url).await.unwrap().0, 302);

    let id = "44E4EC8C2F41492B9369D6B9A059577C2";
    let symbol = format!("{}/demo.pdb/{id}/demo.sym?_refresh", up.address("tecken"));
    eventually(DEADLINE, async || {
        get(&symbol)
            .await
            .filter(|(status, _)| *status == 302)
            .map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_runs_survives_kill_9_and_ends_with_0() {
    let folder = temp::dir();
    let data = folder.path().join("data");
    let mut up = Running::start(&data);
    assert!(up.banner.contains("development set-up"));
    assert!(up.banner.contains("demo/sheriff"));
    assert!(up.banner.contains("demo-admin@example.org"));
    let (status, home) = get(&format!("{}/", up.address("home"))).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(home.matches(">running<").count(), 4, "{home}");
    let oidc = format!(
        "{}/oidc/.well-known/openid-configuration",
        up.address("home")
    );
    assert_eq!(get(&oidc).await.unwrap().0, 200);
    let ping = format!("{}/api/auth/v1/ping", up.address("home"));
    assert_eq!(get_json(&ping).await["alive"], true);
    see_demo_data(&up).await;

    up.kill();
    up = Running::start(&data);
    see_demo_data(&up).await;
    let log = get_json(&format!(
        "{}/trees/demo-central/logs_all",
        up.address("treestatus")
    ))
    .await;
    assert_eq!(
        log["result"].as_array().unwrap().len(),
        1,
        "demo data comes in once"
    );
    assert!(up.terminate().success());
}

#[test]
fn an_address_that_others_can_reach_is_refused_in_one_line() {
    let folder = temp::dir();
    let output = Command::new(BINARY)
        .args(["up", "--host", "0.0.0.0", "--port-base", "0", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: --host 0.0.0.0: this set-up has accounts whose keys everybody knows; it listens on \
         loopback addresses only, unless --i-know-this-is-a-demo is given\n"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_one_line_and_status_2() {
    let output = Command::new(BINARY)
        .args(["up", "--port-base", "0", "--data", "/proc/nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(
        line.starts_with("error: --data /proc/nowhere: cannot be written"),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1);
}
