// SPDX-License-Identifier: MPL-2.0
//! Headers that every answer carries, whatever it is about.

use releng_testkit::app::Answer;
use releng_testkit::database::Backend;
use releng_testkit::fake_taskcluster::{Config, FakeTaskcluster};
use reqwest::Method;

use crate::{App, digest, entry};

/// One answer of each kind: status, method, path, media type and body of the request.
const KINDS: [(u16, &str, &str, &str, &str); 12] = [
    (200, "GET", "/file?q=", "", ""),
    (200, "GET", "/static/index.html", "", ""),
    (200, "GET", "/static/tooltool.js", "", ""),
    (200, "GET", "/__lbheartbeat__", "", ""),
    (200, "OPTIONS", "/upload", "", ""),
    (302, "GET", "/", "", ""),
    (400, "POST", "/upload", "application/json", "{"),
    (401, "PATCH", "/file/sha512/x", "application/json", "[]"),
    (404, "GET", "/nothing", "", ""),
    (405, "DELETE", "/upload", "", ""),
    (413, "POST", "/upload", "application/json", "LONG"),
    (415, "POST", "/upload", "text/plain", "{}"),
];

async fn ask(app: &App, kind: (u16, &str, &str, &str, &str), extra: &[(&str, &str)]) -> Answer {
    let (_, method, path, media_type, body) = kind;
    let client = app.anonymous();
    let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    if !media_type.is_empty() {
        let body = if body == "LONG" {
            " ".repeat(1_048_577)
        } else {
            body.to_owned()
        };
        request = request.header("content-type", media_type).body(body);
    }
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    client.send(request).await
}

#[actix_web::test]
async fn every_answer_has_them() {
    let fake = FakeTaskcluster::start(Config::default());
    let builder = App::builder(Backend::Sqlite)
        .set("TASKCLUSTER_ROOT_URL", fake.url())
        .set("ENV", "staging")
        .set(
            "SECURITY_CSP_REPORT_URI",
            "https://sentry.example.com/api/1/security/?sentry_key=demo",
        );
    let app = App::started(builder).await;
    let policy = format!(
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self' {}; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'self'; \
         report-uri https://sentry.example.com/api/1/security/?sentry_key=demo\
         &sentry_environment=staging&sentry_release={}",
        fake.url(),
        env!("CARGO_PKG_VERSION"),
    );
    for kind in KINDS {
        let plain = ask(&app, kind, &[]).await;
        assert_eq!(plain.status, kind.0, "{kind:?}: {}", plain.text());
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", ""),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("content-security-policy", policy.as_str()),
            ("strict-transport-security", ""),
        ] {
            assert_eq!(plain.header(name), value, "{name} of {kind:?}");
        }
        assert_eq!(plain.header("x-request-id").len(), 36, "{kind:?}");
        let headers = [
            ("origin", "https://tools.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "demo-request-1"),
        ];
        let secure = ask(&app, kind, &headers).await;
        for (name, value) in [
            ("access-control-allow-origin", "https://tools.example.com"),
            (
                "strict-transport-security",
                "max-age=31556926; includeSubDomains",
            ),
            ("x-request-id", "demo-request-1"),
        ] {
            assert_eq!(secure.header(name), value, "{name} of {kind:?}");
        }
        assert!(secure.header("vary").contains("Origin"), "{kind:?}");
    }
}

#[actix_web::test]
async fn answers_of_the_store_and_redirects_have_them_too() {
    let app = App::start(Backend::Sqlite).await;
    app.upload("a", entry(b"x"), b"x").await;
    let redirect = app
        .anonymous()
        .get(&format!("/sha512/{}", digest(b"x")))
        .await;
    let target = app.anonymous().get(redirect.header("location")).await;
    for answer in [&redirect, &target] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[actix_web::test]
async fn errors_have_the_bare_media_type_that_old_clients_compare() {
    let app = App::start(Backend::Sqlite).await;
    for (accept, expected) in [
        ("*/*", "application/json"),
        ("application/json, text/plain", "application/json"),
        ("application/problem+json", "application/problem+json"),
        (
            "text/html, application/problem+json;q=0.9",
            "application/problem+json",
        ),
        (
            "application/problem+json, application/json",
            "application/json",
        ),
    ] {
        let client = app.anonymous();
        let request = client
            .request(Method::GET, "/upload/nothing")
            .header("accept", accept);
        let answer = client.send(request).await;
        assert_eq!(answer.header("content-type"), expected, "{accept}");
        assert_eq!(answer.json()["error"]["status"], 404);
    }
}

#[actix_web::test]
async fn on_heroku_clients_without_tls_are_sent_to_https() {
    let app = App::started(App::builder(Backend::Sqlite).set("DYNO", "web.1")).await;
    let client = app.anonymous();
    let send = async |method: Method, path: &str, proto: &str| {
        let request = client
            .request(method, path)
            .header("host", "tooltool.example.com")
            .header("x-forwarded-proto", proto);
        client.send(request).await
    };
    let there = "https://tooltool.example.com/file?q=a%2Fb";
    for (method, status) in [
        (Method::GET, 302),
        (Method::HEAD, 302),
        (Method::POST, 308),
        (Method::PATCH, 308),
    ] {
        let answer = send(method, "/file?q=a%2Fb", "http").await;
        assert_eq!((answer.status, answer.header("location")), (status, there));
        assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
    }
    let secure = send(Method::GET, "/file?q=a%2Fb", "https").await;
    assert_eq!(secure.status, 200);
    assert!(!secure.header("strict-transport-security").is_empty());
    for path in ["/__lbheartbeat__", "/__heartbeat__", "/__version__"] {
        assert_eq!(send(Method::GET, path, "http").await.status, 200, "{path}");
    }
    let permissions = send(Method::GET, "/__permissions__", "http").await;
    assert_eq!(permissions.status, 302);
}

#[actix_web::test]
async fn a_database_that_is_away_is_503_and_said_by_the_heartbeat() {
    // Nobody listens there.
    let builder = App::builder(Backend::Sqlite)
        .set("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none")
        .set("DATABASE_TIMEOUT_SECONDS", "1")
        .without_workers();
    let app = App::started(builder).await;
    let beat = app.anonymous().get("/__heartbeat__").await;
    assert_eq!(beat.status, 502);
    assert_eq!(
        beat.json(),
        serde_json::json!({"db": "Cannot connect to the database."})
    );
    assert_eq!(beat.header("cache-control"), "no-store");
    for path in [
        "/file?q=",
        "/upload/1",
        &format!("/sha512/{}", digest(b"x")),
    ] {
        let answer = app.anonymous().get(path).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, "5"),
            "{path}"
        );
        assert_eq!(answer.json()["error"]["status"], 503);
        assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
    }
    assert_eq!(app.anonymous().get("/__lbheartbeat__").await.text(), "OK!");
    assert_eq!(app.anonymous().get("/__permissions__").await.status, 200);
}
