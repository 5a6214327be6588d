// SPDX-License-Identifier: MPL-2.0
//! Presence, absence, replacement, parts, names.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use releng_common::Kind;

use super::{Fixture, key, put, read};
use crate::{Attributes, ByteRange, sha512_of};

pub(super) async fn run<F, Made>(make: &F)
where
    F: Fn() -> Made,
    Made: Future<Output = Fixture>,
{
    absence_is_a_value(&make().await).await;
    the_newest_put_counts(&make().await).await;
    ranges_bring_parts(&make().await).await;
    names_are_taken_literally(&make().await).await;
    an_object_may_stand_where_others_have_their_folder(&make().await).await;
    concurrent_puts_leave_one_of_them_whole(&make().await).await;
    a_digest_is_of_the_bytes(&make().await).await;
    a_store_that_works_says_so(&make().await).await;
}

async fn absence_is_a_value(fixture: &Fixture) {
    let store = &fixture.store;
    let (missing, to) = (key("missing"), key("to"));
    assert_eq!(store.head(&missing).await.unwrap(), None);
    assert!(store.get(&missing, None).await.unwrap().is_none());
    assert!(
        store
            .get(&missing, Some(ByteRange::From(1)))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .get(&missing, Some(ByteRange::Suffix(0)))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(store.copy(&missing, &to).await.unwrap(), None);
    assert_eq!(
        store
            .copy_from(fixture.other.as_ref(), &missing, &to)
            .await
            .unwrap(),
        None
    );
    assert_eq!(sha512_of(store.as_ref(), &missing).await.unwrap(), None);
    store.delete(&missing).await.unwrap();
    put(store, "there", "x").await;
    store.delete(&key("there")).await.unwrap();
    assert_eq!(store.head(&key("there")).await.unwrap(), None);
    assert_eq!(store.list("", None, 10).await.unwrap().objects, []);
}

async fn the_newest_put_counts(fixture: &Fixture) {
    let store = &fixture.store;
    let first = Attributes {
        content_encoding: Some("gzip".to_owned()),
        metadata: [("a".to_owned(), "1".to_owned())].into(),
        ..Attributes::of_type("text/plain")
    };
    let longer = store
        .put(&key("k"), "first, the longer one".into(), &first)
        .await
        .unwrap();
    let second = Attributes::of_type("application/json");
    let written = store
        .put(&key("k"), "second".into(), &second)
        .await
        .unwrap();
    let meta = store.head(&key("k")).await.unwrap().unwrap();
    assert_eq!(meta.attributes(), second);
    assert_eq!(meta.size, 6);
    assert_eq!((written.size, &written.etag), (meta.size, &meta.etag));
    assert_ne!(longer.etag, meta.etag);
    let same = store.put(&key("l"), "second".into(), &first).await.unwrap();
    assert_eq!(same.etag, meta.etag);
    assert_eq!(written.attributes(), second);
    assert_eq!(meta.storage_class.filter(|class| class != "STANDARD"), None);
    assert_eq!(meta.website_redirect, None);
    assert_eq!(read(store, "k").await.unwrap(), "second");
    let drift = (meta.last_modified - written.last_modified)
        .num_seconds()
        .abs();
    assert!(drift <= 300, "the store and we are {drift} s apart");
    assert_eq!(meta.last_modified.timestamp_subsec_nanos(), 0);
}

async fn ranges_bring_parts(fixture: &Fixture) {
    let store = &fixture.store;
    put(store, "ten", "0123456789").await;
    put(store, "empty", "").await;
    for (range, offsets, text) in [
        (ByteRange::Inclusive(0, 0), 0..1, "0"),
        (ByteRange::Inclusive(3, 5), 3..6, "345"),
        (ByteRange::Inclusive(8, 99), 8..10, "89"),
        (ByteRange::From(7), 7..10, "789"),
        (ByteRange::Suffix(2), 8..10, "89"),
        (ByteRange::Suffix(99), 0..10, "0123456789"),
    ] {
        let object = store.get(&key("ten"), Some(range)).await.unwrap().unwrap();
        assert_eq!(
            (object.meta.size, object.range.clone()),
            (10, offsets),
            "{range:?}"
        );
        assert_eq!(object.bytes(100).await.unwrap(), text, "{range:?}");
    }
    for (name, range, message) in [
        (
            "ten",
            ByteRange::From(10),
            "range bytes=10-: no such bytes in the object",
        ),
        (
            "ten",
            ByteRange::Inclusive(10, 11),
            "range bytes=10-11: no such bytes in the object",
        ),
        (
            "ten",
            ByteRange::Inclusive(5, 4),
            "range bytes=5-4: no such bytes in the object",
        ),
        (
            "ten",
            ByteRange::Suffix(0),
            "range bytes=-0: no such bytes in the object",
        ),
        (
            "empty",
            ByteRange::From(0),
            "range bytes=0-: no such bytes in the object",
        ),
    ] {
        let error = store.get(&key(name), Some(range)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::InvalidInput, message)
        );
    }
    assert_eq!(read(store, "empty").await.unwrap(), "");
    let whole = store.get(&key("ten"), None).await.unwrap().unwrap();
    assert_eq!(whole.bytes(9).await.unwrap_err().kind(), Kind::TooLarge);
}

async fn names_are_taken_literally(fixture: &Fixture) {
    let store = &fixture.store;
    let long = format!("long/{}/end", "s".repeat(240));
    let mut names = [
        "a",
        "A",
        "a b+c&d=e",
        "ü/ñ",
        "x%2Fy",
        "x/y",
        "~[x]{y}#?z",
        "v1/libstdc++.so.6/0",
        "@",
        "a@",
        "'quote\"<tag>",
        ".hidden",
        long.as_str(),
    ];
    for name in names {
        store
            .put(
                &key(name),
                name.to_owned().into_bytes().into(),
                &Attributes::default(),
            )
            .await
            .unwrap();
    }
    names.sort_unstable();
    let page = store.list("", None, 100).await.unwrap();
    assert_eq!(
        page.objects
            .iter()
            .map(|o| o.key.as_str())
            .collect::<Vec<_>>(),
        names
    );
    for name in names {
        assert_eq!(read(store, name).await.unwrap(), name);
        store.delete(&key(name)).await.unwrap();
        assert_eq!(store.head(&key(name)).await.unwrap(), None, "{name}");
    }
}

/// Lists are left out: MinIO does not list what lies below an object.
async fn an_object_may_stand_where_others_have_their_folder(fixture: &Fixture) {
    let store = &fixture.store;
    put(store, "a", "above").await;
    put(store, "a/b", "below").await;
    put(store, "c/d", "below").await;
    put(store, "c", "above").await;
    store.delete(&key("c")).await.unwrap();
    for (name, body) in [
        ("a", Some("above")),
        ("a/b", Some("below")),
        ("c/d", Some("below")),
        ("c", None),
    ] {
        assert_eq!(
            read(store, name).await.as_deref(),
            body.map(str::as_bytes),
            "{name}"
        );
    }
}

async fn concurrent_puts_leave_one_of_them_whole(fixture: &Fixture) {
    let store = &fixture.store;
    for _ in 0..5 {
        let writers = ["a", "b"].map(|letter| {
            let store = Arc::clone(store);
            let attributes = Attributes {
                metadata: [("writer".to_owned(), letter.to_owned())].into(),
                ..Attributes::default()
            };
            tokio::spawn(async move {
                let body = Bytes::from(letter.repeat(300_000)).into();
                store
                    .put(&key("contested"), body, &attributes)
                    .await
                    .unwrap()
            })
        });
        for writer in writers {
            writer.await.unwrap();
        }
        let object = store.get(&key("contested"), None).await.unwrap().unwrap();
        let letter = object.meta.metadata["writer"].clone();
        assert_eq!(object.bytes(1 << 20).await.unwrap(), letter.repeat(300_000));
    }
}

async fn a_digest_is_of_the_bytes(fixture: &Fixture) {
    put(&fixture.store, "abc", "abc").await;
    let (meta, digest) = sha512_of(fixture.store.as_ref(), &key("abc"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        meta,
        fixture.store.head(&key("abc")).await.unwrap().unwrap()
    );
    assert_eq!(
        digest,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}

async fn a_store_that_works_says_so(fixture: &Fixture) {
    fixture.store.check().await.unwrap();
    fixture.store.ensure().await.unwrap();
    put(&fixture.store, "k", "v").await;
    fixture.store.make_private(&key("k")).await.unwrap();
    assert_eq!(fixture.store.public_url(&key("k")), None);
}
