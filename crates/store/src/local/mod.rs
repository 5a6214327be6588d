// SPDX-License-Identifier: MPL-2.0
//! A store in a folder of this machine, with signed URLs that a service serves itself
//! ([`http::configure`]). Several processes may use one folder.
//!
//! Below the folder are `objects/` (see `layout`), `tmp/` (puts on their way), `secret.key`, with
//! which URLs are signed, and two empty files for locks (see `shape`). A put is written to `tmp/`,
//! synced, renamed into `objects/`, and the folder synced, before anybody is told that it is done.

mod folders;
pub(crate) mod format;
pub mod http;
mod incoming;
mod layout;
mod listing;
mod seal;
mod secret;
mod shape;
mod signature;
mod temporary;

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use releng_common::{Clock, Error, Result};
use tokio::sync::Semaphore;

use crate::attributes::DEFAULT_CONTENT_TYPE;
use crate::location::LocalLocation;
use crate::stream::{Source, blocking, file_range};
use crate::transfer::copy_bytes;
use crate::{
    Attributes, BlobStore, Body, ByteRange, ByteStream, Key, Meta, Object, Options, Origin, Page,
    Seal, SignedUrl,
};
use folders::Folders;
use incoming::{Announced, Received};
use secret::Secret;
use temporary::Temporary;

/// Bounds of a folder store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest object. Default 5 GiB, the bound of one PUT to S3.
    pub max_object_bytes: u64,
    /// Seconds that a client may pause while it sends an object through a signed URL. Default 60.
    pub put_idle_secs: u32,
    /// PUTs through signed URLs that run at the same time; further ones get 503. Default 64.
    pub max_uploads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_object_bytes: 5 * 1024 * 1024 * 1024,
            put_idle_secs: 60,
            max_uploads: 64,
        }
    }
}

/// Objects in a folder. Clones share it.
#[derive(Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    folders: Folders,
    secret: Secret,
    public_prefix: Option<String>,
    limits: Limits,
    clock: Clock,
    uploads: Arc<Semaphore>,
}

/// An object that was found, still unread.
pub(crate) struct Found {
    pub(crate) meta: Meta,
    file: Arc<File>,
}

impl Found {
    pub(crate) fn stream(&self, range: std::ops::Range<u64>) -> ByteStream {
        file_range(Arc::clone(&self.file), range)
    }
}

impl LocalStore {
    /// Opens a folder, creates it when it does not exist, and removes what crashed puts left.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot stand in a path, `Unavailable` when the folder cannot
    /// be used.
    pub async fn open(location: &LocalLocation, options: &Options) -> Result<Self> {
        check_name(&options.name)?;
        let root = location.root.clone();
        let (folders, secret) = blocking(move || {
            let prepare = || {
                fs::create_dir_all(&root)?;
                let folders = Folders::open(&fs::canonicalize(&root)?)?;
                temporary::sweep(folders.temporary())?;
                let secret = Secret::load_or_create(&folders)?;
                Ok((folders, secret))
            };
            prepare().map_err(|e: io::Error| {
                let path = root.display();
                Error::unavailable(format!("the store folder {path} cannot be used")).with_source(e)
            })
        })
        .await?;
        Ok(Self {
            inner: Arc::new(Inner {
                name: options.name.clone(),
                folders,
                secret,
                public_prefix: location.is_public.then(|| location.prefix.clone()),
                limits: options.local.clone(),
                clock: options.clock.clone(),
                uploads: Arc::new(Semaphore::new(options.local.max_uploads)),
            }),
        })
    }

    /// Returns the folder, absolute.
    pub fn root(&self) -> &Path {
        self.inner.folders.root()
    }

    /// Tells whether anybody may read this key.
    pub(crate) fn is_public(&self, key: &Key) -> bool {
        let prefix = self.inner.public_prefix.as_deref();
        prefix.is_some_and(|prefix| key.as_str().starts_with(prefix))
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn uploads(&self) -> &Arc<Semaphore> {
        &self.inner.uploads
    }

    /// Finds an object.
    pub(crate) async fn find(&self, key: &Key) -> Result<Option<Found>> {
        let inner = Arc::clone(&self.inner);
        let key = key.clone();
        blocking(move || {
            let read = || -> io::Result<Found> {
                let file = File::open(inner.folders.object(&key))?;
                let meta = format::read(&file)?.into_meta();
                Ok(Found {
                    meta,
                    file: Arc::new(file),
                })
            };
            match read() {
                Ok(found) => Ok(Some(found)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(fault(e)),
            }
        })
        .await
    }

    /// Takes the bytes of a put. The stream need not be `Send`.
    pub(crate) async fn receive<S>(&self, stream: S, announced: Announced) -> Result<Received>
    where
        S: Stream<Item = io::Result<bytes::Bytes>> + Unpin,
    {
        let limit = self.inner.limits.max_object_bytes;
        Received::from_stream(self.inner.folders.temporary(), stream, announced, limit).await
    }

    /// Makes received bytes the object of a key. `url_ends`: they came through a URL that ended then.
    /// `None`: the object is sealed against that URL.
    pub(crate) async fn commit(
        &self,
        key: &Key,
        received: Received,
        attributes: Attributes,
        url_ends: Option<DateTime<Utc>>,
    ) -> Result<Option<Meta>> {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        blocking(move || {
            let now = inner.clock.now();
            received
                .commit(&inner.folders, &key, attributes, now, url_ends)
                .map_err(fault)
        })
        .await
    }
}

/// Returns the error for a folder that fails.
fn fault(cause: io::Error) -> Error {
    if cause.kind() == io::ErrorKind::InvalidData {
        return Error::internal("an object of the local store cannot be read").with_source(cause);
    }
    Error::unavailable("the object store cannot be used").with_source(cause)
}

fn check_name(name: &str) -> Result<()> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_dots = name.chars().all(|c| c == '.');
    if name.is_empty() || name.len() > 63 || is_dots || !name.chars().all(is_fine) {
        return Err(Error::invalid(format!(
            "the store name {name:?} must be 1 to 63 letters, digits and -_."
        )));
    }
    Ok(())
}

#[async_trait]
impl BlobStore for LocalStore {
    fn name(&self) -> &str {
        &self.inner.name
    }

    async fn head(&self, key: &Key) -> Result<Option<Meta>> {
        Ok(self.find(key).await?.map(|found| found.meta))
    }

    async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Option<Object>> {
        let Some(found) = self.find(key).await? else {
            return Ok(None);
        };
        let size = found.meta.size;
        let range = match range {
            None => 0..size,
            Some(part) => part.within(size).ok_or_else(|| part.outside())?,
        };
        let stream = found.stream(range.clone());
        Ok(Some(Object {
            meta: found.meta,
            range,
            stream,
        }))
    }

    async fn put(&self, key: &Key, body: Body, attributes: &Attributes) -> Result<Meta> {
        let mut attributes = attributes.checked()?;
        attributes
            .content_type
            .get_or_insert_with(|| DEFAULT_CONTENT_TYPE.to_owned());
        let source = Source::open(body).await?;
        let announced = Announced {
            length: source.length,
            md5: None,
        };
        let received = self.receive(source.stream, announced).await?;
        let placed = self.commit(key, received, attributes, None).await?;
        placed.ok_or_else(|| Error::internal("a put of our own was held back"))
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Option<Meta>> {
        copy_bytes(self, from, self, to).await
    }

    async fn copy_from(
        &self,
        source: &dyn BlobStore,
        from: &Key,
        to: &Key,
    ) -> Result<Option<Meta>> {
        copy_bytes(source, from, self, to).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let key = key.clone();
        blocking(move || inner.folders.remove(&key).map_err(fault)).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        let inner = Arc::clone(&self.inner);
        let query = listing::Query::new(prefix, start_after, limit);
        blocking(move || query.run(inner.folders.objects()).map_err(fault)).await
    }

    async fn sign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl> {
        let expires_at = signature::expires_at(&self.inner.clock, expires_secs)?;
        Ok(self.signed_url("GET", key, expires_at, &Attributes::default()))
    }

    async fn sign_put(
        &self,
        key: &Key,
        expires_secs: u32,
        signed: &Attributes,
    ) -> Result<SignedUrl> {
        let expires_at = signature::expires_at(&self.inner.clock, expires_secs)?;
        Ok(self.signed_url("PUT", key, expires_at, &signed.checked()?))
    }

    fn public_url(&self, key: &Key) -> Option<SignedUrl> {
        self.is_public(key)
            .then(|| SignedUrl::Path(self.path_of(key).finish(&[])))
    }

    async fn make_private(&self, _key: &Key) -> Result<()> {
        Ok(())
    }

    async fn seal(&self, key: &Key, until: DateTime<Utc>) -> Result<Seal> {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        let is_there =
            blocking(move || seal::seal(&inner.folders.object(&key), until.into()).map_err(fault))
                .await?;
        Ok(if is_there { Seal::Done } else { Seal::Absent })
    }

    async fn check(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let probe = || {
                Temporary::create(inner.folders.temporary())?
                    .file()
                    .sync_all()
            };
            probe().map_err(fault)
        })
        .await
    }

    async fn ensure(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.folders.create().map_err(fault)).await
    }

    fn origin(&self) -> Origin {
        Origin::Local {
            root: self.root().to_owned(),
        }
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStore")
            .field("name", &self.inner.name)
            .field("root", &self.root())
            .finish()
    }
}
