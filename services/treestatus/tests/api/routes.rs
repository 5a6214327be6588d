// SPDX-License-Identifier: MPL-2.0
//! Every route with every role. A route that is missing here fails the test.

use releng_common::run::Service as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::apps;

/// Route, a request for it, and the status for anonymous, stranger, sheriff and admin, in this order
/// on one tree: what changes the tree comes last.
fn table() -> Vec<(&'static str, &'static str, &'static str, Value, [u16; 4])> {
    let mut table = api();
    let pages = [
        "/static/ui/treestatus/add",
        "/static/ui/treestatus/update",
        "/static/ui/treestatus/delete",
        "/static/login.html",
        "/static/treestatus.css",
    ];
    let scripts = [
        "/static/hawk.js",
        "/static/sign-in.js",
        "/static/treestatus.js",
        "/static/login.js",
        "/static/session.js",
        "/static/rights.js",
        "/static/api.js",
        "/static/live.js",
        "/static/page.js",
        "/static/notice.js",
        "/static/list.js",
        "/static/log.js",
        "/static/forms.js",
        "/static/changes.js",
        "/static/keys.js",
    ];
    let files = pages.into_iter().chain(scripts);
    // Before what deletes the tree.
    table.splice(
        0..0,
        files.map(|path| ("GET", path, path, Value::Null, [200; 4])),
    );
    table
}

/// The same without the files.
fn api() -> Vec<(&'static str, &'static str, &'static str, Value, [u16; 4])> {
    let none = Value::Null;
    let public = [200; 4];
    let redirect = [302; 4];
    vec![
        ("GET", "/trees", "/trees", none.clone(), public),
        ("GET", "/trees2", "/trees2", none.clone(), public),
        ("GET", "/trees/{tree}", "/trees/a", none.clone(), public),
        (
            "GET",
            "/trees/{tree}/logs",
            "/trees/a/logs",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/trees/{tree}/logs_all",
            "/trees/a/logs_all",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/trees/{tree}/closures",
            "/trees/a/closures",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/trees/{tree}/closures.csv",
            "/trees/a/closures.csv?per=week",
            none.clone(),
            public,
        ),
        ("GET", "/v0/trees", "/v0/trees", none.clone(), public),
        (
            "GET",
            "/v0/trees/{tree}",
            "/v0/trees/a",
            none.clone(),
            public,
        ),
        ("GET", "/stack", "/stack", none.clone(), public),
        ("GET", "/events", "/events?wait=0", none.clone(), public),
        (
            "GET",
            "/__permissions__",
            "/__permissions__",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/swagger.json",
            "/swagger.json",
            none.clone(),
            public,
        ),
        ("GET", "/robots.txt", "/robots.txt", none.clone(), redirect),
        (
            "GET",
            "/favicon.ico",
            "/favicon.ico",
            none.clone(),
            redirect,
        ),
        (
            "GET",
            "/static/ui/favicon.ico",
            "/static/ui/favicon.ico",
            none.clone(),
            public,
        ),
        ("GET", "/apidocs/", "/apidocs/", none.clone(), public),
        (
            "GET",
            "/static/ui/robots.txt",
            "/static/ui/robots.txt",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/static/releng.css",
            "/static/releng.css",
            none.clone(),
            public,
        ),
        ("GET", "/", "/", none.clone(), redirect),
        (
            "GET",
            "/static/ui/index.html",
            "/static/ui/index.html",
            none.clone(),
            redirect,
        ),
        ("GET", "/static/ui", "/static/ui", none.clone(), public),
        (
            "GET",
            "/static/ui/treestatus/",
            "/static/ui/treestatus/",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/static/ui/treestatus/show/{tree}",
            "/static/ui/treestatus/show/a",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/static/ui/treestatus/statistics/{tree}",
            "/static/ui/treestatus/statistics/a",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/__lbheartbeat__",
            "/__lbheartbeat__",
            none.clone(),
            public,
        ),
        (
            "GET",
            "/__heartbeat__",
            "/__heartbeat__",
            none.clone(),
            public,
        ),
        ("GET", "/__version__", "/__version__", none.clone(), public),
        ("GET", "/__metrics__", "/__metrics__", none.clone(), public),
        (
            "PATCH",
            "/trees",
            "/trees",
            json!({"trees": ["a"], "message_of_the_day": "m"}),
            [401, 401, 204, 204],
        ),
        (
            "PATCH",
            "/log/{id:[0-9]+}",
            "/log/1000",
            json!({}),
            [401, 401, 400, 400],
        ),
        (
            "PATCH",
            "/stack/{id:[0-9]+}",
            "/stack/1",
            json!({}),
            [401, 401, 404, 404],
        ),
        (
            "DELETE",
            "/stack/{id:[0-9]+}",
            "/stack/1",
            none.clone(),
            [401, 401, 404, 404],
        ),
        (
            "DELETE",
            "/stack2/restore/{id:[0-9]+}",
            "/stack2/restore/1",
            none.clone(),
            [401, 401, 404, 404],
        ),
        (
            "DELETE",
            "/stack2/discard/{id:[0-9]+}",
            "/stack2/discard/1",
            none.clone(),
            [401, 401, 404, 404],
        ),
        (
            "PUT",
            "/trees/{tree}",
            "/trees/b",
            json!({"tree": "b", "status": "open", "reason": "", "message_of_the_day": ""}),
            [401, 401, 401, 204],
        ),
        (
            "DELETE",
            "/trees2",
            "/trees2",
            json!({"trees": ["b"]}),
            [401, 401, 401, 204],
        ),
        (
            "DELETE",
            "/trees/{tree}",
            "/trees/a",
            none,
            [401, 401, 401, 204],
        ),
    ]
}

#[test]
fn every_route_stands_in_the_table() {
    let folder = releng_testkit::temp::dir();
    let routes = releng_testkit::poll::block_on(async {
        let data = folder.path().display().to_string();
        let source = releng_common::config::Source::from_pairs([("DATA_DIR", data)]);
        let settings = releng_treestatus::Settings::load(&source).unwrap();
        let clock = releng_common::Clock::system();
        releng_treestatus::Treestatus::open(settings, clock)
            .await
            .unwrap()
            .routes()
    });
    let mut served = routes.table();
    let mut listed: Vec<(String, String)> = table()
        .iter()
        .map(|(m, route, ..)| ((*m).to_owned(), (*route).to_owned()))
        .collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed);
}

#[actix_web::test]
async fn every_role_gets_what_the_table_says() {
    for app in apps().await {
        app.tree("a").await;
        let roles = [app.anonymous(), app.stranger(), app.sheriff(), app.admin()];
        for (method, _, path, body, statuses) in table() {
            for (role, expected) in roles.iter().zip(statuses) {
                let answer = if body.is_null() {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    role.send(role.request(method, path)).await
                } else {
                    role.json(method, path, &body).await
                };
                assert_eq!(
                    answer.status,
                    expected,
                    "{method} {path}: {}",
                    answer.text()
                );
                if expected == 401 {
                    assert_eq!(
                        answer.json()["title"],
                        "401 Unauthorized: Invalid user permissions"
                    );
                }
            }
        }
    }
}

#[actix_web::test]
async fn reads_ignore_broken_credentials() {
    for app in apps().await {
        app.tree("a").await;
        let client = app.anonymous();
        let request = client
            .request(Method::GET, "/trees/a")
            .header("authorization", "Hawk nonsense");
        assert_eq!(client.send(request).await.status, 200);
    }
}

#[actix_web::test]
async fn a_preflight_is_answered_and_every_answer_has_the_shared_headers() {
    for app in apps().await {
        let client = app.anonymous();
        let preflight = client
            .request(Method::OPTIONS, "/trees")
            .header("origin", "https://treeherder.example.com")
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
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://treeherder.example.com"
        );
        let answer = client.get("/trees/none").await;
        assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("referrer-policy"),
            "strict-origin-when-cross-origin"
        );
        assert!(!answer.header("content-security-policy").contains("unsafe"));
        assert_eq!(answer.header("x-request-id").len(), 36);
        assert_eq!(answer.header("strict-transport-security"), "");
    }
}
