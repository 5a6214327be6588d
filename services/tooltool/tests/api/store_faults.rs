// SPDX-License-Identifier: MPL-2.0
//! A store that is slow, down or lies: what clients are told, that no worker is stuck, and that all
//! goes on by itself when the store is well again.

use std::time::Duration;

use serde_json::json;

use crate::proxied::{self, Proxied};
use crate::{PATIENCE, digest, entry};
use releng_testkit::database::Backend;
use releng_testkit::poll::eventually;
use releng_testkit::store_proxy::Fault;

const ONE: [&str; 1] = ["us-east-1"];

async fn app() -> Option<Proxied> {
    let set = |builder: releng_testkit::app::TestAppBuilder| {
        builder
            .set("S3_TIMEOUT_SECONDS", "1")
            .set("WORKER_JOBS", "2")
    };
    proxied::start(Backend::Sqlite, &ONE, set).await
}

#[actix_web::test]
async fn uploads_outlast_a_store_that_fails_while_they_are_verified() {
    let Some(proxied) = app().await else { return };
    let (app, proxy) = (&proxied.app, &proxied.proxy);
    let faults = [
        ("HEAD", Fault::Status(500)),
        ("HEAD", Fault::Status(403)),
        ("HEAD", Fault::Hang),
        ("GET", Fault::Status(503)),
        ("GET", Fault::Hang),
        ("GET", Fault::CutAfter(1000)),
        ("GET", Fault::StallAfter(1000)),
    ];
    let bytes = |n: usize| n.to_le_bytes().repeat(40_000);
    for (n, (method, fault)) in faults.iter().enumerate() {
        let bytes = bytes(n);
        app.send("a", entry(&bytes), &bytes).await;
        proxy.spoil(method, &digest(&bytes), fault.clone(), None);
        app.complete(&digest(&bytes)).await;
    }
    for (n, (method, fault)) in faults.iter().enumerate() {
        let digest = digest(&bytes(n));
        // Asked again although the first time came to nothing: no worker is stuck in it. What fails at
        // once is tried three times each.
        let first = match fault {
            Fault::CutAfter(_) | Fault::StallAfter(_) => 1,
            _ => 3,
        };
        let is_asked_again = || async { (proxy.hits(method, &digest) > first).then_some(()) };
        eventually(PATIENCE, is_asked_again).await;
        let file = app.file(&digest).await;
        assert_eq!(file["has_instances"], false, "{fault:?} on {method}");
        let download = app.anonymous().get(&format!("/sha512/{digest}")).await;
        assert_eq!(download.status, 404);
        assert_eq!(proxy.hits("DELETE", &digest), 0);
    }
    proxy.heal();
    for (n, _) in faults.iter().enumerate() {
        let digest = digest(&bytes(n));
        app.verified(&digest).await;
        assert!(app.bytes(&app.anonymous(), &digest).await == bytes(n));
    }
}

#[actix_web::test]
async fn a_single_garbled_reading_costs_no_upload() {
    let Some(proxied) = app().await else { return };
    let app = &proxied.app;
    for (bytes, fault) in [
        (b"one".as_slice(), Fault::WrongByte),
        (b"two", Fault::Short),
    ] {
        let digest = digest(bytes);
        proxied.proxy.spoil("GET", &digest, fault, Some(1));
        app.upload("a", entry(bytes), bytes).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, bytes);
    }
}

/// A store that gives wrong bytes every time cannot be told from an upload of wrong bytes: the uploader
/// is asked to send the file again, and nobody gets to download it.
#[actix_web::test]
async fn a_store_that_lies_all_the_time_has_nothing_verified() {
    let Some(proxied) = app().await else { return };
    let app = &proxied.app;
    let lies = [("GET", Fault::WrongByte), ("HEAD", Fault::Short)];
    for (n, (method, fault)) in lies.into_iter().enumerate() {
        let bytes = format!("bytes of upload {n}").into_bytes();
        let digest = digest(&bytes);
        proxied.proxy.spoil(method, &digest, fault, None);
        app.send("a", entry(&bytes), &bytes).await;
        app.complete(&digest).await;
        eventually(PATIENCE, || async {
            (proxied.proxy.hits("DELETE", &digest) > 0).then_some(())
        })
        .await;
        assert_eq!(app.file(&digest).await["has_instances"], false);
        proxied.proxy.heal();
        app.upload("a", entry(&bytes), &bytes).await;
        assert_eq!(app.bytes(&app.anonymous(), &digest).await, bytes);
    }
}

/// Uploads whose store does not answer take all places of the workers, and give them back.
#[actix_web::test]
async fn silent_objects_do_not_keep_the_others_waiting_for_ever() {
    let Some(proxied) = app().await else { return };
    let app = &proxied.app;
    let silent: Vec<Vec<u8>> = (0..4_u8).map(|n| vec![n; 100]).collect();
    for bytes in &silent {
        proxied
            .proxy
            .spoil("GET", &digest(bytes), Fault::Hang, None);
        app.send("a", entry(bytes), bytes).await;
        app.complete(&digest(bytes)).await;
    }
    app.upload("b", entry(b"well"), b"well").await;
    assert_eq!(app.bytes(&app.anonymous(), &digest(b"well")).await, b"well");
    proxied.proxy.heal();
    for bytes in &silent {
        app.verified(&digest(bytes)).await;
    }
}

#[actix_web::test]
async fn a_slow_store_is_only_slow() {
    let Some(proxied) = app().await else { return };
    let app = &proxied.app;
    let slow = Fault::Slow(Duration::from_millis(400));
    proxied.proxy.spoil("HEAD", "sha512/", slow.clone(), None);
    proxied.proxy.spoil("GET", "sha512/", slow, None);
    app.upload("a", entry(b"slow"), b"slow").await;
    assert_eq!(app.bytes(&app.anonymous(), &digest(b"slow")).await, b"slow");
}

#[actix_web::test]
async fn the_heartbeat_names_a_store_that_does_not_answer_and_forgets_it() {
    let Some(proxied) = app().await else { return };
    let app = &proxied.app;
    let bucket = app.buckets[0].name().to_owned();
    proxied.proxy.spoil("HEAD", &bucket, Fault::Hang, None);
    eventually(PATIENCE, || async {
        let beat = app.anonymous().get("/__heartbeat__").await;
        let expected = json!({"store": "Cannot connect to the object store."});
        (beat.status == 502 && beat.json() == expected).then_some(())
    })
    .await;
    // Announcing needs no answer of the store, and downloads neither.
    assert!(app.announce_one("a", entry(b"x")).await.is_some());
    proxied.proxy.heal();
    eventually(PATIENCE, || async {
        let beat = app.anonymous().get("/__heartbeat__").await;
        (beat.status == 200).then_some(())
    })
    .await;
}
