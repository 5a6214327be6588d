// SPDX-License-Identifier: MPL-2.0
//! Buckets that everybody may read.

use releng_common::Clock;
use releng_store::{Attributes, Location, Options, SignedUrl, Store, open};

use crate::key;
use crate::server::S3;

/// Lets everybody read the objects of a bucket, and list them when told so.
async fn publish(s3: &S3, bucket: &str, may_list: bool) {
    let list = format!(
        r#",{{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::{bucket}"}}"#
    );
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}{}]}}"#,
        if may_list { &list } else { "" }
    );
    s3.client()
        .put_bucket_policy()
        .bucket(bucket)
        .policy(policy)
        .send()
        .await
        .unwrap();
}

/// Opens a bucket URL as anybody.
async fn open_public(s3: &S3, bucket: &str) -> Store {
    let address = format!("{}/{bucket}/v0?access=public", s3.endpoint);
    let mut options = Options::new("public", Clock::system());
    options.s3.credentials = releng_store::s3::Credentials::Anonymous;
    open(&Location::parse(&address).unwrap(), &options)
        .await
        .unwrap()
        .store
}

#[tokio::test]
async fn a_public_bucket_is_read_without_credentials() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    for may_list in [true, false] {
        let bucket = s3.new_bucket().await;
        publish(&s3, &bucket, may_list).await;
        let owner = s3.open(&bucket, Clock::system()).await;
        let name = "lib++/a b[1]";
        owner
            .put(
                &key(&format!("v0/{name}")),
                "public".into(),
                &Attributes::default(),
            )
            .await
            .unwrap();
        let store = open_public(&s3, &bucket).await;
        store.check().await.unwrap();
        assert_eq!(store.head(&key(name)).await.unwrap().unwrap().size, 6);
        let object = store.get(&key(name), None).await.unwrap().unwrap();
        assert_eq!(object.bytes(9).await.unwrap(), "public");
        // Where nobody may list, the server hides absence behind 403.
        assert_eq!(store.head(&key("missing")).await.unwrap(), None);
        assert!(store.get(&key("missing"), None).await.unwrap().is_none());

        let url = store.public_url(&key(name)).unwrap();
        let expected = format!("{}/{bucket}/v0/lib%2B%2B/a%20b%5B1%5D", s3.endpoint);
        assert_eq!(url, SignedUrl::Absolute(expected.clone()));
        let response = reqwest::Client::new().get(&expected).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), "public");
    }
}

#[tokio::test]
async fn nobody_signs_or_writes_without_credentials() {
    let Some(s3) = S3::from_environment() else {
        return;
    };
    let bucket = s3.new_bucket().await;
    publish(&s3, &bucket, true).await;
    let store = open_public(&s3, &bucket).await;
    let error = store.sign_get(&key("k"), 60).await.unwrap_err();
    assert_eq!(error.message(), "a store without credentials cannot sign");
    let error = store
        .put(&key("k"), "v".into(), &Attributes::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), releng_common::Kind::Unavailable);
    assert!(error.chain().contains("status 403"), "{}", error.chain());
}
