// SPDX-License-Identifier: MPL-2.0
//! Credentials verified by Taskcluster, and what happens when it does not answer.

use releng_testkit::app::{Client, TestApp, TestAppBuilder};
use releng_testkit::database::Backend;
use releng_testkit::fake_taskcluster::{self, Config, FakeTaskcluster, Role};
use releng_testkit::hawk_client::{Credentials, SignedRequest as _};
use releng_testkit::misbehaviour::Behaviour;
use releng_treestatus::Treestatus;
use serde_json::json;

async fn start() -> (FakeTaskcluster, TestApp<Treestatus>) {
    let taskcluster = FakeTaskcluster::start(Config {
        clients: vec![fake_taskcluster::Client::new(
            "demo/sheriff",
            "sheriff-token",
            &["assume:project:releng:treestatus/sheriff"],
        )],
        roles: vec![Role::new(
            "project:releng:treestatus/sheriff",
            &["project:releng:treestatus/trees/*"],
        )],
        ..Config::default()
    });
    let app = TestAppBuilder::new(Backend::Sqlite)
        .set("TASKCLUSTER_ROOT_URL", taskcluster.url())
        .set("TASKCLUSTER_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    (taskcluster, app)
}

fn sheriff(app: &TestApp<Treestatus>) -> Client {
    app.signed_by(Credentials::new("demo/sheriff", "sheriff-token"))
}

fn tree() -> serde_json::Value {
    json!({"tree": "a b", "status": "open", "reason": "", "message_of_the_day": ""})
}

#[actix_web::test]
async fn roles_are_expanded_by_taskcluster_and_escaped_paths_verify() {
    let (taskcluster, app) = start().await;
    let answer = sheriff(&app).json("PUT", "/trees/a%20b?x=1", &tree()).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let question = &taskcluster.questions()[0];
    assert_eq!(question["resource"], "/trees/a%20b?x=1");
    assert_eq!(question["method"], "put");
    assert_eq!(question["host"], "127.0.0.1");
    let me = sheriff(&app).get("/__permissions__").await.json();
    assert_eq!(me["user_id"], "demo/sheriff");
    assert_eq!(
        me["permissions"],
        json!([
            "assume:anonymous",
            "assume:client-id:demo/sheriff",
            "assume:project:releng:treestatus/sheriff",
            "project:releng:treestatus/trees/*"
        ])
    );
}

#[actix_web::test]
async fn a_body_other_than_the_signed_one_is_refused() {
    let (_taskcluster, app) = start().await;
    let credentials = Credentials::new("demo/sheriff", "sheriff-token");
    let url = format!("{}/trees/a%20b", app.address());
    let client = reqwest::Client::new();
    let put = |body: String| {
        client
            .put(&url)
            .header("content-type", "application/json")
            .body(body)
    };
    let signed = put(tree().to_string())
        .hawk_with_payload(&credentials)
        .unwrap()
        .build()
        .unwrap();
    let header = signed.headers()["authorization"].clone();
    let swapped = put(tree().to_string().replace("open", "closed")).header("authorization", header);
    assert_eq!(swapped.send().await.unwrap().status(), 401);
    assert_eq!(client.execute(signed).await.unwrap().status(), 204);
}

#[actix_web::test]
async fn a_signed_hash_counts_on_routes_without_a_body_too() {
    let (_taskcluster, app) = start().await;
    let made = sheriff(&app).json("PUT", "/trees/a%20b", &tree()).await;
    assert_eq!(made.status, 204);
    let credentials = Credentials::new("demo/sheriff", "sheriff-token");
    let url = format!("{}/trees/a%20b", app.address());
    let client = reqwest::Client::new();
    let delete = |body: &'static str| client.delete(&url).body(body);
    let of_another = delete("another body")
        .hawk_with_payload(&credentials)
        .unwrap();
    let header = of_another.build().unwrap().headers()["authorization"].clone();
    let swapped = delete("").header("authorization", header).send().await;
    assert_eq!(swapped.unwrap().status(), 401);
    let honest = delete("").hawk_with_payload(&credentials).unwrap();
    assert_eq!(honest.send().await.unwrap().status(), 204);
}

#[actix_web::test]
async fn while_taskcluster_is_away_changes_are_503_and_reads_go_on() {
    let (taskcluster, app) = start().await;
    assert_eq!(
        sheriff(&app)
            .json("PUT", "/trees/a%20b", &tree())
            .await
            .status,
        204
    );
    for behaviour in [
        Behaviour::Hang,
        Behaviour::ServerError,
        Behaviour::Garbage,
        Behaviour::Cut,
    ] {
        taskcluster.set_behaviour(behaviour);
        let before = taskcluster.hits();
        let read = sheriff(&app).get("/trees/a%20b").await;
        assert_eq!(
            (read.status, taskcluster.hits()),
            (200, before),
            "reads ask nobody"
        );
        let change = json!({"trees": ["a b"], "message_of_the_day": "m"});
        let refused = sheriff(&app).json("PATCH", "/trees", &change).await;
        assert_eq!(refused.status, 503, "{behaviour:?}");
        assert_eq!(refused.header("retry-after"), "5");
        assert_eq!(
            refused.json()["title"],
            "503 Service Unavailable: the authentication service does not answer"
        );
    }
    let heartbeat = app.anonymous().get("/__heartbeat__").await;
    assert_eq!(heartbeat.status, 503);
    assert_eq!(
        heartbeat.json()["checks"],
        json!({"db": "ok", "auth": "error"})
    );
    assert_eq!(app.anonymous().get("/__lbheartbeat__").await.status, 200);
}
