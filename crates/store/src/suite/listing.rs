// SPDX-License-Identifier: MPL-2.0
//! Pages, their order and their bounds.

use std::future::Future;

use super::{Fixture, below, key, put};
use crate::{PAGE_MAX, Store};

pub(super) async fn run<F, Made>(make: &F)
where
    F: Fn() -> Made,
    Made: Future<Output = Fixture>,
{
    keys_come_in_byte_order_from_any_point(&make().await).await;
    pages_join_to_the_whole(&make().await).await;
    a_prefixed_store_sees_only_its_own(&make().await).await;
}

async fn names(store: &Store, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let page = store.list(prefix, after, limit).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

async fn keys_come_in_byte_order_from_any_point(fixture: &Fixture) {
    let store = &fixture.store;
    // `-` and `.` sort before the slash, digits and letters behind it.
    let all = [
        "a-b", "a.b", "a/b", "a/b-c", "a/b.d/e", "a/c", "a0", "ab", "b/x", "é",
    ];
    for name in all.iter().rev() {
        put(store, name, "12").await;
    }
    assert_eq!(names(store, "", None, 100).await, all);
    assert_eq!(
        names(store, "a/", None, 100).await,
        ["a/b", "a/b-c", "a/b.d/e", "a/c"]
    );
    assert_eq!(
        names(store, "a/b", None, 100).await,
        ["a/b", "a/b-c", "a/b.d/e"]
    );
    assert_eq!(
        names(store, "a", Some("a/b"), 3).await,
        ["a/b-c", "a/b.d/e", "a/c"]
    );
    assert_eq!(
        names(store, "", Some("a/b.d/"), 2).await,
        ["a/b.d/e", "a/c"]
    );
    assert_eq!(names(store, "", Some("a/b-d"), 2).await, ["a/b.d/e", "a/c"]);
    assert_eq!(names(store, "", Some("a/zz"), 2).await, ["a0", "ab"]);
    assert_eq!(names(store, "b/", Some("a"), 5).await, ["b/x"]);
    assert_eq!(names(store, "a/", Some("b"), 5).await, [""; 0]);
    assert_eq!(names(store, "c", None, 5).await, [""; 0]);
    assert_eq!(names(store, "", Some("é"), 5).await, [""; 0]);
    let page = store.list("é", None, 1).await.unwrap();
    assert!(!page.is_truncated);
    assert_eq!(page.objects[0].size, 2);
    let meta = store.head(&key("é")).await.unwrap().unwrap();
    assert_eq!(page.objects[0].etag, meta.etag);
}

async fn pages_join_to_the_whole(fixture: &Fixture) {
    let store = &fixture.store;
    for index in 0..7 {
        put(store, &format!("p/{index}"), "").await;
    }
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let after = seen.last().cloned();
        let page = store.list("p/", after.as_deref(), 3).await.unwrap();
        sizes.push((page.objects.len(), page.is_truncated));
        seen.extend(page.objects.into_iter().map(|object| object.key));
        if !page.is_truncated {
            break;
        }
    }
    assert_eq!(sizes, [(3, true), (3, true), (1, false)]);
    assert_eq!(seen, ["p/0", "p/1", "p/2", "p/3", "p/4", "p/5", "p/6"]);
    let exactly = store.list("p/", None, 7).await.unwrap();
    assert_eq!((exactly.objects.len(), exactly.is_truncated), (7, false));
    assert_eq!(store.list("p/", None, 0).await.unwrap().objects, []);
    assert_eq!(
        store
            .list("p/", None, PAGE_MAX + 1)
            .await
            .unwrap()
            .objects
            .len(),
        7
    );
}

async fn a_prefixed_store_sees_only_its_own(fixture: &Fixture) {
    let inner = &fixture.store;
    let store = below(inner, "v1/");
    put(inner, "v0/k", "").await;
    put(&store, "b", "").await;
    put(&store, "a/c", "").await;
    put(inner, "v2/k", "").await;
    assert_eq!(
        names(inner, "", None, 9).await,
        ["v0/k", "v1/a/c", "v1/b", "v2/k"]
    );
    assert_eq!(names(&store, "", None, 9).await, ["a/c", "b"]);
    assert_eq!(names(&store, "a", None, 9).await, ["a/c"]);
    assert_eq!(names(&store, "", Some("a/c"), 9).await, ["b"]);
}
