// SPDX-License-Identifier: MPL-2.0
//! The pages as a browser without scripts gets them.

use releng_testkit::database::Backend;
use releng_testkit::fake_taskcluster::{Config, FakeTaskcluster};
use serde_json::json;

use crate::{App, apps, digest, entry};

#[actix_web::test]
async fn the_search_page_shows_files_and_batches() {
    for app in apps().await {
        app.upload("kept.tar", entry(b"kept"), b"kept").await;
        let mut internal = entry(b"announced");
        internal["visibility"] = json!("internal");
        let body = json!({"message": "<b>Bug 1</b>", "files": {"announced.tar": internal}});
        assert_eq!(
            app.engineer().json("POST", "/upload", &body).await.status,
            200
        );
        let page = app.anonymous().get("/static/index.html").await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        assert_eq!(page.header("cache-control"), "no-store");
        let html = page.text();
        let (kept, announced) = (digest(b"kept"), digest(b"announced"));
        for part in [
            format!("<a href=\"../sha512/{kept}\">Download"),
            format!("href=\"file.html?digest={announced}\""),
            "<span class=\"badge good\">PUBLIC</span>".to_owned(),
            "<span class=\"badge warn\">INTERNAL</span>".to_owned(),
            "&#60;b&#62;Bug 1".to_owned(),
            "demo/engineer".to_owned(),
            "announced.tar</a>".to_owned(),
        ] {
            assert!(html.contains(&part), "{part} in {html}");
        }
        assert!(!html.contains(&format!("../sha512/{announced}")), "{html}");
        assert!(!html.contains("<b>Bug") && !html.contains("style="));
        let search = async |query: &str| {
            let path = format!("/static/index.html?q={query}");
            let page = app.anonymous().get(&path).await;
            assert_eq!(page.status, 200, "{path}");
            page.text()
        };
        let found = search("kept").await;
        assert!(found.contains(&kept) && !found.contains(&announced));
        let none = search("%22%3E%3Cscript%3E%00").await;
        assert!(none.contains("No file has this") && !none.contains("<script"));
    }
}

#[actix_web::test]
async fn one_file_is_shown_with_its_copies_and_what_to_type() {
    for app in apps().await {
        app.upload("an input's.tar", entry(b"kept"), b"kept").await;
        let kept = digest(b"kept");
        let page = app
            .anonymous()
            .get(&format!("/static/file.html?digest={kept}"))
            .await;
        assert_eq!(page.status, 200);
        let html = page.text();
        let base = app.app.address();
        for part in [
            "<h1>an input&#39;s.tar</h1>".to_owned(),
            format!("<dd class=\"mono\">{kept}</dd>"),
            "<dd>4 bytes</dd>".to_owned(),
            "<dt>Copies in</dt><dd>local</dd>".to_owned(),
            format!("<a href=\"../sha512/{kept}\">Download</a>"),
            format!("<pre>tooltool fetch --url {base}/</pre>"),
            format!("&#39;./an input&#39;\\&#39;&#39;s.tar&#39; {base}/sha512/{kept}</pre>"),
            "<td class=\"person\">demo/engineer</td>".to_owned(),
        ] {
            assert!(html.contains(&part), "{part} in {html}");
        }
        // The manifest on the page is one.
        let (_, rest) = html.split_once("<pre>[").unwrap();
        let (text, _) = rest.split_once("</pre>").unwrap();
        let text = format!("[{text}")
            .replace("&#34;", "\"")
            .replace("&#39;", "'");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            json!([{
                "filename": "an input's.tar", "size": 4, "algorithm": "sha512", "digest": kept,
                "visibility": "public",
            }])
        );
    }
}

#[actix_web::test]
async fn an_internal_file_that_nobody_sent_offers_neither_download_nor_curl() {
    let app = App::start(Backend::Sqlite).await;
    let mut internal = entry(b"secret");
    internal["visibility"] = json!("internal");
    app.announce_one("secret", internal).await.unwrap();
    let path = format!("/static/file.html?digest={}", digest(b"secret"));
    let html = app.anonymous().get(&path).await.text();
    assert!(html.contains("no region: not uploaded, or not verified yet"));
    assert!(html.contains("--authentication-file"));
    assert!(
        !html.contains("Download</a>") && !html.contains("curl"),
        "{html}"
    );
}

#[actix_web::test]
async fn a_page_about_nothing_is_an_error_page_for_people_and_an_error_for_programs() {
    let app = App::start(Backend::Sqlite).await;
    for (path, status, text) in [
        ("/static/file.html", 400, "Invalid sha512 digest"),
        ("/static/file.html?digest=abc", 400, "Invalid sha512 digest"),
        (
            &format!("/static/file.html?digest={}", "0".repeat(128)),
            404,
            "The requested URL was not found",
        ),
        (
            "/static/nothing.html",
            404,
            "The requested URL was not found",
        ),
    ] {
        let program = app.anonymous().get(path).await;
        assert_eq!(program.status, status);
        let detail = program.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(text), "{detail}");
        let client = app.anonymous();
        let request = client
            .request(reqwest::Method::GET, path)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let person = client.send(request).await;
        assert_eq!(person.status, status);
        assert_eq!(person.header("content-type"), "text/html; charset=utf-8");
        assert!(person.text().contains(text), "{}", person.text());
    }
}

#[actix_web::test]
async fn without_a_taskcluster_there_is_no_sign_in_and_no_script() {
    let app = App::start(Backend::Sqlite).await;
    for path in ["/static/index.html", "/static/login.html"] {
        let html = app.anonymous().get(path).await.text();
        assert!(
            !html.contains("<script") && !html.contains("sign-in\""),
            "{html}"
        );
    }
}

#[actix_web::test]
async fn with_one_the_scripts_are_files_of_our_own_and_know_where_to_go() {
    let fake = FakeTaskcluster::start(Config::default());
    let root = format!("{}/", fake.url());
    let builder = App::builder(Backend::Sqlite)
        .set("TASKCLUSTER_ROOT_URL", root)
        .set("LOGIN_CLIENT_ID", "demo-application");
    let app = App::started(builder).await;
    for (path, script) in [
        ("/static/index.html", "tooltool.js"),
        ("/static/login.html", "login.js"),
    ] {
        let html = app.anonymous().get(path).await.text();
        let tag = format!("<script type=\"module\" src=\"{script}\"></script>");
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(html.contains(&tag), "{html}");
        let place = format!(
            "data-root=\"{}\" data-client=\"demo-application\"",
            fake.url()
        );
        assert!(html.contains(&place), "{html}");
        assert!(
            !html.contains(" onclick") && !html.contains("style="),
            "{html}"
        );
    }
    for script in [
        "tooltool.js",
        "login.js",
        "session.js",
        "hawk.js",
        "sign-in.js",
    ] {
        let answer = app.anonymous().get(&format!("/static/{script}")).await;
        assert_eq!(
            answer.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        let etag = answer.header("etag").to_owned();
        let client = app.anonymous();
        let request = client
            .request(reqwest::Method::GET, &format!("/static/{script}"))
            .header("if-none-match", &etag);
        assert_eq!(client.send(request).await.status, 304, "{script}");
    }
    // Reading asks nobody.
    assert_eq!(fake.hits(), 0);
}
