// SPDX-License-Identifier: MPL-2.0
//! A part of a store as a store of its own: every key gets a prefix on the way in and loses it on
//! the way out.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use releng_common::Result;

use crate::{
    Attributes, BlobStore, Body, ByteRange, Key, Meta, Object, Origin, Page, Seal, SignedUrl, Store,
};

/// The objects of a store whose keys begin with a prefix.
#[derive(Debug)]
pub struct Prefixed {
    inner: Store,
    prefix: String,
}

impl Prefixed {
    /// Wraps a store. The prefix is used as it is: give it its slash.
    pub fn new(inner: Store, prefix: impl Into<String>) -> Self {
        Self {
            inner,
            prefix: prefix.into(),
        }
    }

    fn key(&self, key: &Key) -> Result<Key> {
        Key::parse(format!("{}{key}", self.prefix))
    }
}

#[async_trait]
impl BlobStore for Prefixed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn head(&self, key: &Key) -> Result<Option<Meta>> {
        self.inner.head(&self.key(key)?).await
    }

    async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Option<Object>> {
        self.inner.get(&self.key(key)?, range).await
    }

    async fn put(&self, key: &Key, body: Body, attributes: &Attributes) -> Result<Meta> {
        self.inner.put(&self.key(key)?, body, attributes).await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Option<Meta>> {
        self.inner.copy(&self.key(from)?, &self.key(to)?).await
    }

    async fn copy_from(
        &self,
        source: &dyn BlobStore,
        from: &Key,
        to: &Key,
    ) -> Result<Option<Meta>> {
        self.inner.copy_from(source, from, &self.key(to)?).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(&self.key(key)?).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        let full = format!("{}{prefix}", self.prefix);
        let after = start_after.map(|after| format!("{}{after}", self.prefix));
        let mut page = self.inner.list(&full, after.as_deref(), limit).await?;
        for object in &mut page.objects {
            if let Some(key) = object.key.strip_prefix(&self.prefix) {
                object.key = key.to_owned();
            }
        }
        Ok(page)
    }

    async fn sign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl> {
        self.inner.sign_get(&self.key(key)?, expires_secs).await
    }

    async fn sign_put(
        &self,
        key: &Key,
        expires_secs: u32,
        signed: &Attributes,
    ) -> Result<SignedUrl> {
        self.inner
            .sign_put(&self.key(key)?, expires_secs, signed)
            .await
    }

    fn public_url(&self, key: &Key) -> Option<SignedUrl> {
        self.inner.public_url(&self.key(key).ok()?)
    }

    async fn make_private(&self, key: &Key) -> Result<()> {
        self.inner.make_private(&self.key(key)?).await
    }

    async fn seal(&self, key: &Key, until: DateTime<Utc>) -> Result<Seal> {
        self.inner.seal(&self.key(key)?, until).await
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }

    async fn ensure(&self) -> Result<()> {
        self.inner.ensure().await
    }

    fn origin(&self) -> Origin {
        match self.inner.origin() {
            Origin::S3 {
                service,
                bucket,
                prefix,
            } => Origin::S3 {
                service,
                bucket,
                prefix: format!("{prefix}{}", self.prefix),
            },
            local @ Origin::Local { .. } => local,
        }
    }
}
