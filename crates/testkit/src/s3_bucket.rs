// SPDX-License-Identifier: MPL-2.0
//! A bucket of its own for each test on the server of `TEST_S3_URL`. The server is one to throw
//! away: buckets are left to it.

use anyhow::Context as _;
use releng_common::Clock;
use releng_store::{Location, Options, Store};
use url::Url;
use uuid::Uuid;

use crate::requirement::requires;

/// Keys that every test server knows.
const KEYS: (&str, &str) = ("testkey", "testsecret123");

/// An empty bucket.
#[derive(Clone, Debug)]
pub struct S3Bucket {
    name: String,
    url: String,
    store: Store,
}

impl S3Bucket {
    /// Makes a bucket, or returns `None` after saying once that there is no server.
    ///
    /// # Panics
    /// When the server refuses, and as [`requires`] does.
    pub async fn create() -> Option<Self> {
        let server = requires("s3")?;
        match Self::create_at(&server).await {
            Ok(bucket) => Some(bucket),
            Err(error) => panic!("no bucket for a test: {error:#}"),
        }
    }

    async fn create_at(server: &str) -> anyhow::Result<Self> {
        let name = format!("releng-test-{}", Uuid::new_v4().simple());
        let url = address(server, &name)?;
        let location = Location::parse(&url).context("TEST_S3_URL")?;
        let options = Options::new(name.clone(), Clock::system());
        let store = releng_store::open(&location, &options).await?.store;
        store.ensure().await?;
        Ok(Self { name, url, store })
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the address for settings, keys included:
    /// `s3://key:secret@bucket?region=…&endpoint=…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the same for a server that stands before this one, as
    /// [`StoreProxy`](crate::store_proxy::StoreProxy) does.
    ///
    /// # Panics
    /// When that is no address.
    pub fn url_behind(&self, server: &str) -> String {
        address(server, &self.name).expect("the address of a server")
    }

    /// Returns the bucket as a store, to look into and to fill.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

fn address(server: &str, bucket: &str) -> anyhow::Result<String> {
    let (key, secret) = KEYS;
    let mut url = Url::parse(&format!("s3://{key}:{secret}@{bucket}"))?;
    url.query_pairs_mut()
        .append_pair("region", "us-east-1")
        .append_pair("endpoint", server.trim_end_matches('/'));
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use releng_store::{Attributes, Body, Key};

    use super::*;

    #[test]
    fn the_address_is_one_that_settings_take() {
        let url = address("http://127.0.0.1:9000/", "releng-test-1").unwrap();
        let Location::S3(location) = Location::parse(&url).unwrap() else {
            panic!("{url}")
        };
        assert_eq!(location.bucket, "releng-test-1");
        assert_eq!(location.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(
            location.keys,
            Some(("testkey".to_owned(), "testsecret123".to_owned()))
        );
    }

    #[tokio::test]
    async fn each_test_has_an_empty_bucket() {
        let Some(first) = S3Bucket::create().await else {
            return;
        };
        let second = S3Bucket::create().await.unwrap();
        assert_ne!(first.name(), second.name());
        let key = Key::parse("a/b").unwrap();
        let body = Body::from(bytes::Bytes::from_static(b"x"));
        first
            .store()
            .put(&key, body, &Attributes::default())
            .await
            .unwrap();
        assert!(first.store().head(&key).await.unwrap().is_some());
        assert!(second.store().head(&key).await.unwrap().is_none());
    }
}
