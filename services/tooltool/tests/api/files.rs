// SPDX-License-Identifier: MPL-2.0
use serde_json::{Value, json};

use crate::{App, apps, digest, entry};

async fn found(app: &App, query: &str) -> Vec<Value> {
    let answer = app.anonymous().get(&format!("/file?q={query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json()["result"].clone();
    list.as_array()
        .unwrap()
        .iter()
        .map(|f| f["digest"].clone())
        .collect()
}

#[actix_web::test]
async fn files_are_found_by_digest_and_by_any_name_each_once() {
    for app in apps().await {
        let (one, two) = (digest(b"1"), digest(b"2"));
        app.announce(json!({"first_1.tar": entry(b"1")})).await;
        app.announce(json!({"First%2": entry(b"2")})).await;
        app.announce(json!({"first again": entry(b"1")})).await;
        let files = app.anonymous().get("/file?q=first").await.json();
        assert_eq!(
            files,
            json!({"result": [{
                "algorithm": "sha512", "digest": one, "has_instances": false, "size": 1,
                "visibility": "public",
            }]})
        );
        for (query, expected) in [
            (&one[..3], vec![&one]),
            (&one[..], vec![&one]),
            ("irst", vec![&two, &one]),
            ("First", vec![&two]),
            ("%25", vec![&two]),
            ("_", vec![&one]),
            (&one[1..9], vec![]),
            ("nothing", vec![]),
        ] {
            assert_eq!(
                found(&app, query).await.iter().collect::<Vec<_>>(),
                expected,
                "{query}"
            );
        }
        let mut all = found(&app, "").await;
        all.sort_by_key(ToString::to_string);
        let mut both = vec![json!(one), json!(two)];
        both.sort_by_key(ToString::to_string);
        assert_eq!(all, both);
    }
}

#[actix_web::test]
async fn an_announced_file_exists_without_instances() {
    for app in apps().await {
        let mut internal = entry(b"secret");
        internal["visibility"] = json!("internal");
        app.announce_one("a", internal).await.unwrap();
        assert_eq!(
            app.file(&digest(b"secret")).await,
            json!({
                "algorithm": "sha512", "digest": digest(b"secret"), "has_instances": false,
                "instances": [], "size": 6, "visibility": "internal",
            })
        );
    }
}

#[actix_web::test]
async fn sizes_beyond_32_bits_are_kept() {
    for app in apps().await {
        for size in [3_000_000_000_i64, 1 << 40, i64::MAX] {
            let mut large = entry(b"large");
            large["size"] = json!(size);
            app.announce_one("a", large).await.unwrap();
            assert_eq!(app.file(&digest(b"large")).await["size"], size);
        }
    }
}
