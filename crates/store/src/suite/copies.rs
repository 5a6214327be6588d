// SPDX-License-Identifier: MPL-2.0
//! Copies inside a store and between stores.

use std::future::Future;

use super::{Fixture, below, key, read};
use crate::{Attributes, Meta, Store};

pub(super) async fn run<F, Made>(make: &F)
where
    F: Fn() -> Made,
    Made: Future<Output = Fixture>,
{
    a_copy_has_bytes_and_attributes(&make().await).await;
    copies_cross_stores_and_prefixes(&make().await).await;
}

fn attributes() -> Attributes {
    Attributes {
        content_encoding: Some("gzip".to_owned()),
        cache_control: Some("no-store".to_owned()),
        metadata: [("original_size".to_owned(), "9".to_owned())].into(),
        ..Attributes::of_type("text/plain")
    }
}

async fn source(store: &Store, name: &str) {
    store
        .put(&key(name), "copied".into(), &attributes())
        .await
        .unwrap();
}

async fn assert_copied(store: &Store, name: &str, told: Option<Meta>) {
    assert_eq!(read(store, name).await.unwrap(), "copied");
    let meta = store.head(&key(name)).await.unwrap().unwrap();
    assert_eq!(meta.attributes(), attributes());
    let told = told.unwrap();
    assert_eq!(
        (told.size, told.etag, told.metadata),
        (6, meta.etag, meta.metadata)
    );
}

async fn a_copy_has_bytes_and_attributes(fixture: &Fixture) {
    let store = &fixture.store;
    source(store, "from/ü +x").await;
    let told = store.copy(&key("from/ü +x"), &key("to")).await.unwrap();
    assert_copied(store, "to", told).await;
    assert_copied(
        store,
        "from/ü +x",
        store.head(&key("from/ü +x")).await.unwrap(),
    )
    .await;
    let told = store.copy(&key("to"), &key("to")).await.unwrap();
    assert_copied(store, "to", told).await;
}

async fn copies_cross_stores_and_prefixes(fixture: &Fixture) {
    let (store, other) = (&fixture.store, &fixture.other);
    source(other, "k").await;
    let told = store
        .copy_from(other.as_ref(), &key("k"), &key("copy"))
        .await
        .unwrap();
    assert_copied(store, "copy", told).await;

    let (from, to) = (below(other, "old/"), below(store, "new/"));
    source(&from, "k").await;
    let told = to
        .copy_from(from.as_ref(), &key("k"), &key("k"))
        .await
        .unwrap();
    assert_copied(&to, "k", told).await;
    assert_copied(store, "new/k", store.head(&key("new/k")).await.unwrap()).await;
}
