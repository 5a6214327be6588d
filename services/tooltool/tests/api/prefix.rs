// SPDX-License-Identifier: MPL-2.0
//! The service below a prefix, as an earlier generation served it, or behind a proxy that cuts one off.

use releng_testkit::database::Backend;
use releng_testkit::hawk_client::Credentials;
use reqwest::{Method, Url};
use serde_json::json;

use crate::{App, digest, entry};

#[actix_web::test]
async fn below_the_prefix_everything_works_as_at_the_root() {
    let app = App::started(App::builder(Backend::Sqlite).set("URL_PREFIX", "/tooltool")).await;
    let bytes = b"below";
    let batch = json!({"message": "m", "files": {"a": entry(bytes)}});
    let answer = app
        .engineer()
        .json("POST", "/tooltool/upload?region=x", &batch)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = answer.json()["result"]["files"]["a"]["put_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let below = format!("{}/tooltool/__store__/", app.app.address());
    assert!(url.starts_with(&below), "{url}");
    assert_eq!(app.put(&url, bytes).await, 200);
    app.complete(&digest(bytes)).await;
    app.verified(&digest(bytes)).await;
    let path = format!("/sha512/{}", digest(bytes));
    for (path, target) in [
        (format!("/tooltool{path}"), below),
        (path.clone(), format!("{}/__store__/", app.app.address())),
    ] {
        let answer = app.anonymous().get(&path).await;
        assert_eq!(answer.status, 302);
        assert!(answer.header("location").starts_with(&target));
        let found = app.anonymous().get(answer.header("location")).await;
        assert_eq!(found.body, bytes);
    }
    for (path, target) in [
        ("/tooltool", "/tooltool/static/index.html"),
        ("/tooltool/", "/tooltool/static/index.html"),
        ("/", "/static/index.html"),
    ] {
        let answer = app.anonymous().get(path).await;
        assert_eq!((answer.status, answer.header("location")), (302, target));
    }
    for (path, status) in [
        ("/tooltool/static/index.html", 200),
        ("/tooltool/static/releng.css", 200),
        ("/tooltool/__heartbeat__", 200),
        ("/__heartbeat__", 200),
        ("/tooltool/nothing", 404),
        ("/tooltool/tooltool/", 404),
        ("/tooltoolx/upload", 404),
    ] {
        assert_eq!(app.anonymous().get(path).await.status, status, "{path}");
    }
    let client = app.anonymous();
    let request = client
        .request(Method::GET, "/tooltool/static/nothing")
        .header("accept", "text/html");
    let page = client.send(request).await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("href=\"/tooltool/static/releng.css\""));
}

#[actix_web::test]
async fn behind_a_proxy_that_cuts_the_path_off_links_and_signatures_have_it() {
    let builder =
        App::builder(Backend::Sqlite).set("PUBLIC_URL", "https://services.example.com/tooltool/");
    let app = App::started(builder).await;
    let client = app.anonymous();
    let outside = Url::parse("https://services.example.com/tooltool/upload").unwrap();
    let header = Credentials::new("demo/admin", "demo/admin-token")
        .sign("POST", &outside)
        .header()
        .unwrap();
    let request = client
        .request(Method::POST, "/upload")
        .header("authorization", header)
        .header("content-type", "application/json")
        .body(json!({"message": "m", "files": {"a": entry(b"a")}}).to_string());
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = answer.json()["result"]["files"]["a"]["put_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let expected = "https://services.example.com:443/tooltool/__store__/";
    assert!(url.starts_with(expected), "{url}");
    let root = client.get("/").await;
    assert_eq!(root.header("location"), "/tooltool/static/index.html");
}
