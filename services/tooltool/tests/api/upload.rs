// SPDX-License-Identifier: MPL-2.0
//! The main job: announce, send, complete, verify, download.

use serde_json::{Value, json};

use crate::{App, app_sets, apps, digest, entry};
use releng_common::run::Server;
use releng_testkit::database::backends;
use releng_testkit::poll::eventually;
use releng_tooltool::Tooltool;

#[actix_web::test]
async fn a_file_goes_from_announcement_to_download() {
    for app in app_sets().await {
        let bytes = b"a linker, in a way";
        let digest = digest(bytes);
        let answer = app.announce(json!({"linker.tar.zst": entry(bytes)})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let id = body["result"]["id"].clone();
        let url = body["result"]["files"]["linker.tar.zst"]["put_url"].clone();
        assert_eq!(
            body,
            json!({"result": {
                "id": id, "author": "demo/engineer", "message": "demo",
                "files": {"linker.tar.zst": {
                    "algorithm": "sha512", "digest": digest, "size": 18, "visibility": "public",
                    "put_url": url,
                }},
            }})
        );
        let location = reqwest::Url::parse(url.as_str().unwrap()).unwrap();
        assert!(
            location.port().is_some(),
            "old clients take 443 without a port: {url}"
        );
        assert_eq!(
            app.anonymous()
                .get(&format!("/sha512/{digest}"))
                .await
                .status,
            404
        );
        app.send("linker.tar.zst", entry(bytes), bytes).await;
        app.complete(&digest).await;
        app.verified(&digest).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, bytes);
        let region = if app.buckets.is_empty() {
            "local"
        } else {
            "us-west-2"
        };
        assert_eq!(
            app.file(&digest).await,
            json!({
                "algorithm": "sha512", "digest": digest, "has_instances": true,
                "instances": [region], "size": 18, "visibility": "public",
            })
        );
        let again = app
            .announce(json!({"other name": entry(bytes)}))
            .await
            .json();
        assert_eq!(again["result"]["files"]["other name"].get("put_url"), None);
        assert_ne!(again["result"]["id"], id);
    }
}

#[actix_web::test]
async fn without_the_word_of_the_uploader_the_schedule_finds_the_file() {
    for backend in backends() {
        let builder = App::builder(backend).set("CHECK_PENDING_INTERVAL_SECONDS", "1");
        let app = App::started(builder).await;
        app.send("a", entry(b"found"), b"found").await;
        app.verified(&digest(b"found")).await;
    }
}

#[actix_web::test]
async fn an_empty_file_is_a_file() {
    for app in app_sets().await {
        app.upload("empty", entry(b""), b"").await;
        assert_eq!(app.bytes(&app.anonymous(), &digest(b"")).await, b"");
    }
}

#[actix_web::test]
async fn while_the_url_lives_completion_is_told_to_wait() {
    for backend in backends() {
        let app = App::started(App::builder(backend).set("UPLOAD_EXPIRES_IN", "60")).await;
        app.send("a", entry(b"x"), b"x").await;
        let path = format!("/upload/complete/sha512/{}", digest(b"x"));
        let answer = app.anonymous().get(&path).await;
        assert_eq!((answer.status, answer.text()), (409, String::new()));
        let secs: u64 = answer.header("x-retry-after").parse().unwrap();
        assert!((1..=60).contains(&secs), "{secs}");
        assert_eq!(answer.header("retry-after"), secs.to_string());
        let unknown = format!("/upload/complete/sha512/{}", "0".repeat(128));
        let answer = app.anonymous().get(&unknown).await;
        assert_eq!((answer.status, answer.text()), (202, "{}".to_owned()));
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[actix_web::test]
async fn wrong_bytes_are_deleted_and_the_right_ones_may_follow() {
    for app in app_sets().await {
        let (right, same_length, longer) = (b"right", b"wrong", b"longer");
        for wrong in [same_length.as_slice(), longer.as_slice()] {
            app.send("a", entry(right), wrong).await;
            app.complete(&digest(right)).await;
            rejected(&app, &digest(right)).await;
            assert_eq!(app.file(&digest(right)).await["has_instances"], false);
        }
        app.upload("a", entry(right), right).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest(right)).await, right);
    }
}

/// Waits until the store has no object for a digest.
async fn rejected(app: &App, digest: &str) {
    let key = releng_testkit_key(digest);
    eventually(crate::PATIENCE, || async {
        match app.buckets.first() {
            Some(bucket) => bucket
                .store()
                .head(&key)
                .await
                .unwrap()
                .is_none()
                .then_some(()),
            None => {
                let folder = app.app.data.path().join("tooltool/objects");
                (files_in(&folder) == 0).then_some(())
            }
        }
    })
    .await;
}

fn releng_testkit_key(digest: &str) -> releng_store::Key {
    releng_store::Key::parse(format!("sha512/{digest}")).unwrap()
}

fn files_in(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files_in(&path) } else { 1 })
        .sum()
}

#[actix_web::test]
async fn a_wrong_size_of_the_first_does_not_lock_the_digest() {
    for app in apps().await {
        let mut wrong = entry(b"bytes");
        wrong["size"] = json!(99);
        app.announce_one("a", wrong.clone()).await.unwrap();
        assert_eq!(app.file(&digest(b"bytes")).await["size"], 99);
        app.upload("a", entry(b"bytes"), b"bytes").await;
        assert_eq!(app.file(&digest(b"bytes")).await["size"], 5);
        let refused = app.announce(json!({"b": wrong})).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["detail"], "Size mismatch for b");
    }
}

#[actix_web::test]
async fn visibility_is_settled_while_a_url_lives_and_by_a_copy_but_not_by_words() {
    for app in apps().await {
        let mut internal = entry(b"v");
        internal["visibility"] = json!("internal");
        let settled = "Cannot change already existing file's visibility level.";
        app.announce_one("a", internal.clone()).await.unwrap();
        let refused = app.announce(json!({"a": entry(b"v")})).await;
        assert_eq!(
            (refused.status, &refused.json()["detail"]),
            (400, &json!(settled))
        );
        eventually(crate::PATIENCE, || async {
            (app.announce(json!({"a": entry(b"v")})).await.status == 200).then_some(())
        })
        .await;
        assert_eq!(app.file(&digest(b"v")).await["visibility"], "public");
        app.upload("a", entry(b"v"), b"v").await;
        let refused = app.announce(json!({"a": internal})).await;
        assert_eq!(
            (refused.status, &refused.json()["detail"]),
            (400, &json!(settled))
        );
        assert_eq!(app.file(&digest(b"v")).await["visibility"], "public");
    }
}

#[actix_web::test]
async fn one_digest_may_have_two_names_in_a_batch() {
    for app in apps().await {
        let answer = app
            .announce(json!({"a": entry(b"twice"), "b": entry(b"twice")}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let result = answer.json()["result"].clone();
        assert_eq!(
            result["files"]["a"]["put_url"],
            result["files"]["b"]["put_url"]
        );
        let batch = app
            .anonymous()
            .get(&format!("/upload/{}", result["id"]))
            .await
            .json();
        assert_eq!(batch["files"]["a"], batch["files"]["b"]);
        let mut other = entry(b"twice");
        other["size"] = json!(6);
        let refused = app
            .announce(json!({"a": entry(b"twice"), "b": other}))
            .await;
        assert_eq!(
            (refused.status, &refused.json()["detail"]),
            (400, &json!("Size mismatch for b"))
        );
    }
}

#[actix_web::test]
async fn many_announcements_of_one_new_file_are_all_accepted() {
    for app in apps().await {
        let answers = (0..12).map(|_| app.announce(json!({"a": entry(b"1"), "b": entry(b"2")})));
        let answers = futures_util::future::join_all(answers).await;
        assert!(answers.iter().all(|a| a.status == 200));
        let found = app.anonymous().get("/file?q=").await.json();
        assert_eq!(found["result"].as_array().map(Vec::len), Some(2));
    }
}

#[actix_web::test]
async fn a_refused_batch_leaves_nothing_behind() {
    for app in apps().await {
        app.upload("a", entry(b"known"), b"known").await;
        let mut wrong = entry(b"known");
        wrong["size"] = json!(4);
        let refused = app.announce(json!({"a": entry(b"new"), "b": wrong})).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        let path = format!("/file/sha512/{}", digest(b"new"));
        assert_eq!(app.anonymous().get(&path).await.status, 404);
        let batches: Value = app.anonymous().get("/upload?q=").await.json();
        assert!(
            batches["result"]
                .as_array()
                .unwrap()
                .iter()
                .all(|b| b["files"].get("b").is_none())
        );
    }
}

#[actix_web::test]
async fn several_workers_share_the_uploads() {
    for backend in backends() {
        let app =
            App::started(App::builder(backend).set("CHECK_PENDING_INTERVAL_SECONDS", "1")).await;
        let mut others = Vec::new();
        for _ in 0..2 {
            let settings = app.app.settings().clone();
            let clock = releng_common::Clock::system();
            others.push(
                Server::start::<Tooltool>(settings, clock, true)
                    .await
                    .unwrap(),
            );
        }
        let files: Vec<Vec<u8>> = (0..12_u32)
            .map(|n| n.to_le_bytes().repeat(50_000))
            .collect();
        for (n, bytes) in files.iter().enumerate() {
            app.send(&n.to_string(), entry(bytes), bytes).await;
            app.complete(&digest(bytes)).await;
        }
        for bytes in &files {
            app.verified(&digest(bytes)).await;
            assert_eq!(
                app.file(&digest(bytes)).await["instances"],
                json!(["local"])
            );
        }
        for other in others {
            other.stop().await;
        }
    }
}
