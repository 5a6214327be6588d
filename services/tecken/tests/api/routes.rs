// SPDX-License-Identifier: MPL-2.0
//! Every route with every role. A route that is missing here fails the test.

use releng_common::run::Service as _;
use reqwest::Method;
use serde_json::json;

use crate::{App, apps};

const NO_FILE: &str = "a=b";

/// Route, a request for it with its body, and the status for anonymous, a token without rights, one
/// for try symbols and one for regular symbols.
fn table() -> Vec<(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    [u16; 4],
)> {
    let symbol = "/{symbol}/{hex:[0-9A-Fa-f]+}/{filename}";
    let job = r#"{"version": 4, "memoryMap": [], "stacks": []}"#;
    vec![
        ("GET", "/__lbheartbeat__", "/__lbheartbeat__", "", [200; 4]),
        ("GET", "/__heartbeat__", "/__heartbeat__", "", [200; 4]),
        ("GET", "/__version__", "/__version__", "", [404; 4]),
        ("GET", "/__metrics__", "/__metrics__", "", [200; 4]),
        ("GET", "/", "/", "", [200; 4]),
        ("POST", "/", "/", job, [200; 4]),
        (
            "POST",
            "/upload/",
            "/upload/",
            NO_FILE,
            [403, 403, 400, 400],
        ),
        ("POST", "/upload", "/upload", NO_FILE, [403, 403, 400, 400]),
        ("POST", "/symbolicate/v4", "/symbolicate/v4", job, [200; 4]),
        ("POST", "/symbolicate/v5", "/symbolicate/v5", job, [200; 4]),
        (
            "GET",
            "/missingsymbols.csv",
            "/missingsymbols.csv",
            "",
            [200; 4],
        ),
        (
            "POST",
            "/missingsymbols.csv",
            "/missingsymbols.csv",
            "",
            [200; 4],
        ),
        (
            "PUT",
            "/missingsymbols.csv",
            "/missingsymbols.csv",
            "",
            [200; 4],
        ),
        (
            "PATCH",
            "/missingsymbols.csv",
            "/missingsymbols.csv",
            "",
            [200; 4],
        ),
        (
            "DELETE",
            "/missingsymbols.csv",
            "/missingsymbols.csv",
            "",
            [200; 4],
        ),
        (
            "GET",
            "/oidc/authenticate/",
            "/oidc/authenticate/",
            "",
            [302; 4],
        ),
        ("GET", "/oidc/callback/", "/oidc/callback/", "", [302; 4]),
        ("POST", "/oidc/logout/", "/oidc/logout/", "", [403; 4]),
        ("POST", "/oidc/logout", "/oidc/logout", "", [403; 4]),
        ("GET", "/api/_auth/", "/api/_auth/", "", [200; 4]),
        (
            "GET",
            "/oidc/authenticate",
            "/oidc/authenticate",
            "",
            [301; 4],
        ),
        ("GET", "/oidc/callback", "/oidc/callback", "", [301; 4]),
        ("GET", "/api/_auth", "/api/_auth", "", [301; 4]),
        (
            "GET",
            "/api/uploads/upload/{id:[0-9]+}",
            "/api/uploads/upload/1",
            "",
            [403, 404, 404, 404],
        ),
        ("GET", "/contribute.json", "/contribute.json", "", [200; 4]),
        ("GET", "/robots.txt", "/robots.txt", "", [200; 4]),
        ("GET", "/help", "/help", "", [200; 4]),
        ("GET", "/uploads", "/uploads", "", [403, 200, 200, 200]),
        (
            "GET",
            "/downloads/missing",
            "/downloads/missing",
            "",
            [200; 4],
        ),
        ("GET", "/symbolication", "/symbolication", "", [200; 4]),
        (
            "POST",
            "/symbolication",
            "/symbolication",
            "offsets=1",
            [200; 4],
        ),
        (
            "GET",
            "/static/releng.css",
            "/static/releng.css",
            "",
            [200; 4],
        ),
        (
            "GET",
            "/try/{symbol}/{hex:[0-9A-Fa-f]+}/{filename}",
            "/try/a.pdb/AB/a.sym",
            "",
            [404; 4],
        ),
        (
            "GET",
            "/{product}/{symbol}/{hex:[0-9A-Fa-f]+}/{filename}",
            "/b2g/a.pdb/AB/a.sym",
            "",
            [404; 4],
        ),
        ("GET", symbol, "/a.pdb/AB/a.sym", "", [404; 4]),
        (
            "GET",
            "/{encoded:.*%2[Ff].*}",
            "/a.pdb%2FAB%2fa.sym",
            "",
            [404; 4],
        ),
    ]
}

#[test]
fn every_route_stands_in_the_table() {
    let folder = releng_testkit::temp::dir();
    let routes = releng_testkit::poll::block_on(async {
        let source = releng_common::config::Source::from_pairs([(
            "DATA_DIR",
            folder.path().display().to_string(),
        )]);
        let settings = releng_tecken::Settings::load(&source).unwrap();
        let clock = releng_common::Clock::system();
        releng_tecken::Tecken::open(settings, clock)
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
        app.user("demo-nobody@example.com", &[]).await;
        let nobody = app.token("demo-nobody@example.com", &[], 1).await;
        let roles = [
            None,
            Some(nobody),
            Some(app.try_uploader().await),
            Some(app.uploader().await),
        ];
        for (method, _, path, body, statuses) in table() {
            for (role, expected) in roles.iter().zip(statuses) {
                let client = app.anonymous();
                let mut request =
                    client.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
                if let Some(token) = role {
                    request = request.header("auth-token", token);
                }
                if !body.is_empty() {
                    request = request
                        .header("content-type", "application/x-www-form-urlencoded")
                        .body(body);
                }
                let answer = client.send(request).await;
                assert_eq!(
                    answer.status,
                    expected,
                    "{method} {path}: {}",
                    answer.text()
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_token_that_does_not_hold_is_a_403_on_any_path_but_the_one_that_looks_at_nothing() {
    for app in apps().await {
        let beyond = [
            ("GET", "/nope", ""),
            ("GET", "/index.html", ""),
            ("PUT", "/help", ""),
            ("OPTIONS", "/symbolicate/v5", ""),
            ("GET", "/__store__/symbols/v1/a", ""),
        ];
        let table = table();
        let routes = table
            .iter()
            .map(|(method, _, path, body, _)| (*method, *path, *body));
        for (method, path, body) in routes.chain(beyond) {
            if path == "/__lbheartbeat__" {
                assert_eq!(app.get_as("wrong", path).await.status, 200);
                continue;
            }
            let client = app.anonymous();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = client.request(method.clone(), path).body(body);
            let answer = client.send(request.header("auth-token", "wrong")).await;
            assert_eq!(
                (answer.status, answer.json()),
                (403, json!({"error": "API Token not matched"})),
                "{method} {path}"
            );
        }
    }
}

#[actix_web::test]
async fn a_path_that_lacks_only_its_last_slash_leads_there() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    for (path, location) in [
        ("/api/_auth", "/api/_auth/"),
        (
            "/oidc/authenticate?next=/help",
            "/oidc/authenticate/?next=/help",
        ),
    ] {
        let answer = app.anonymous().get(path).await;
        assert_eq!((answer.status, answer.header("location")), (301, location));
    }
}

#[actix_web::test]
async fn a_host_that_is_none_is_a_400_and_stands_in_no_answer() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let token = app.uploader().await;
    app.upload(&token, crate::zip(&[("a.pdb/AB/a.sym", b"MODULE")]))
        .await;
    for host in ["evil\"><x", "a b", "user@host", "host/path", "host:port"] {
        for path in ["/a.pdb/AB/a.sym", "/api/_auth/", "/nope"] {
            let client = app.anonymous();
            let request = client.request(Method::GET, path).header("host", host);
            let answer = client.send(request).await;
            assert_eq!(
                (answer.status, answer.json()),
                (400, json!({"error": "the Host header is malformed"})),
                "{host} {path}"
            );
        }
    }
    let client = app.anonymous();
    let request = client.request(Method::GET, "/a.pdb/AB/a.sym");
    let answer = client
        .send(request.header("host", "symbols_demo:8000"))
        .await;
    assert!(
        answer
            .header("location")
            .starts_with("http://symbols_demo:8000/")
    );
}

#[actix_web::test]
async fn head_equals_get_without_the_body() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    for (method, _, path, _, statuses) in table() {
        if method != "GET" || path.starts_with("/oidc") || path.starts_with("/__metrics") {
            continue;
        }
        let (get, head) = (
            app.anonymous().get(path).await,
            app.anonymous().head(path).await,
        );
        assert_eq!((head.status, head.body.len()), (statuses[0], 0), "{path}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn dockerflow_has_the_documented_form() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let beat = app.anonymous().get("/__lbheartbeat__").await;
    assert_eq!((beat.status, beat.body.len()), (200, 0));
    assert_eq!(
        app.anonymous().get("/__heartbeat__").await.json(),
        json!({
            "status": "ok", "details": {},
            "checks": {"database": "ok", "cache": "ok", "stores": "ok"},
        })
    );
    let version = app.anonymous().get("/__version__").await;
    assert_eq!(
        (version.status, version.json()),
        (404, json!({"error": "version.json not found"}))
    );
    let contribute = app.anonymous().get("/contribute.json").await.json();
    assert_eq!(
        contribute.as_object().unwrap().keys().collect::<Vec<_>>(),
        [
            "bugs",
            "description",
            "name",
            "participate",
            "repository",
            "urls",
            "whatsdeployed"
        ]
    );
}
