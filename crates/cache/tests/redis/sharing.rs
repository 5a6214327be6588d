// SPDX-License-Identifier: MPL-2.0
//! Several processes with one server, played by several caches with their own connections.

use bytes::Bytes;
use releng_cache::{Options, SingleFlight};

use crate::{cache_at, own_prefix, server};

#[tokio::test]
async fn a_deletion_by_one_process_ends_the_load_of_another() {
    let Some((url, _server)) = server::any().await else {
        return;
    };
    let options = Options {
        prefix: own_prefix(),
        ignore_faults: false,
        ..Options::default()
    };
    let (one, other) = (cache_at(&url, options.clone()), cache_at(&url, options));
    let flight = SingleFlight::new(one.clone());

    let outdated = || async {
        other.delete(&["key"]).await?;
        Ok(Bytes::from_static(b"outdated"))
    };
    assert_eq!(
        flight.get_or_load("key", None, outdated).await.unwrap(),
        "outdated"
    );
    assert_eq!(one.get("key").await.unwrap(), None);

    let load = || async { Ok(Bytes::from_static(b"fresh")) };
    assert_eq!(
        flight.get_or_load("key", None, load).await.unwrap(),
        "fresh"
    );
    assert_eq!(
        other.get("key").await.unwrap(),
        Some(Bytes::from_static(b"fresh"))
    );
    other.delete(&["key"]).await.unwrap();
}

#[tokio::test]
async fn caches_with_different_prefixes_do_not_meet() {
    let Some((url, _server)) = server::any().await else {
        return;
    };
    let strict = |prefix| Options {
        prefix,
        ignore_faults: false,
        ..Options::default()
    };
    let (one, other) = (
        cache_at(&url, strict(own_prefix())),
        cache_at(&url, strict(own_prefix())),
    );
    one.set("key", Bytes::from_static(b"one"), None)
        .await
        .unwrap();
    assert_eq!(other.get("key").await.unwrap(), None);
    other.delete(&["key"]).await.unwrap();
    assert!(
        other
            .set_if_absent("key", Bytes::from_static(b"other"), None)
            .await
            .unwrap()
    );
    assert_eq!(
        one.get("key").await.unwrap(),
        Some(Bytes::from_static(b"one"))
    );
    one.delete(&["key"]).await.unwrap();
    other.delete(&["key"]).await.unwrap();
}
