// SPDX-License-Identifier: MPL-2.0
//! What a writer says comes back; what breaks a rule is refused.

use releng_common::Kind;

use super::{Fixture, key};
use crate::Attributes;

pub(super) async fn run(fixture: &Fixture) {
    let store = &fixture.store;
    let full = Attributes {
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        cache_control: Some("public, max-age=60".to_owned()),
        metadata: [("Original_Size", "12"), ("original_md5_hash", "x~ y")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let kept = Attributes {
        metadata: [("original_size", "12"), ("original_md5_hash", "x~ y")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..full.clone()
    };
    store.put(&key("full"), "body".into(), &full).await.unwrap();
    assert_eq!(
        store
            .head(&key("full"))
            .await
            .unwrap()
            .unwrap()
            .attributes(),
        kept
    );
    let object = store.get(&key("full"), None).await.unwrap().unwrap();
    assert_eq!(object.meta.attributes(), kept);
    assert_eq!(
        object.bytes(10).await.unwrap(),
        "body",
        "nobody decodes stored bytes"
    );

    store
        .put(&key("bare"), "body".into(), &Attributes::default())
        .await
        .unwrap();
    let bare = store
        .head(&key("bare"))
        .await
        .unwrap()
        .unwrap()
        .attributes();
    assert!(
        bare.content_type
            .as_deref()
            .is_some_and(|kind| kind.ends_with("/octet-stream"))
    );
    assert_eq!(
        Attributes {
            content_type: None,
            ..bare
        },
        Attributes::default()
    );

    let wrong = Attributes::of_type("text/plain\r\nx: y");
    let error = store
        .put(&key("wrong"), "body".into(), &wrong)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert_eq!(
        error.message(),
        "content type must consist of printable ASCII characters"
    );
    assert_eq!(store.head(&key("wrong")).await.unwrap(), None);
}
