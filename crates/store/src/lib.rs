// SPDX-License-Identifier: MPL-2.0
//! Object storage: one trait, [`BlobStore`], over S3 and over a local folder that behaves like S3,
//! signed URLs included. What the objects mean is the business of the services.

mod attributes;
mod expiry;
pub mod integrity;
pub mod key;
pub mod local;
pub mod location;
pub mod measured;
pub mod object;
mod open;
pub mod prefixed;
pub mod s3;
mod stream;
#[cfg(feature = "testing")]
pub mod suite;
mod transfer;
mod url_path;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use releng_common::Result;

pub use integrity::sha512_of;
pub use key::Key;
pub use location::Location;
pub use object::{
    Attributes, Body, ByteRange, ByteStream, Listed, Meta, Object, Origin, Page, Seal, SignedUrl,
};
pub use open::{Opened, Options, open};

/// A store that is shared by everything in a process.
pub type Store = Arc<dyn BlobStore>;

/// Most entries on one page of [`BlobStore::list`].
pub const PAGE_MAX: usize = 1000;

/// Longest life of a signed URL in seconds: seven days, the bound of S3.
pub const EXPIRES_MAX_SECS: u32 = 7 * 24 * 3600;

/// A flat set of objects under keys, as a bucket of S3 is one.
///
/// Absence is a value (`None`), never an error. Every error of kind `Unavailable` means that the
/// store could not be asked: nobody may conclude from it that an object does not exist.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync {
    /// Returns the name under which logs and metrics know this store.
    fn name(&self) -> &str;

    /// Returns what the store knows of an object, without its bytes.
    async fn head(&self, key: &Key) -> Result<Option<Meta>>;

    /// Opens an object, or a part of it, for reading. Metadata and bytes are of one version.
    ///
    /// # Errors
    /// `InvalidInput` when no byte of the range lies inside the object.
    async fn get(&self, key: &Key, range: Option<ByteRange>) -> Result<Option<Object>>;

    /// Writes an object and returns when it is safe. Readers see the old or the new one, whole;
    /// a body that fails half way leaves the old one.
    ///
    /// # Errors
    /// `InvalidInput` when an attribute breaks a rule or the body is not as long as announced,
    /// `TooLarge` when it exceeds the limit of the store, `Unavailable` when it breaks off.
    async fn put(&self, key: &Key, body: Body, attributes: &Attributes) -> Result<Meta>;

    /// Copies an object with its attributes inside this store. `None`: there is nothing at `from`.
    async fn copy(&self, from: &Key, to: &Key) -> Result<Option<Meta>>;

    /// Copies an object of another store into this one, without moving the bytes through this
    /// process where both are buckets of one S3 service. `None`: there is nothing at `from`.
    async fn copy_from(&self, source: &dyn BlobStore, from: &Key, to: &Key)
    -> Result<Option<Meta>>;

    /// Removes an object. One that does not exist is fine.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Returns the objects whose keys begin with `prefix` and are greater than `start_after`, in
    /// byte order of their keys, at most `limit` and at most [`PAGE_MAX`].
    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page>;

    /// Returns a URL with which anybody may GET the object for some seconds, HEAD excluded.
    async fn sign_get(&self, key: &Key, expires_secs: u32) -> Result<SignedUrl>;

    /// Returns a URL with which anybody may PUT the object for some seconds. The client must send
    /// exactly the headers that follow from `signed`: `content-type`, `content-encoding`,
    /// `cache-control` and `x-amz-meta-…`.
    async fn sign_put(
        &self,
        key: &Key,
        expires_secs: u32,
        signed: &Attributes,
    ) -> Result<SignedUrl>;

    /// Returns the address that needs no signature, percent-encoded. `None`: the store is private.
    fn public_url(&self, key: &Key) -> Option<SignedUrl>;

    /// Takes back rights that the writer of an object may have given to others (tooltool verifies
    /// uploads that came through signed URLs). Stores without such rights do nothing.
    async fn make_private(&self, key: &Key) -> Result<()>;

    /// From now on refuses to let PUTs through signed URLs that ended by `until` replace this version
    /// of an object: such a PUT may have begun in time and still be on its way. A URL that ends later
    /// replaces it, and what it writes is not sealed. Stores that cannot do this say so.
    async fn seal(&self, _key: &Key, _until: DateTime<Utc>) -> Result<Seal> {
        Ok(Seal::Unsupported)
    }

    /// Asks the store whether it can be used, for heartbeats.
    ///
    /// # Errors
    /// `NotFound` when the store answers that there is no such bucket, else `Unavailable`.
    async fn check(&self) -> Result<()>;

    /// Creates the bucket or the folder when it does not exist (development and tests).
    async fn ensure(&self) -> Result<()>;

    /// Returns where the objects are, so that another store can tell whether a copy can be made
    /// without moving bytes.
    fn origin(&self) -> Origin;
}
