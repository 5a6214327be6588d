// SPDX-License-Identifier: MPL-2.0
//! The S3 store against a real server: the contract of all stores, copies in parts, public buckets,
//! and faults. `TEST_S3_URL` names the server; its keys are `testkey` and `testsecret123`.
#![expect(
    clippy::disallowed_methods,
    reason = "the address of the server is for tests alone and no setting of a service"
)]
#![expect(clippy::unwrap_used, reason = "every line of this binary is a test")]

mod faults;
mod public;
mod server;

use releng_common::{Clock, Kind};
use releng_store::suite::{self, Fixture};
use releng_store::{Attributes, Key, sha512_of};
use server::S3;

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_s3_store_keeps_the_contract() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    suite::run(|| async {
        let (bucket, other) = (s3.new_bucket().await, s3.new_bucket().await);
        let an_hour_ago = Clock::frozen(Clock::system().now() - chrono::Duration::hours(1));
        Fixture {
            store: s3.open(&bucket, Clock::system()).await,
            late: s3.open(&bucket, an_hour_ago).await,
            other: s3.open(&other, Clock::system()).await,
            base: String::new(),
        }
    })
    .await;
}

#[tokio::test]
async fn copies_of_large_objects_go_in_parts_and_stay_on_the_server() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    let (from, to) = (s3.new_bucket().await, s3.new_bucket().await);
    let source = s3.open(&from, Clock::system()).await;
    let target = s3
        .open_with(&to, Clock::system(), |options| {
            options.s3.copy_single_max_bytes = 6_000_000;
            options.s3.copy_part_bytes = 5 * 1024 * 1024;
        })
        .await;
    let attributes = Attributes {
        metadata: [("note".to_owned(), "large".to_owned())].into(),
        ..Attributes::of_type("text/plain")
    };
    let body: Vec<u8> = (0..11_000_001u32)
        .flat_map(|i| (i % 253).to_le_bytes().into_iter().take(1))
        .collect();
    source
        .put(&key("a b+ü"), body.into(), &attributes)
        .await
        .unwrap();
    let (original, digest) = sha512_of(source.as_ref(), &key("a b+ü"))
        .await
        .unwrap()
        .unwrap();
    let told = target
        .copy_from(source.as_ref(), &key("a b+ü"), &key("copy"))
        .await
        .unwrap()
        .unwrap();
    let (meta, copied) = sha512_of(target.as_ref(), &key("copy"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(copied, digest);
    assert_eq!(meta.attributes(), attributes);
    assert_eq!((told.size, &told.etag), (original.size, &meta.etag));
    // Eleven million bytes in parts of five MiB are three parts: bytes that went through this process
    // would have come in two of eight.
    assert!(meta.etag.ends_with("-3"), "{}", meta.etag);
    assert!(original.etag.ends_with("-2"), "{}", original.etag);
}

#[tokio::test]
async fn buckets_of_other_accounts_are_copied_through_this_process() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    let bucket = s3.new_bucket().await;
    let source = s3.open(&bucket, Clock::system()).await;
    let original = source
        .put(&key("k"), "v".into(), &Attributes::default())
        .await
        .unwrap();
    assert_eq!(original.etag, "9e3669d19b675bd57058fd4664205d2a");
    let folder = tempfile::tempdir().unwrap();
    let local = server::local(folder.path()).await;
    let there = local
        .copy_from(source.as_ref(), &key("k"), &key("k"))
        .await
        .unwrap()
        .unwrap();
    let copied = local.head(&key("k")).await.unwrap().unwrap();
    assert_eq!((there.size, there.etag), (1, copied.etag));
    source
        .copy_from(local.as_ref(), &key("k"), &key("back"))
        .await
        .unwrap()
        .unwrap();
    let back = source.get(&key("back"), None).await.unwrap().unwrap();
    assert_eq!(back.bytes(9).await.unwrap(), "v");
}

#[tokio::test]
async fn an_upload_that_fails_in_the_middle_leaves_no_parts_behind() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    let bucket = s3.new_bucket().await;
    let store = s3.open(&bucket, Clock::system()).await;
    let start = Ok(bytes::Bytes::from(vec![0; 20 * 1024 * 1024]));
    let pieces = [start, Err(std::io::ErrorKind::ConnectionReset.into())];
    let stream = Box::pin(futures_util::stream::iter(pieces));
    let body = releng_store::Body::Stream {
        stream,
        length: None,
    };
    let error = store
        .put(&key("k"), body, &Attributes::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Unavailable, "the body of the object broke off")
    );
    let uploads = s3
        .client()
        .list_multipart_uploads()
        .bucket(&bucket)
        .prefix("k");
    assert_eq!(uploads.send().await.unwrap().uploads(), []);
}
