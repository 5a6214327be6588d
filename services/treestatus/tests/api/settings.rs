// SPDX-License-Identifier: MPL-2.0
//! Settings that the Python service knew.

use releng_common::config::Source;
use releng_common::run::Service as _;
use releng_testkit::app::{TestApp, TestAppBuilder};
use releng_testkit::database::{Backend, backends};
use releng_testkit::fake_taskcluster::{Client, Config, FakeTaskcluster};
use releng_testkit::hawk_client::Credentials;
use releng_treestatus::Treestatus;
use serde_json::{Value, json};

#[actix_web::test]
async fn violations_of_the_policy_are_reported_where_the_settings_say() {
    let app: TestApp<Treestatus> = TestAppBuilder::new(Backend::Sqlite)
        .set("ENV", "staging")
        .set(
            "SECURITY_CSP_REPORT_URI",
            "https://sentry.example.com/api/1/security/?sentry_key=demo",
        )
        .start()
        .await;
    let end = format!(
        "; report-uri https://sentry.example.com/api/1/security/?sentry_key=demo\
         &sentry_environment=staging&sentry_release={}",
        env!("CARGO_PKG_VERSION"),
    );
    for path in ["/static/ui", "/trees", "/trees/nope"] {
        let answer = app.anonymous().get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.ends_with(&end), "{path}: {policy}");
    }
}

#[actix_web::test]
async fn with_taskcluster_off_it_is_never_asked_and_its_clients_are_nobody() {
    for backend in backends() {
        let scopes = ["project:releng:treestatus/*"];
        let fake = FakeTaskcluster::start(Config {
            clients: vec![Client::new("demo/one", "t", &scopes)],
            ..Config::default()
        });
        let app: TestApp<Treestatus> = TestAppBuilder::new(backend)
            .set("TASKCLUSTER_ROOT_URL", fake.url())
            .set("TASKCLUSTER_AUTH", "false")
            .with_client("demo/file", &scopes)
            .start()
            .await;
        let tree = json!({"tree": "a", "status": "open", "reason": "", "message_of_the_day": ""});
        let stranger = app.signed_by(Credentials::new("demo/one", "t"));
        assert_eq!(stranger.json("PUT", "/trees/a", &tree).await.status, 401);
        let permissions = stranger.get("/__permissions__").await.json();
        assert_eq!(permissions["user_id"], Value::Null);
        let heartbeat = app.anonymous().get("/__heartbeat__").await;
        assert_eq!(heartbeat.status, 200);
        assert_eq!(heartbeat.json()["checks"], json!({"db": "ok"}));
        // Clients of the file still count.
        let known = app.client("demo/file");
        assert_eq!(known.json("PUT", "/trees/a", &tree).await.status, 204);
        assert_eq!(fake.hits(), 0);
    }
}

#[test]
fn what_makes_no_sense_stops_the_start_and_is_named() {
    for (name, value) in [
        ("SECURITY_CSP_REPORT_URI", "sentry.example.com"),
        (
            "SECURITY_CSP_REPORT_URI",
            "https://sentry.example.com/; script-src *",
        ),
        ("SERVE_STALE_SECONDS", "86401"),
        ("SERVE_STALE_SECONDS", "-1"),
        ("SERVE_STALE_SECONDS", "soon"),
    ] {
        let source = Treestatus::INFO
            .source(Source::from_pairs::<String, String>([]))
            .set(name, value);
        let error = Treestatus::settings(&source).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}
