// SPDX-License-Identifier: MPL-2.0
//! Downloads: the forms of the path, the order of the checks, the headers.

use reqwest::Method;
use serde_json::json;

use crate::{App, apps, gunzip, zip};

const CORS: [(&str, &str); 3] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET"),
    (
        "access-control-allow-headers",
        "accept,accept-encoding,authorization,content-type,dnt,origin,user-agent,x-csrftoken,\
         x-requested-with",
    ),
];

async fn with_symbols(app: &App) {
    let token = app.uploader().await;
    let answer = app
        .upload(&token, zip(&[("lib++.so/AB/lib++.so.sym", b"MODULE")]))
        .await;
    assert_eq!(answer.status, 201);
}

#[actix_web::test]
async fn every_form_of_the_path_leads_to_the_file() {
    for app in apps().await {
        with_symbols(&app).await;
        for path in [
            "/lib++.so/AB/lib++.so.sym",
            "/lib%2B%2B.so/ab/lib%2b%2B.so.sym",
            // Decoded before it is split.
            "/lib++.so%2FAB%2flib++.so.sym",
            "/firefox%2Flib++.so/AB/lib++.so.sym",
            "/firefox/lib++.so/aB/lib++.so.sym",
            "/b2g/lib++.so/AB/lib++.so.sym?try",
            "/try/lib++.so/AB/lib++.so.sym",
        ] {
            let file = app.fetch(path).await;
            assert_eq!(
                (file.status, gunzip(&file.body)),
                (200, b"MODULE".to_vec()),
                "{path}"
            );
            let head = app.anonymous().head(path).await;
            assert_eq!(
                (head.status, head.header("content-length")),
                (200, "0"),
                "{path}"
            );
            let answer = app.anonymous().get(path).await;
            assert_eq!(answer.body, b"");
            for (name, value) in CORS {
                assert_eq!(answer.header(name), value);
                assert_eq!(head.header(name), value);
            }
        }
    }
}

#[actix_web::test]
async fn names_that_are_never_there_are_answered_without_a_look() {
    let invalid = "Symbol name lookup contains invalid characters and will never be found.";
    let ignored = "Symbol Not Found (and ignored)";
    let table = [
        ("/x.pdb/AB/file.ptr", 404, ignored),
        (
            "/x.pdb/000000000000000000000000000000000/x.sym",
            404,
            ignored,
        ),
        ("/x.pdb/AB/x.SYM", 404, ignored),
        ("/x.dll/AB/x.dll", 404, ignored),
        ("/x%7E.pdb/AB/x.sym", 400, invalid),
        ("/x.pdb/AB/x%00.sym", 400, invalid),
        ("/caf%C3%A9.pdb/AB/x.sym", 400, invalid),
        ("/x.pdb/AB/x.sym", 404, "Symbol Not Found"),
        ("/%F0%9F%98%80.pdb/AB/x.sym", 404, "Symbol Not Found"),
        ("/try/x.pdb/AB/x.sym", 404, "Symbol Not Found"),
    ];
    for app in apps().await {
        for (path, status, body) in table {
            let client = app.anonymous();
            let answer = client
                .send(client.request(Method::GET, path).header("debug", "True"))
                .await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (status, body),
                "{path}"
            );
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            let time: f64 = answer.header("debug-time").parse().unwrap();
            assert_eq!(time == 0.0, body != "Symbol Not Found", "{path}");
            for (name, value) in CORS {
                assert_eq!(answer.header(name), value, "{path}");
            }
            let head = app.anonymous().head(path).await;
            assert_eq!((head.status, head.body.len()), (status, 0), "{path}");
            assert_eq!(head.header("debug-time"), "");
        }
    }
}

#[actix_web::test]
async fn paths_that_fit_no_form_are_json_404s() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    let unknown = |path: &str| json!({"error": "Not Found", "path": path});
    let table = [
        ("/x.pdb/NOHEX/x.sym", unknown("/x.pdb/NOHEX/x.sym")),
        ("/x.pdb/AB/x.sym/", unknown("/x.pdb/AB/x.sym/")),
        (
            "/x.pdb/AB/q%2fx.sym",
            json!({"error": "Not Found", "path": "/x.pdb/AB/q/x.sym"}),
        ),
        ("/api/AB/x.sym", unknown("/api/AB/x.sym")),
        ("/try/AB/x.sym", unknown("/try/AB/x.sym")),
        (
            "/try/firefox/x.pdb/AB/x.sym",
            unknown("/try/firefox/x.pdb/AB/x.sym"),
        ),
        (
            "/Firefox/x.pdb/AB/x.sym",
            json!({"error": "Invalid legacy product prefix"}),
        ),
        ("/nowhere", unknown("/nowhere")),
        ("/api/tokens/", unknown("/api/tokens/")),
    ];
    for (path, body) in table {
        let answer = app.anonymous().get(path).await;
        assert_eq!((answer.status, answer.json()), (404, body), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let bytes = app.anonymous().get("/%ff%fe.pdb/AB/x.sym").await;
    assert!(matches!(bytes.status, 400 | 404), "{}", bytes.status);
    let dots = app.anonymous().get("/%2e%2e/AB/x.sym").await;
    assert_eq!(dots.status, 404);
}

#[actix_web::test]
async fn another_method_is_a_405_that_browsers_may_not_read() {
    let app = App::start(releng_testkit::database::Backend::Sqlite).await;
    for method in [Method::POST, Method::OPTIONS, Method::PUT, Method::DELETE] {
        let client = app.anonymous();
        let text = format!("Method Not Allowed ({method}): /x.pdb/AB/x.sym");
        let answer = client.send(client.request(method, "/x.pdb/AB/x.sym")).await;
        assert_eq!(
            (answer.status, answer.json()),
            (405, json!({"error": text}))
        );
        assert_eq!(answer.header("allow"), "GET, HEAD");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[actix_web::test]
async fn a_nul_in_the_query_of_a_miss_is_a_400_and_of_a_hit_is_nothing() {
    for app in apps().await {
        with_symbols(&app).await;
        for name in ["code_file", "code_id"] {
            let answer = app
                .anonymous()
                .get(&format!("/x.pdb/AB/x.sym?{name}=a%00b"))
                .await;
            let text = format!("{name}: Null characters are not allowed.");
            assert_eq!((answer.status, answer.text()), (400, text));
            let found = app
                .anonymous()
                .get(&format!("/lib++.so/AB/lib++.so.sym?{name}=a%00b"))
                .await;
            assert_eq!(found.status, 302);
        }
    }
}

#[actix_web::test]
async fn refresh_asks_the_store_anew() {
    for app in apps().await {
        let path = "/demo.pdb/AB/demo.sym";
        assert_eq!(app.anonymous().get(path).await.status, 404);
        let folder = format!("file://{}", app.0.data.path().join("symbols").display());
        let location = releng_store::Location::parse(&folder).unwrap();
        let options = releng_store::Options::new("other", releng_common::Clock::system());
        let store = releng_store::open(&location, &options).await.unwrap().store;
        let key = releng_store::Key::parse("v1/demo.pdb/AB/demo.sym").unwrap();
        let body = releng_store::Body::from("MODULE");
        store
            .put(&key, body, &releng_store::Attributes::default())
            .await
            .unwrap();
        assert_eq!(app.anonymous().get(path).await.status, 404);
        assert_eq!(
            app.anonymous()
                .get(&format!("{path}?_refresh"))
                .await
                .status,
            302
        );
        assert_eq!(app.anonymous().get(path).await.status, 302);
        store.delete(&key).await.unwrap();
        assert_eq!(
            app.anonymous()
                .head(&format!("{path}?_refresh=1"))
                .await
                .status,
            404
        );
        assert_eq!(app.anonymous().get(path).await.status, 404);
    }
}

#[actix_web::test]
async fn a_code_file_and_its_id_lead_to_the_debug_file() {
    let sym =
        b"MODULE windows x86_64 ABC1 demo app.pdb\nINFO CODE_ID 5CF2591C6859000 demo app.dll\n";
    for app in apps().await {
        let path = "/demo%20app.dll/5cf2591c6859000/demo%20app.sym";
        assert_eq!(app.anonymous().get(path).await.status, 404);
        let token = app.uploader().await;
        app.upload(&token, zip(&[("demo app.pdb/ABC1/demo app.sym", sym)]))
            .await;
        for (asked, location) in [
            (
                path.to_owned(),
                "/demo%20app.pdb/ABC1/demo%20app.sym".to_owned(),
            ),
            (
                format!("/try{path}?a=b"),
                "/try/demo%20app.pdb/ABC1/demo%20app.sym?a=b".to_owned(),
            ),
        ] {
            let answer = app.anonymous().get(&asked).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (302, location.as_str())
            );
            assert_eq!(app.anonymous().head(&asked).await.status, 302);
            assert_eq!(gunzip(&app.fetch(&location).await.body), sym);
        }
    }
}
