// SPDX-License-Identifier: MPL-2.0
//! Every way to fail, seen from the client.

use std::time::Duration;

use releng_testkit::fake_taskcluster::{Config, FakeTaskcluster};
use releng_testkit::misbehaviour::Behaviour;
use serde_json::json;

use crate::http;

fn deployment() -> (FakeTaskcluster, String) {
    let deployment = FakeTaskcluster::start(Config::default());
    let ping = format!("{}/api/auth/v1/ping", deployment.url());
    (deployment, ping)
}

#[tokio::test]
async fn a_server_error_is_500_with_the_body_of_the_real_service() {
    let (deployment, ping) = deployment();
    deployment.set_behaviour(Behaviour::ServerError);
    let response = http().get(ping).send().await.unwrap();
    assert_eq!(response.status(), 500);
    let body: serde_json::Value = response.json().await.unwrap();
    let expected = json!({"code": "InternalServerError", "message": "Internal error, sorry"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn garbage_claims_to_be_json() {
    let (deployment, ping) = deployment();
    deployment.set_behaviour(Behaviour::Garbage);
    let response = http().get(ping).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.json::<serde_json::Value>().await.is_err());
}

#[tokio::test]
async fn a_cut_connection_yields_no_answer() {
    let (deployment, ping) = deployment();
    deployment.set_behaviour(Behaviour::Cut);
    let answer = match http().get(ping).send().await {
        Ok(response) => response.bytes().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(answer.is_err());
}

#[tokio::test]
async fn hanging_is_the_client_s_problem() {
    let (deployment, ping) = deployment();
    deployment.set_behaviour(Behaviour::Hang);
    let request = http().get(ping).timeout(Duration::from_millis(200)).send();
    assert!(request.await.unwrap_err().is_timeout());
    assert_eq!(deployment.hits(), 1);
}

#[tokio::test]
async fn slowness_ends_with_the_right_answer() {
    let (deployment, ping) = deployment();
    let pause = Duration::from_millis(50);
    deployment.set_behaviour(Behaviour::Slow(pause));
    let start = std::time::Instant::now();
    let response = http().get(ping).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(start.elapsed() >= pause);
}

#[tokio::test]
async fn a_bad_spell_can_be_counted() {
    let (deployment, ping) = deployment();
    deployment.set_behaviour_for(2, Behaviour::ServerError);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(http().get(&ping).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [500, 500, 200]);
    assert_eq!(deployment.hits_of("/ping"), 3);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_and_read() {
    let (deployment, ping) = deployment();
    let preflight = http()
        .request(reqwest::Method::OPTIONS, &ping)
        .header("origin", "http://127.0.0.1:9")
        .header("access-control-request-headers", "authorization");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["access-control-allow-headers"],
        "authorization, content-type"
    );
    assert_eq!(deployment.hits(), 0);
    let response = http().get(&ping).send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
}
