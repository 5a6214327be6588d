// SPDX-License-Identifier: MPL-2.0
//! A digest counts only for the version that is there afterwards.

use async_trait::async_trait;
use releng_common::{Clock, Kind, Result};
use releng_store::{
    Attributes, BlobStore, Body, ByteRange, Key, Meta, Object, Origin, Page, SignedUrl, Store,
    sha512_of,
};

use crate::{key, open_in, put};

/// A store in which somebody else changes the object between the read and the question after it.
#[derive(Debug)]
struct Meddled {
    inner: Store,
    body: Option<&'static str>,
}

#[async_trait]
impl BlobStore for Meddled {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn head(&self, key: &Key) -> Result<Option<Meta>> {
        match self.body {
            Some(body) => {
                self.inner
                    .put(key, body.into(), &Attributes::default())
                    .await?;
            }
            None => self.inner.delete(key).await?,
        }
        self.inner.head(key).await
    }

    async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Option<Object>> {
        self.inner.get(key, range).await
    }

    async fn put(&self, key: &Key, body: Body, attributes: &Attributes) -> Result<Meta> {
        self.inner.put(key, body, attributes).await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Option<Meta>> {
        self.inner.copy(from, to).await
    }

    async fn copy_from(&self, from: &dyn BlobStore, a: &Key, b: &Key) -> Result<Option<Meta>> {
        self.inner.copy_from(from, a, b).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        self.inner.list(prefix, after, limit).await
    }

    async fn sign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl> {
        self.inner.sign_get(key, expires_secs).await
    }

    async fn sign_put(&self, key: &Key, secs: u32, signed: &Attributes) -> Result<SignedUrl> {
        self.inner.sign_put(key, secs, signed).await
    }

    fn public_url(&self, key: &Key) -> Option<SignedUrl> {
        self.inner.public_url(key)
    }

    async fn make_private(&self, key: &Key) -> Result<()> {
        self.inner.make_private(key).await
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }

    async fn ensure(&self) -> Result<()> {
        self.inner.ensure().await
    }

    fn origin(&self) -> Origin {
        self.inner.origin()
    }
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_read_has_no_digest() {
    let folder = tempfile::tempdir().unwrap();
    let inner = open_in(folder.path(), "demo", Clock::system()).await.store;
    for body in [Some("forged!"), None] {
        put(&inner, "k", "genuine").await;
        let store = Meddled {
            inner: inner.clone(),
            body,
        };
        let error = sha512_of(&store, &key("k")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(error.message(), "the object changed while it was read");
    }
    put(&inner, "k", "genuine").await;
    let store = Meddled {
        inner,
        body: Some("genuine"),
    };
    assert!(sha512_of(&store, &key("k")).await.unwrap().is_some());
}
