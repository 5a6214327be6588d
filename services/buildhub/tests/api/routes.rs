// SPDX-License-Identifier: MPL-2.0
//! Every route. The service has no sign-in, so there is one role; a route that is missing here fails
//! the test.

use releng_common::run::Service as _;
use reqwest::Method;

use crate::apps;

/// Method, route, a request for it, and the status for everybody.
const TABLE: [(&str, &str, &str, u16); 28] = [
    ("GET", "/api/search", "/api/search", 200),
    ("POST", "/api/search", "/api/search", 400),
    ("GET", "/api/records", "/api/records", 200),
    ("GET", "/api/records/{id}", "/api/records/1", 404),
    ("GET", "/api/{rest:.*}", "/api/nothing", 404),
    ("POST", "/api/{rest:.*}", "/api/nothing", 404),
    ("PUT", "/api/{rest:.*}", "/api/nothing", 404),
    ("PATCH", "/api/{rest:.*}", "/api/nothing", 404),
    ("DELETE", "/api/{rest:.*}", "/api/nothing", 404),
    ("GET", OLD, OLD_REQUEST, 301),
    ("POST", OLD, OLD_REQUEST, 308),
    ("PUT", OLD, OLD_REQUEST, 308),
    ("PATCH", OLD, OLD_REQUEST, 308),
    ("DELETE", OLD, OLD_REQUEST, 308),
    ("GET", "/contribute.json", "/contribute.json", 200),
    ("GET", "/openapi.json", "/openapi.json", 200),
    ("GET", "/robots.txt", "/robots.txt", 200),
    ("GET", "/", "/", 200),
    ("GET", "/static/releng.css", "/static/releng.css", 200),
    ("GET", "/{path:.*}", "/any/page", 200),
    ("GET", "/{path:.*}", "/any/file.js", 404),
    ("GET", "/{path:.*}", "/static/../../etc/passwd.txt", 404),
    ("GET", "/{path:.*}", "/%ff%00", 200),
    ("GET", "/{path:.*}", "//..%2f..%2fetc/passwd.d", 404),
    ("GET", "/__lbheartbeat__", "/__lbheartbeat__", 200),
    ("GET", "/__heartbeat__", "/__heartbeat__", 200),
    ("GET", "/__version__", "/__version__", 200),
    ("GET", "/__metrics__", "/__metrics__", 200),
];
const OLD: &str = "/v1/buckets/build-hub/collections/releases/search{rest:.*}";
const OLD_REQUEST: &str = "/v1/buckets/build-hub/collections/releases/search";

#[test]
fn every_route_stands_in_the_table() {
    let folder = releng_testkit::temp::dir();
    let routes = releng_testkit::poll::block_on(async {
        let source = releng_common::config::Source::from_pairs([(
            "DATA_DIR",
            folder.path().display().to_string(),
        )]);
        let settings = releng_buildhub::Settings::load(&source).unwrap();
        let clock = releng_common::Clock::system();
        releng_buildhub::Buildhub::open(settings, clock)
            .await
            .unwrap()
            .routes()
    });
    let mut served = routes.table();
    let mut listed: Vec<(String, String)> = TABLE
        .iter()
        .map(|(m, route, ..)| ((*m).to_owned(), (*route).to_owned()))
        .collect();
    served.sort();
    listed.sort();
    listed.dedup();
    assert_eq!(served, listed);
}

#[actix_web::test]
async fn everybody_gets_what_the_table_says() {
    for app in apps().await {
        let client = app.anonymous();
        for (method, _, path, expected) in TABLE {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = client.send(client.request(method.clone(), path)).await;
            assert_eq!(
                answer.status,
                expected,
                "{method} {path}: {}",
                answer.text()
            );
        }
    }
}
