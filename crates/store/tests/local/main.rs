// SPDX-License-Identifier: MPL-2.0
//! The local store: the contract of all stores, what only a folder has, and its HTTP side.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "every line of this binary is a test"
)]

mod crash;
mod http;
mod integrity;
mod seal;
mod server;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use chrono::Duration;
use releng_common::Clock;
use releng_store::suite::{self, Fixture};
use releng_store::{Attributes, Key, Location, Opened, Options, Store, open};
use server::Server;

/// Opens the store in a folder under a name.
async fn open_in(folder: &Path, name: &str, clock: Clock) -> Opened {
    let location = Location::parse(&format!("file://{}", folder.display())).unwrap();
    open(&location, &Options::new(name, clock)).await.unwrap()
}

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

async fn put(store: &Store, name: &str, body: &'static str) {
    store
        .put(&key(name), body.into(), &Attributes::default())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_store_keeps_the_contract() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    suite::run(|| async {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let root = folder.path().join(number.to_string());
        let an_hour_ago = Clock::frozen(Clock::system().now() - Duration::hours(1));
        let opened = open_in(&root.join("one"), "demo", Clock::system()).await;
        let late = open_in(&root.join("one"), "demo", an_hour_ago).await;
        let other = open_in(&root.join("two"), "other", Clock::system()).await;
        let base = Server::start([opened.local.unwrap(), other.local.unwrap()]).forget();
        Fixture {
            store: opened.store,
            late: late.store,
            other: other.store,
            base,
        }
    })
    .await;
}

#[tokio::test]
async fn names_that_s3_clients_avoid_are_names_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let opened = open_in(&root, "demo", Clock::system()).await;
    let server = Server::start([opened.local.unwrap()]);
    let long = "x".repeat(1024);
    let wide = "ü".repeat(512);
    let slashes = "/".repeat(1024);
    let mut names = [
        "..",
        "../../../../etc/passwd",
        ".",
        "a/../b",
        "a/./b",
        "/",
        "//",
        "/a",
        "a/",
        "a//b",
        "a",
        "a/b",
        "\n\u{1}",
        "a\\b",
        "%",
        "%00",
        "%2E%2E",
        "tmp",
        "secret.key",
        "\u{feff}",
        long.as_str(),
        wide.as_str(),
        slashes.as_str(),
    ];
    for name in names {
        let body = name.to_owned().into_bytes().into();
        opened
            .store
            .put(&key(name), body, &Attributes::default())
            .await
            .unwrap();
    }
    names.sort_unstable();
    let page = opened.store.list("", None, 1000).await.unwrap();
    assert_eq!(
        page.objects
            .iter()
            .map(|o| o.key.as_str())
            .collect::<Vec<_>>(),
        names
    );
    for pair in names.windows(2) {
        let page = opened.store.list("", Some(pair[0]), 1).await.unwrap();
        assert_eq!(page.objects[0].key, pair[1]);
    }
    for name in names {
        let url = opened
            .store
            .sign_get(&key(name), 60)
            .await
            .unwrap()
            .resolve(&server.base);
        assert_eq!(server.get(&url).await.text().await.unwrap(), name);
        opened.store.delete(&key(name)).await.unwrap();
    }
    let outside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(outside.len(), 1, "nothing was written beside the store");
    let left: Vec<_> = std::fs::read_dir(root.join("objects")).unwrap().collect();
    assert_eq!(left.len(), 0, "empty folders go with their last object");
}

#[tokio::test]
async fn long_segments_are_listed_among_their_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_in(folder.path(), "demo", Clock::system()).await.store;
    let full = "y".repeat(200);
    let mut names: Vec<String> = ["", "!", "-z", "/", "/a", "0", "y", "~"]
        .iter()
        .map(|end| format!("d/{full}{end}"))
        .collect();
    for name in &names {
        put(&store, name, "").await;
    }
    names.sort_unstable();
    let page = store.list("d/", None, 100).await.unwrap();
    assert_eq!(
        page.objects
            .iter()
            .map(|o| o.key.clone())
            .collect::<Vec<_>>(),
        names
    );
    let after = format!("d/{full}-z");
    let page = store
        .list(&format!("d/{full}"), Some(&after), 100)
        .await
        .unwrap();
    assert_eq!(
        page.objects
            .iter()
            .map(|o| o.key.clone())
            .collect::<Vec<_>>(),
        names[3..]
    );
}

#[tokio::test]
async fn a_name_that_cannot_stand_in_a_path_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(&format!("file://{}", folder.path().display())).unwrap();
    for name in ["", "..", "a/b", "ä"] {
        let error = open(&location, &Options::new(name, Clock::system()))
            .await
            .unwrap_err();
        assert_eq!(
            error.message(),
            format!("the store name {name:?} must be 1 to 63 letters, digits and -_.")
        );
    }
}
