// SPDX-License-Identifier: MPL-2.0
//! What happens at the same time as something else. Verifications are stopped in the middle of an
//! object, so that the other thing comes exactly then.

use serde_json::json;

use crate::proxied::{self, Proxied};
use crate::{App, PATIENCE, digest, entry};
use releng_testkit::poll::eventually;
use releng_testkit::store_proxy::Fault;

const ONE: [&str; 1] = ["us-east-1"];

async fn apps() -> Vec<Proxied> {
    proxied::each(&ONE, |builder| builder).await
}

/// Has a file sent, and its verification held in the middle.
async fn in_verification(proxied: &Proxied, bytes: &[u8], sent: &[u8]) {
    let digest = digest(bytes);
    proxied.hold_reading(&digest);
    proxied.app.send("a", entry(bytes), sent).await;
    proxied.app.complete(&digest).await;
    proxied.held().await;
}

async fn patch(app: &App, digest: &str, operation: serde_json::Value) -> u16 {
    let path = format!("/file/sha512/{digest}");
    app.admin()
        .json("PATCH", &path, &json!([operation]))
        .await
        .status
}

async fn objects(app: &App) -> usize {
    let mut count = 0;
    for bucket in &app.buckets {
        count += bucket
            .store()
            .list("", None, 10)
            .await
            .unwrap()
            .objects
            .len();
    }
    count
}

/// Waits until nothing is left to be done for a file.
async fn settled(app: &App, digest: &str) {
    let db = app.app.database.url().to_owned();
    let digest = digest.to_owned();
    eventually(PATIENCE, || {
        let (db, digest) = (db.clone(), digest.clone());
        async move { crate::rows::is_settled(&db, &digest).await.then_some(()) }
    })
    .await;
}

#[actix_web::test]
async fn a_file_deleted_while_it_is_verified_does_not_come_back_without_its_object() {
    for proxied in apps().await {
        let app = &proxied.app;
        let digest = digest(b"x");
        in_verification(&proxied, b"x", b"x").await;
        let delete = json!({"op": "delete_instances"});
        assert_eq!(patch(app, &digest, delete).await, 200);
        assert_eq!(
            objects(app).await,
            0,
            "the bytes that just came are gone, too"
        );
        proxied.proxy.heal();
        // A later check finds nothing: the upload stays open until it is given up.
        let reads = proxied.proxy.hits("HEAD", &digest);
        eventually(PATIENCE, || async {
            (proxied.proxy.hits("HEAD", &digest) > reads + 2).then_some(())
        })
        .await;
        assert_eq!(app.file(&digest).await["has_instances"], false);
        let download = app.anonymous().get(&format!("/sha512/{digest}")).await;
        assert_eq!(download.status, 404);
        app.upload("a", entry(b"x"), b"x").await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, b"x");
    }
}

#[actix_web::test]
async fn an_object_put_with_a_url_that_still_lives_is_verified_after_a_deletion() {
    for proxied in proxied::each(&ONE, |b| b.set("UPLOAD_EXPIRES_IN", "5")).await {
        let app = &proxied.app;
        let digest = digest(b"x");
        let url = app.announce_one("a", entry(b"x")).await.unwrap();
        assert_eq!(app.put(&url, b"x").await, 200);
        let delete = json!({"op": "delete_instances"});
        assert_eq!(patch(app, &digest, delete).await, 200);
        assert_eq!(objects(app).await, 0);
        assert_eq!(app.put(&url, b"x").await, 200, "the URL still lives");
        app.verified(&digest).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, b"x");
    }
}

#[actix_web::test]
async fn the_right_bytes_are_not_deleted_for_the_wrong_ones_before_them() {
    for proxied in apps().await {
        let app = &proxied.app;
        let (right, wrong) = (b"right", b"wrong");
        let digest = digest(right);
        // The worker has read wrong bytes twice and is about to delete them.
        proxied.proxy.spoil("DELETE", &digest, Fault::Hold, Some(1));
        app.send("a", entry(right), wrong).await;
        app.complete(&digest).await;
        proxied.held().await;
        let announced = app.announce(json!({"a": entry(right)}));
        let healed = async {
            // Whoever announces now waits; a URL handed out here would be for bytes about to be deleted.
            let waiting = proxied.proxy.holding();
            assert_eq!(waiting, 1);
            tokio::task::yield_now().await;
            proxied.proxy.heal();
        };
        let (announced, ()) = tokio::join!(announced, healed);
        assert_eq!(announced.status, 200, "{}", announced.text());
        let url = announced.json()["result"]["files"]["a"]["put_url"].clone();
        let status = app.put(url.as_str().unwrap(), right).await;
        if status != 200 {
            // The URL ended while the announcement waited.
            app.send("a", entry(right), right).await;
        }
        app.complete(&digest).await;
        app.verified(&digest).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, right);
    }
}

#[actix_web::test]
async fn bytes_sent_anew_while_wrong_ones_are_verified_are_the_ones_that_count() {
    for proxied in apps().await {
        let app = &proxied.app;
        let (right, wrong) = (b"right", b"wrong");
        let digest = digest(right);
        in_verification(&proxied, right, wrong).await;
        app.send("a", entry(right), right).await;
        proxied.proxy.heal();
        app.complete(&digest).await;
        app.verified(&digest).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, right);
    }
}

#[actix_web::test]
async fn nothing_is_decided_while_another_url_lives() {
    for proxied in proxied::each(&ONE, |b| b.set("UPLOAD_EXPIRES_IN", "6")).await {
        let app = &proxied.app;
        let digest = digest(b"right");
        in_verification(&proxied, b"right", b"right").await;
        let url = app.announce_one("a", entry(b"right")).await.unwrap();
        proxied.proxy.heal();
        app.verified(&digest).await;
        assert_eq!(
            app.put(&url, b"wrong").await,
            403,
            "its URL has ended by now"
        );
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, b"right");
    }
}

#[actix_web::test]
async fn a_visibility_set_during_an_upload_stays() {
    for proxied in apps().await {
        let app = &proxied.app;
        let digest = digest(b"x");
        in_verification(&proxied, b"x", b"x").await;
        let set = json!({"op": "set_visibility", "visibility": "internal"});
        assert_eq!(patch(app, &digest, set).await, 200);
        proxied.proxy.heal();
        app.verified(&digest).await;
        assert_eq!(app.file(&digest).await["visibility"], "internal");
        let download = app.anonymous().get(&format!("/sha512/{digest}")).await;
        assert_eq!(download.status, 403);
    }
}

/// PATCH and announcement change the visibility of one file at the same time, many times: what was
/// answered last is what stands, and an announcement never undoes a PATCH of a file that has a copy.
#[actix_web::test]
async fn announcements_never_change_the_visibility_of_a_file_that_is_there() {
    for proxied in apps().await {
        let app = &proxied.app;
        app.upload("a", entry(b"x"), b"x").await;
        let digest = digest(b"x");
        for round in 0..15 {
            let to = if round % 2 == 0 { "internal" } else { "public" };
            let set = json!({"op": "set_visibility", "visibility": to});
            let mut other = entry(b"x");
            other["visibility"] = json!(if round % 2 == 0 { "public" } else { "internal" });
            let (patched, announced) =
                tokio::join!(patch(app, &digest, set), app.announce(json!({"a": other})));
            assert_eq!(patched, 200);
            assert!(
                [200, 400].contains(&announced.status),
                "{}",
                announced.text()
            );
            assert_eq!(app.file(&digest).await["visibility"], to);
        }
    }
}

#[actix_web::test]
async fn many_completions_at_once_are_one_reading() {
    for proxied in apps().await {
        let app = &proxied.app;
        let digest = digest(b"once");
        app.send("a", entry(b"once"), b"once").await;
        app.complete(&digest).await;
        let path = format!("/upload/complete/sha512/{digest}");
        let client = app.anonymous();
        let answers = (0..20).map(|_| client.get(&path));
        for answer in futures_util::future::join_all(answers).await {
            assert_eq!(answer.status, 202);
        }
        app.verified(&digest).await;
        settled(app, &digest).await;
        assert_eq!(proxied.proxy.hits("GET", &digest), 1);
    }
}

#[actix_web::test]
async fn a_deletion_that_a_store_refuses_changes_nothing_and_can_be_repeated() {
    for proxied in apps().await {
        let app = &proxied.app;
        app.upload("a", entry(b"x"), b"x").await;
        let digest = digest(b"x");
        proxied
            .proxy
            .spoil("DELETE", &digest, Fault::Status(500), None);
        let delete = json!({"op": "delete_instances"});
        assert_eq!(patch(app, &digest, delete.clone()).await, 500);
        assert_eq!(app.file(&digest).await["has_instances"], true);
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, b"x");
        proxied.proxy.heal();
        assert_eq!(patch(app, &digest, delete).await, 200);
        assert_eq!(app.file(&digest).await["has_instances"], false);
    }
}

#[actix_web::test]
async fn two_deletions_at_once_are_both_answered() {
    for proxied in apps().await {
        let app = &proxied.app;
        app.upload("a", entry(b"x"), b"x").await;
        let digest = digest(b"x");
        let delete = || patch(app, &digest, json!({"op": "delete_instances"}));
        let (one, two, three) = tokio::join!(delete(), delete(), delete());
        assert_eq!([one, two, three], [200; 3]);
        assert_eq!(objects(app).await, 0);
    }
}

/// A deletion that stops half way leaves rows that promise what is gone: they are put right.
#[actix_web::test]
async fn a_deletion_that_was_cut_short_is_found_and_finished() {
    let regions = ["us-east-1", "us-west-2"];
    for proxied in proxied::each(&regions, |b| b.set("REPLICATE_INTERVAL_SECONDS", "1")).await {
        let app = &proxied.app;
        app.upload("a", entry(b"x"), b"x").await;
        let digest = digest(b"x");
        eventually(PATIENCE, || async {
            (app.file(&digest).await["instances"] == json!(regions)).then_some(())
        })
        .await;
        // The second region fails: the first one has lost its object already.
        let second = app.buckets[1].name().to_owned();
        proxied
            .proxy
            .spoil("DELETE", &second, Fault::Status(500), None);
        let delete = json!({"op": "delete_instances"});
        assert_eq!(patch(app, &digest, delete).await, 500);
        proxied.proxy.heal();
        // A worker notices and the schedule brings it back from the region that has it.
        eventually(PATIENCE, || async {
            let is_whole = app.file(&digest).await["instances"] == json!(regions);
            (is_whole && objects(app).await == 2).then_some(())
        })
        .await;
        for region in regions {
            let path = format!("/sha512/{digest}?region={region}");
            let target = app.anonymous().get(&path).await;
            let answer = app.anonymous().get(target.header("location")).await;
            assert_eq!(answer.body, b"x", "{region}");
        }
    }
}
