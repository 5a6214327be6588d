// SPDX-License-Identifier: MPL-2.0
//! The cache of one process: the contract, and the bound on its memory.

use std::sync::Arc;

use bytes::Bytes;
use releng_cache::{Cache, Handle, MemoryCache, Options, suite};

const MIB: u64 = 1024 * 1024;

async fn make() -> Option<Handle> {
    let cache: Handle = Arc::new(MemoryCache::new(64 * MIB, &suite::options()));
    std::future::ready(Some(cache)).await
}

releng_cache::cache_suite!(make);

#[tokio::test]
async fn the_least_recently_used_entries_make_room() {
    let cache = MemoryCache::new(MIB, &Options::default());
    let value = Bytes::from(vec![b'x'; 100 * 1024]);
    for number in 0..10 {
        cache
            .set(&format!("key-{number}"), value.clone(), None)
            .await
            .unwrap();
    }
    assert_eq!(cache.get("key-0").await.unwrap(), Some(value.clone()));
    for number in 10..14 {
        cache
            .set(&format!("key-{number}"), value.clone(), None)
            .await
            .unwrap();
    }
    assert!(cache.size_bytes().await <= MIB);
    let mut kept = Vec::new();
    for number in 0..14 {
        if cache.get(&format!("key-{number}")).await.unwrap().is_some() {
            kept.push(number);
        }
    }
    assert_eq!(kept, [0, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
}

#[tokio::test]
async fn small_entries_are_counted_with_their_keys_and_overhead() {
    let cache = MemoryCache::new(MIB, &Options::default());
    cache
        .set("0123456789", Bytes::from_static(b"12345"), None)
        .await
        .unwrap();
    assert_eq!(cache.size_bytes().await, 10 + 5 + 160);
    for number in 0..20_000 {
        cache
            .set(&format!("key-{number}"), Bytes::new(), None)
            .await
            .unwrap();
    }
    let size = cache.size_bytes().await;
    assert!(size <= MIB, "{size}");
    assert!(size > MIB / 2, "{size}");
}

#[tokio::test]
async fn an_entry_larger_than_the_cache_is_not_kept_and_ends_the_older_one() {
    let cache = MemoryCache::new(MIB, &Options::default());
    cache
        .set("key", Bytes::from_static(b"old"), None)
        .await
        .unwrap();
    cache
        .set("other", Bytes::from_static(b"x"), None)
        .await
        .unwrap();
    cache
        .set("key", Bytes::from(vec![b'x'; 1024 * 1024]), None)
        .await
        .unwrap();
    assert_eq!(cache.get("key").await.unwrap(), None);
    assert_eq!(
        cache.get("other").await.unwrap(),
        Some(Bytes::from_static(b"x"))
    );
}
