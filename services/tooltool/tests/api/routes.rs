// SPDX-License-Identifier: MPL-2.0
//! Every route with every role. A route that is missing here fails the test.

use releng_common::run::Service as _;
use releng_tooltool::Tooltool;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PREFIX, apps, digest, entry};

type Row = (&'static str, &'static str, String, Value, [u16; 5]);

/// Route, a request for it, and the status for anonymous, stranger, public, engineer and admin, in
/// this order on one internal file: what changes it comes last.
fn table() -> Vec<Row> {
    let none = Value::Null;
    let digest = digest(b"x");
    let (public, redirect) = ([200; 5], [302; 5]);
    let mut internal = entry(b"y");
    internal["visibility"] = json!("internal");
    let batch = |entry: Value| json!({"message": "m", "files": {"a": entry}});
    let read = |route: &'static str, path: &str, statuses| {
        ("GET", route, path.to_owned(), Value::Null, statuses)
    };
    vec![
        read(
            "/sha512/{digest}",
            &format!("/sha512/{digest}"),
            [403, 403, 403, 302, 302],
        ),
        read("/upload", "/upload?q=", public),
        read("/upload/{id}", "/upload/1", public),
        read(
            "/upload/complete/sha512/{digest}",
            &format!("/upload/complete/sha512/{digest}"),
            [202; 5],
        ),
        read("/file", "/file?q=", public),
        read(
            "/file/sha512/{digest}",
            &format!("/file/sha512/{digest}"),
            public,
        ),
        read("/init", "/init", public),
        read("/__permissions__", "/__permissions__", public),
        read("/tooltool.py", "/tooltool.py", redirect),
        read("/swagger.json", "/swagger.json", public),
        read("/", "/", redirect),
        read("/static/index.html", "/static/index.html", public),
        read(
            "/static/file.html",
            &format!("/static/file.html?digest={digest}"),
            public,
        ),
        read("/static/login.html", "/static/login.html", public),
        read("/static/releng.css", "/static/releng.css", public),
        read("/static/tooltool.js", "/static/tooltool.js", public),
        read("/static/login.js", "/static/login.js", public),
        read("/static/session.js", "/static/session.js", public),
        read("/static/hawk.js", "/static/hawk.js", public),
        read("/static/sign-in.js", "/static/sign-in.js", public),
        read("/__lbheartbeat__", "/__lbheartbeat__", public),
        read("/__heartbeat__", "/__heartbeat__", public),
        read("/__version__", "/__version__", public),
        read("/__metrics__", "/__metrics__", public),
        (
            "POST",
            "/upload",
            "/upload".to_owned(),
            batch(entry(b"z")),
            [403, 403, 200, 200, 200],
        ),
        (
            "POST",
            "/upload",
            "/upload".to_owned(),
            batch(internal),
            [403, 403, 403, 200, 200],
        ),
        (
            "PATCH",
            "/file/sha512/{digest}",
            format!("/file/sha512/{digest}"),
            json!([{"op": "delete_instances"}]),
            [401, 401, 401, 401, 200],
        ),
        (
            "GET",
            "/sha512/{digest}",
            format!("/sha512/{digest}"),
            none,
            [404; 5],
        ),
    ]
}

#[test]
fn every_route_stands_in_the_table() {
    let folder = releng_testkit::temp::dir();
    let routes = releng_testkit::poll::block_on(async {
        let data = folder.path().display().to_string();
        let source = releng_common::config::Source::from_pairs([("DATA_DIR", data)]);
        let settings = releng_tooltool::Settings::load(&source).unwrap();
        let clock = releng_common::Clock::system();
        Tooltool::open(settings, clock).await.unwrap().routes()
    });
    let mut served = routes.table();
    let mut listed: Vec<(String, String)> = table()
        .iter()
        .map(|(m, route, ..)| ((*m).to_owned(), (*route).to_owned()))
        .collect();
    served.sort();
    listed.sort();
    listed.dedup();
    assert_eq!(served, listed);
}

#[actix_web::test]
async fn every_role_gets_what_the_table_says_and_head_equals_get() {
    for app in apps().await {
        let mut internal = entry(b"x");
        internal["visibility"] = json!("internal");
        app.upload("x", internal, b"x").await;
        let roles = [
            app.anonymous(),
            app.stranger(),
            app.public(),
            app.engineer(),
            app.admin(),
        ];
        for (method, _, path, body, statuses) in table() {
            for (role, expected) in roles.iter().zip(statuses) {
                let answer = match &body {
                    Value::Null => role.get(&path).await,
                    body => role.json(method, &path, body).await,
                };
                assert_eq!(
                    answer.status,
                    expected,
                    "{method} {path}: {}",
                    answer.text()
                );
                if method == "GET" {
                    let head = role.head(&path).await;
                    assert_eq!((head.status, head.body.len()), (expected, 0), "{path}");
                    let kind =
                        |a: &releng_testkit::app::Answer| a.header("content-type").to_owned();
                    assert_eq!(kind(&head), kind(&answer), "{path}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn everybody_may_ask_who_they_are() {
    for app in apps().await {
        let nobody = app.anonymous().get("/__permissions__").await;
        assert_eq!(
            nobody.json(),
            json!({
                "description": "Permissions of a logged in user", "user_id": null, "permissions": [],
            })
        );
        assert_eq!(nobody.header("cache-control"), "private, no-store");
        let scopes = [
            format!("{PREFIX}upload/public"),
            format!("{PREFIX}download/public"),
        ];
        let public = app.public().get("/__permissions__").await;
        assert_eq!(
            public.json(),
            json!({
                "description": "Permissions of a logged in user", "user_id": "demo/public",
                "permissions": scopes,
            })
        );
        let perms = json!({
            format!("{PREFIX}download/internal"): "Download INTERNAL files from tooltool",
            format!("{PREFIX}download/public"): "Download PUBLIC files from tooltool",
            format!("{PREFIX}manage"): "Manage tooltool files, including deleting and changing visibility levels",
            format!("{PREFIX}upload/internal"): "Upload INTERNAL files to tooltool",
            format!("{PREFIX}upload/public"): "Upload PUBLIC files to tooltool",
        });
        let nobody = app.anonymous().get("/init").await;
        assert_eq!(
            nobody.json(),
            json!({"user": {"type": "anonymous", "permissions": []}, "perms": perms})
        );
        let public = app.public().get("/init").await;
        assert_eq!(
            public.json()["user"],
            json!({"type": "taskcluster", "permissions": [
                {"name": format!("{PREFIX}download/public"), "doc": "Download PUBLIC files from tooltool"},
                {"name": format!("{PREFIX}upload/public"), "doc": "Upload PUBLIC files to tooltool"},
            ]})
        );
    }
}

#[actix_web::test]
async fn redirects_health_and_preflights_are_those_of_the_contract() {
    for app in apps().await {
        let get = async |path: &str| app.anonymous().get(path).await;
        assert_eq!(get("/").await.header("location"), "/static/index.html");
        assert_eq!(
            get("/tooltool.py").await.header("location"),
            "https://raw.githubusercontent.com/mozilla-releng/tooltool/master/client/tooltool.py"
        );
        let beat = get("/__heartbeat__").await;
        assert_eq!((beat.status, beat.text()), (200, "OK".to_owned()));
        assert_eq!(beat.header("cache-control"), "public, max-age=60");
        assert_eq!(get("/__lbheartbeat__").await.text(), "OK!");
        let client = app.anonymous();
        let options = client
            .send(client.request(Method::OPTIONS, "/upload"))
            .await;
        assert_eq!(
            (options.status, options.header("allow")),
            (200, "GET, HEAD, OPTIONS, POST")
        );
        let preflight = client
            .request(Method::OPTIONS, "/file/sha512/x")
            .header("origin", "https://tools.example.com")
            .header("access-control-request-method", "PATCH")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let answer = client.send(preflight).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("access-control-allow-methods"),
            "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "authorization,content-type"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}
