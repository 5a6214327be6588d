// SPDX-License-Identifier: MPL-2.0
//! A fault is never an absence.

use releng_common::{Clock, Kind};
use releng_store::s3::Credentials;
use releng_store::{Attributes, Store};

use crate::key;
use crate::server::S3;

/// Asserts that nothing can be concluded from what the store says.
async fn assert_unavailable(store: &Store, cause: &str) {
    let attributes = Attributes::default();
    let errors = [
        store.head(&key("k")).await.map(drop).unwrap_err(),
        store.get(&key("k"), None).await.map(drop).unwrap_err(),
        store
            .put(&key("k"), "v".into(), &attributes)
            .await
            .map(drop)
            .unwrap_err(),
        store.list("", None, 9).await.map(drop).unwrap_err(),
        store.delete(&key("k")).await.unwrap_err(),
        store
            .copy(&key("k"), &key("l"))
            .await
            .map(drop)
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
        assert_eq!(error.message(), "the object store cannot be used");
        assert!(error.chain().contains(cause), "{error:?}");
        assert!(!error.chain().contains("testsecret123"));
    }
}

#[tokio::test]
async fn a_missing_bucket_is_a_fault_and_the_check_names_it() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    let bucket = format!("store-{}", uuid::Uuid::new_v4());
    let store = s3.open(&bucket, Clock::system()).await;
    assert_unavailable(&store, &bucket).await;
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert_eq!(
        error.message(),
        format!("the bucket {bucket:?} does not exist")
    );
    store.ensure().await.unwrap();
    store.check().await.unwrap();
    assert_eq!(store.head(&key("k")).await.unwrap(), None);
}

#[tokio::test]
async fn wrong_credentials_are_a_fault() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    let bucket = s3.new_bucket().await;
    let store = s3
        .open_with(&bucket, Clock::system(), |options| {
            options.s3.credentials = Credentials::Keys {
                access_key_id: "testkey".to_owned(),
                secret_access_key: "wrong".to_owned(),
                session_token: None,
            };
        })
        .await;
    assert_unavailable(&store, "status 403").await;
    assert_eq!(store.check().await.unwrap_err().kind(), Kind::Unavailable);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_fault() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let store = S3 { endpoint }
        .open_with("demo", Clock::system(), |options| options.s3.attempts = 1)
        .await;
    assert_unavailable(&store, "on bucket demo").await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_fault_after_the_time_out() {
    // The kernel accepts connections for a listener that nobody serves.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let store = S3 { endpoint }
        .open_with("demo", Clock::system(), |options| {
            options.s3.attempts = 1;
            options.s3.read_timeout_secs = 1;
            options.s3.copy_timeout_secs = 1;
        })
        .await;
    let error = store.head(&key("k")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}
