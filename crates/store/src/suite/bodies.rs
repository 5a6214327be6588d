// SPDX-License-Identifier: MPL-2.0
//! Every form of body, small and in parts, whole and cut.

use std::future::Future;
use std::io;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use releng_common::Kind;
use sha2::{Digest, Sha512};

use super::{Fixture, key, put, read};
use crate::{Attributes, Body, sha512_of};

/// More than two of the smallest parts of S3, and no multiple of anything.
const LARGE: usize = 11 * 1024 * 1024 + 7;

pub(super) async fn run<F, Made>(make: &F)
where
    F: Fn() -> Made,
    Made: Future<Output = Fixture>,
{
    small_bodies_of_all_forms(&make().await).await;
    large_bodies_of_all_forms(&make().await).await;
    a_body_that_breaks_a_promise_changes_nothing(&make().await).await;
}

fn content() -> Bytes {
    (0..LARGE)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect::<Vec<_>>()
        .into()
}

fn chunks(content: &Bytes, length: Option<u64>) -> Body {
    let content = content.clone();
    let starts = (0..content.len()).step_by(100_003);
    let pieces = starts.map(move |at| Ok(content.slice(at..content.len().min(at + 100_003))));
    Body::Stream {
        stream: stream::iter(pieces).boxed(),
        length,
    }
}

async fn small_bodies_of_all_forms(fixture: &Fixture) {
    let store = &fixture.store;
    let file = tempfile_with(b"from a file").await;
    let text = Bytes::from_static(b"from a stream");
    for (name, body, expected) in [
        ("bytes", Body::from("from memory"), "from memory"),
        ("nothing", Body::from(""), ""),
        ("file", Body::File(file.clone()), "from a file"),
        ("known", chunks(&text, Some(13)), "from a stream"),
        ("unknown", chunks(&text, None), "from a stream"),
        ("no chunk", chunks(&Bytes::new(), None), ""),
    ] {
        let meta = store
            .put(&key(name), body, &Attributes::default())
            .await
            .unwrap();
        assert_eq!(meta.size, u64::try_from(expected.len()).unwrap(), "{name}");
        assert_eq!(read(store, name).await.unwrap(), expected, "{name}");
    }
    tokio::fs::remove_file(&file).await.unwrap();
    let error = store
        .put(&key("k"), Body::File(file), &Attributes::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
}

async fn large_bodies_of_all_forms(fixture: &Fixture) {
    let store = &fixture.store;
    let content = content();
    let digest = hex::encode(Sha512::digest(&content));
    let length = u64::try_from(LARGE).unwrap();
    let file = tempfile_with(&content).await;
    let attributes = Attributes {
        metadata: [("note".to_owned(), "in parts".to_owned())].into(),
        ..Attributes::of_type("text/plain")
    };
    for (name, body) in [
        ("bytes", Body::Bytes(content.clone())),
        ("file", Body::File(file.clone())),
        ("known", chunks(&content, Some(length))),
        ("unknown", chunks(&content, None)),
    ] {
        let written = store.put(&key(name), body, &attributes).await.unwrap();
        let (meta, found) = sha512_of(store.as_ref(), &key(name))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found, digest, "{name}");
        assert_eq!(
            (meta.size, meta.attributes()),
            (length, attributes.clone()),
            "{name}"
        );
        assert_eq!(written.etag, meta.etag, "{name}");
    }
    tokio::fs::remove_file(&file).await.unwrap();
}

async fn a_body_that_breaks_a_promise_changes_nothing(fixture: &Fixture) {
    let store = &fixture.store;
    put(store, "k", "old").await;
    let small = Bytes::from_static(b"12345");
    let large = content();
    let length = u64::try_from(LARGE).unwrap();
    let broken = |content: &Bytes| {
        let start: io::Result<Bytes> = Ok(content.clone());
        let pieces = [start, Err(io::ErrorKind::ConnectionReset.into())];
        Body::Stream {
            stream: stream::iter(pieces).boxed(),
            length: None,
        }
    };
    let off_by = |found: u64, announced: u64| {
        format!("the body has {found} bytes, {announced} were announced")
    };
    let broke_off = "the body of the object broke off".to_owned();
    for (body, kind, message) in [
        (chunks(&small, Some(6)), Kind::InvalidInput, off_by(5, 6)),
        (chunks(&small, Some(4)), Kind::InvalidInput, off_by(5, 4)),
        (
            chunks(&large, Some(length + 1)),
            Kind::InvalidInput,
            off_by(length, length + 1),
        ),
        (broken(&small), Kind::Unavailable, broke_off.clone()),
        (broken(&large), Kind::Unavailable, broke_off),
    ] {
        let error = store
            .put(&key("k"), body, &Attributes::default())
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message.as_str()));
        assert_eq!(read(store, "k").await.unwrap(), "old");
    }
    assert_eq!(store.list("", None, 10).await.unwrap().objects.len(), 1);
}

async fn tempfile_with(content: &[u8]) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("store-suite-{}", uuid::Uuid::new_v4()));
    tokio::fs::write(&path, content).await.unwrap();
    path
}
