// SPDX-License-Identifier: MPL-2.0
use serde_json::{Value, json};

use crate::{App, apps, digest, entry};
use releng_testkit::database::backends;

/// Announces an empty-handed batch with a message; returns its id.
async fn batch(app: &App, message: &str, files: Value) -> Value {
    let body = json!({"message": message, "files": files});
    let answer = app.engineer().json("POST", "/upload", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["result"]["id"].clone()
}

async fn found(app: &App, query: &str) -> Vec<Value> {
    let answer = app.anonymous().get(&format!("/upload?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json()["result"].clone();
    list.as_array()
        .unwrap()
        .iter()
        .map(|b| b["id"].clone())
        .collect()
}

#[actix_web::test]
async fn a_batch_is_shown_whole() {
    for app in apps().await {
        let id = batch(&app, "Bug 1 ünïcode", json!({"ü.tar": entry(b"1")})).await;
        let answer = app.anonymous().get(&format!("/upload/{id}")).await;
        assert_eq!(answer.header("content-type"), "application/json");
        let shown = answer.json();
        let uploaded = shown["uploaded"].as_str().unwrap();
        assert!(
            uploaded.len() == 27 && uploaded.ends_with('Z'),
            "{uploaded}"
        );
        let expected = json!({
            "id": id, "uploaded": uploaded, "author": "demo/engineer", "message": "Bug 1 ünïcode",
            "files": {"ü.tar": {
                "algorithm": "sha512", "digest": digest(b"1"), "has_instances": false, "size": 1,
                "visibility": "public",
            }},
        });
        assert_eq!(shown, expected);
        let list = app.anonymous().get("/upload?q=").await.json();
        assert_eq!(list, json!({"result": [expected]}));
    }
}

#[actix_web::test]
async fn a_search_finds_author_and_message_literally_and_newest_first() {
    for app in apps().await {
        let first = batch(&app, "100% done", json!({"name_in_batch": entry(b"1")})).await;
        let second = batch(&app, "Done_it", json!({"b": entry(b"1")})).await;
        for (query, expected) in [
            ("q=", vec![&second, &first]),
            ("q=demo/engineer", vec![&second, &first]),
            ("q=done", vec![&first]),
            ("q=one", vec![&second, &first]),
            ("q=%25", vec![&first]),
            ("q=_", vec![&second]),
            ("q=name_in_batch", vec![]),
            ("q=&limit=1", vec![&second]),
            ("q=&limit=1&offset=1", vec![&first]),
            ("q=&region=us-west-2", vec![&second, &first]),
        ] {
            let found = found(&app, query).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        }
    }
}

#[actix_web::test]
async fn a_list_that_is_cut_says_so() {
    for backend in backends() {
        let app = App::started(App::builder(backend).set("MAX_LIST_LENGTH", "2")).await;
        for name in ["a", "b", "c"] {
            batch(&app, name, json!({name: entry(name.as_bytes())})).await;
        }
        for path in ["/upload?q=", "/file?q=", "/file?q=&limit=99"] {
            let answer = app.anonymous().get(path).await;
            assert_eq!(answer.json()["result"].as_array().map(Vec::len), Some(2));
            assert_eq!(answer.header("x-result-truncated"), "2");
        }
        let rest = app.anonymous().get("/file?q=&offset=2").await;
        assert_eq!(rest.json()["result"][0]["digest"], digest(b"a"));
        assert_eq!(rest.header("x-result-truncated"), "");
    }
}

#[actix_web::test]
async fn ids_that_cannot_be_are_404() {
    for app in apps().await {
        for id in [
            "0",
            "99",
            "-1",
            "+1",
            "x",
            "1.0",
            "2147483648",
            "99999999999999999999",
            "%31%00",
        ] {
            let answer = app.anonymous().get(&format!("/upload/{id}")).await;
            assert_eq!(answer.status, 404, "{id}");
        }
    }
}
