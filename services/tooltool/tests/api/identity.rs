// SPDX-License-Identifier: MPL-2.0
//! Who is calling: what is asked of Taskcluster, what becomes of the answers, and what is never asked.

use std::time::Duration;

use releng_testkit::database::{Backend, backends};
use releng_testkit::fake_taskcluster::{Client, Config, FakeTaskcluster};
use releng_testkit::hawk_client::Credentials;
use releng_testkit::misbehaviour::Behaviour;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::{App, PREFIX, digest, entry};

/// A deployment that knows one client.
fn taskcluster(scopes: &[&str]) -> FakeTaskcluster {
    FakeTaskcluster::start(Config {
        clients: vec![Client::new("demo/task", "demo-key", scopes)],
        ..Config::default()
    })
}

fn task() -> Credentials {
    Credentials::new("demo/task", "demo-key")
}

async fn app_with(backend: Backend, fake: &FakeTaskcluster) -> App {
    App::started(App::builder(backend).set("TASKCLUSTER_ROOT_URL", fake.url())).await
}

/// Returns the client id that the service sees.
async fn who(app: &App, request: reqwest::RequestBuilder) -> Value {
    let answer = app.anonymous().send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["user_id"].clone()
}

#[actix_web::test]
async fn the_question_is_what_the_client_signed() {
    let fake = taskcluster(&[&format!("{PREFIX}*")]);
    let app = app_with(Backend::Sqlite, &fake).await;
    // Percent-encoded characters and the order of parameters belong to the signature.
    let path = "/upload?q=%C3%BC%2F+b&region=us-west-2&limit=1";
    let url = Url::parse(&format!("{}{path}", app.app.address())).unwrap();
    let header = task().sign("GET", &url).header().unwrap();
    let client = app.anonymous();
    let whoami = "/__permissions__?x=%2f%2F&region=us-west-2";
    let url = Url::parse(&format!("{}{whoami}", app.app.address())).unwrap();
    let signed = task().sign("GET", &url).header().unwrap();
    let request = client
        .request(Method::GET, whoami)
        .header("authorization", &signed);
    assert_eq!(who(&app, request).await, "demo/task");
    assert_eq!(
        fake.questions(),
        [json!({
            "method": "get",
            "resource": whoami,
            "host": "127.0.0.1",
            "port": url.port().unwrap(),
            "authorization": signed,
            "sourceIp": "127.0.0.1",
        })]
    );
    // Lists are for everybody: nobody is asked.
    let request = client
        .request(Method::GET, path)
        .header("authorization", header);
    assert_eq!(client.send(request).await.status, 200);
    assert_eq!(fake.questions().len(), 1);
}

#[actix_web::test]
async fn host_and_port_are_those_of_the_client() {
    let fake = taskcluster(&[]);
    let app = app_with(Backend::Sqlite, &fake).await;
    let client = app.anonymous();
    for (headers, host, port) in [
        (vec![("host", "h.example.com:81")], "h.example.com", 81),
        (vec![("host", "h.example.com")], "h.example.com", 80),
        (
            vec![("host", "h.example.com"), ("x-forwarded-proto", "https")],
            "h.example.com",
            443,
        ),
        (
            vec![("host", "h.example.com"), ("x-forwarded-port", "8443")],
            "h.example.com",
            8443,
        ),
        (
            vec![("host", "h.example.com:81"), ("x-forwarded-port", "8443")],
            "h.example.com",
            81,
        ),
    ] {
        let mut request = client
            .request(Method::GET, "/__permissions__")
            .header("authorization", "Hawk id=\"demo/task\"");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(who(&app, request).await, Value::Null);
        let question = fake.questions().pop().unwrap();
        assert_eq!(
            (&question["host"], &question["port"]),
            (&json!(host), &json!(port))
        );
    }
}

#[actix_web::test]
async fn the_second_header_counts_where_the_first_is_absent_and_other_schemes_are_nobody() {
    let fake = taskcluster(&[]);
    let app = app_with(Backend::Sqlite, &fake).await;
    let client = app.anonymous();
    let url = Url::parse(&format!("{}/__permissions__", app.app.address())).unwrap();
    let signed = || task().sign("GET", &url).header().unwrap();
    let whoami = || client.request(Method::GET, "/__permissions__");
    let second = whoami().header("authentication", signed());
    assert_eq!(who(&app, second).await, "demo/task");
    let empty = whoami()
        .header("authorization", "")
        .header("authentication", signed());
    assert_eq!(who(&app, empty).await, "demo/task");
    let asked = fake.hits();
    for other in [
        "Bearer abc",
        "Basic ZGVtbzpkZW1v",
        "hawk id=\"demo/task\"",
        "x",
    ] {
        let request = whoami()
            .header("authorization", other)
            .header("authentication", signed());
        assert_eq!(who(&app, request).await, Value::Null, "{other}");
    }
    assert_eq!(fake.hits(), asked);
}

#[actix_web::test]
async fn a_signed_link_downloads_an_internal_file_and_changes_nothing() {
    for backend in backends() {
        let fake = taskcluster(&[&format!("{PREFIX}*")]);
        let app = app_with(backend, &fake).await;
        let mut internal = entry(b"x");
        internal["visibility"] = json!("internal");
        app.upload("a", internal, b"x").await;
        let hour = Duration::from_secs(3600);
        let path = format!("/sha512/{}?region=us-west-2", digest(b"x"));
        let url = Url::parse(&format!("{}{path}", app.app.address())).unwrap();
        let link = task().bewit(&url, hour).unwrap();
        assert_eq!(app.anonymous().get(link.as_str()).await.status, 302);
        assert_eq!(app.anonymous().head(link.as_str()).await.status, 302);
        let other = link.as_str().replace("us-west-2", "us-east-1");
        assert_eq!(app.anonymous().get(&other).await.status, 403);
        let file = format!("{}/file/sha512/{}", app.app.address(), digest(b"x"));
        let link = task().bewit(&Url::parse(&file).unwrap(), hour).unwrap();
        let patch = app
            .anonymous()
            .json("PATCH", link.as_str(), &json!([]))
            .await;
        assert_eq!(patch.status, 401);
        let upload = format!("{}/upload", app.app.address());
        let link = task().bewit(&Url::parse(&upload).unwrap(), hour).unwrap();
        let body = json!({"message": "m", "files": {"a": entry(b"new")}});
        assert_eq!(
            app.anonymous()
                .json("POST", link.as_str(), &body)
                .await
                .status,
            403
        );
    }
}

#[actix_web::test]
async fn scopes_with_a_star_at_the_end_cover_what_begins_so_and_clients_may_restrict_themselves() {
    let path = format!("/sha512/{}", digest(b"x"));
    for (held, status) in [
        ("*", 302),
        ("project:releng:services/tooltool/*", 302),
        (
            "project:releng:services/tooltool/api/download/internal",
            302,
        ),
        ("project:releng:services/tooltool/api/download/public", 403),
        ("project:releng:services/tooltool/api/*/internal", 403),
        (
            "project:releng:services/tooltool/api/download/internal/x",
            403,
        ),
    ] {
        let fake = taskcluster(&[held, "project:releng:services/tooltool/api/upload/*"]);
        let app = app_with(Backend::Sqlite, &fake).await;
        let mut internal = entry(b"x");
        internal["visibility"] = json!("internal");
        app.upload("a", internal, b"x").await;
        let answer = app.app.signed_by(task()).get(&path).await;
        assert_eq!(answer.status, status, "{held}");
        let restricted = task().with_authorized_scopes(&[&format!("{PREFIX}upload/public")]);
        let answer = app.app.signed_by(restricted).get(&path).await;
        assert_eq!(answer.status, 403, "{held}, restricted");
    }
}

#[actix_web::test]
async fn with_taskcluster_off_it_is_never_asked_and_its_clients_are_nobody() {
    for backend in backends() {
        let fake = taskcluster(&["*"]);
        let builder = App::builder(backend)
            .set("TASKCLUSTER_ROOT_URL", fake.url())
            .set("TASKCLUSTER_AUTH", "false");
        let app = App::started(builder).await;
        let signed = app.app.signed_by(task());
        let batch = json!({"message": "m", "files": {"a": entry(b"x")}});
        assert_eq!(signed.json("POST", "/upload", &batch).await.status, 403);
        let file = format!("/file/sha512/{}", digest(b"x"));
        assert_eq!(signed.json("PATCH", &file, &json!([])).await.status, 401);
        let permissions = signed.get("/__permissions__").await.json();
        assert_eq!(permissions["user_id"], Value::Null);
        assert_eq!(app.anonymous().get("/__heartbeat__").await.text(), "OK");
        assert_eq!(fake.hits(), 0);
    }
}

#[actix_web::test]
async fn an_outage_is_503_where_a_permission_is_needed_and_nothing_elsewhere() {
    let fake = taskcluster(&[&format!("{PREFIX}*")]);
    let builder = App::builder(Backend::Sqlite)
        .set("TASKCLUSTER_ROOT_URL", fake.url())
        .set("TASKCLUSTER_TIMEOUT_SECONDS", "1");
    let app = App::started(builder).await;
    let mut internal = entry(b"internal");
    internal["visibility"] = json!("internal");
    app.upload("i", internal, b"internal").await;
    app.upload("p", entry(b"public"), b"public").await;
    let (public, internal) = (
        format!("/sha512/{}", digest(b"public")),
        format!("/sha512/{}", digest(b"internal")),
    );
    let signed = app.app.signed_by(task());
    let file = format!("/file/sha512/{}", digest(b"public"));
    let batch = json!({"message": "m", "files": {"a": entry(b"a")}});
    for behaviour in [
        Behaviour::Hang,
        Behaviour::ServerError,
        Behaviour::Garbage,
        Behaviour::Cut,
    ] {
        fake.set_behaviour(behaviour);
        let asked = fake.hits();
        for path in [public.as_str(), &file, "/upload?q=", "/static/index.html"] {
            let status = signed.get(path).await.status;
            assert!([200, 302].contains(&status), "{behaviour:?} {path}");
        }
        assert_eq!(fake.hits(), asked, "{behaviour:?}");
        // Without credentials there is nothing to ask.
        assert_eq!(app.anonymous().get(&internal).await.status, 403);
        assert_eq!(app.anonymous().get("/init").await.status, 200);
        assert_eq!(fake.hits(), asked, "{behaviour:?}");
        let refused = [
            signed.get(&internal).await,
            signed.json("POST", "/upload", &batch).await,
            signed.json("PATCH", &file, &json!([])).await,
            signed.get("/init").await,
        ];
        for answer in refused {
            let told = (answer.status, answer.header("retry-after"));
            assert_eq!(told, (503, "5"), "{behaviour:?}");
            let text = "the authentication service does not answer";
            assert_eq!(answer.json()["error"]["description"], text);
        }
    }
    fake.set_behaviour(Behaviour::Normal);
    assert_eq!(
        signed.get(&internal).await.status,
        302,
        "back without a restart"
    );
    fake.set_behaviour_for(1, Behaviour::ServerError);
    assert_eq!(
        signed.get(&internal).await.status,
        302,
        "one 5xx is tried again"
    );
}

#[actix_web::test]
async fn a_refusal_says_what_was_wrong_with_the_credentials() {
    let fake = taskcluster(&[&format!("{PREFIX}*")]);
    let app = app_with(Backend::Sqlite, &fake).await;
    let file = format!("/file/sha512/{}", digest(b"x"));
    let wrong = app.app.signed_by(Credentials::new("demo/task", "typo"));
    let answer = wrong.json("PATCH", &file, &json!([])).await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, "Hawk error=\"Unauthorized: Bad mac\"")
    );
    let members = json!({
        "detail": "Invalid user permissions", "instance": "about:blank", "status": 401,
        "title": "401 Unauthorized: Invalid user permissions", "type": "about:blank",
    });
    let mut old = members.clone();
    old["name"] = members["title"].clone();
    old["description"] = members["detail"].clone();
    let mut body = members;
    body["error"] = old;
    body["reason"] = json!("Unauthorized: Bad mac");
    assert_eq!(answer.json(), body);
    let batch = json!({"message": "m", "files": {"a": entry(b"a")}});
    let answer = wrong.json("POST", "/upload", &batch).await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (403, "Hawk error=\"Unauthorized: Bad mac\"")
    );
    assert_eq!(
        answer.json()["detail"],
        "no permission to upload public files"
    );
    assert_eq!(answer.json()["reason"], "Unauthorized: Bad mac");
    // Other refusals have nothing to do with it.
    let answer = wrong.json("POST", "/upload", &json!({})).await;
    assert_eq!((answer.status, answer.json().get("reason")), (400, None));
    assert_eq!(answer.header("www-authenticate"), "");
    // Who sent none, or lacks a scope, is told nothing of the kind.
    for client in [app.anonymous(), app.stranger()] {
        let answer = client.json("PATCH", &file, &json!([])).await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, "")
        );
        assert_eq!(answer.json().get("reason"), None);
    }
}
