// SPDX-License-Identifier: MPL-2.0
//! From an address to a store.

use std::sync::Arc;

use releng_common::{Clock, Result};

use crate::local::{self, LocalStore};
use crate::measured::Measured;
use crate::prefixed::Prefixed;
use crate::s3::{self, S3Store};
use crate::{Location, Store};

/// How stores are opened. All limits have the defaults that their fields name.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name in logs, in metrics and, for a folder, in the path of its signed URLs. Two stores
    /// of a process need two names. Letters, digits and `-_.`, at most 63.
    pub name: String,
    /// Where the time comes from.
    pub clock: Clock,
    /// Limits of folders.
    pub local: local::Limits,
    /// Credentials, time-outs and sizes for buckets.
    pub s3: s3::Options,
}

impl Options {
    /// Creates options with all defaults.
    pub fn new(name: impl Into<String>, clock: Clock) -> Self {
        Self {
            name: name.into(),
            clock,
            local: local::Limits::default(),
            s3: s3::Options::default(),
        }
    }
}

/// A store that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The store, measured.
    pub store: Store,
    /// Set when it is a folder: what [`local::http::configure`] serves.
    pub local: Option<LocalStore>,
}

/// Opens the store at an address. A folder is created when it does not exist; a bucket is not
/// touched (see [`crate::BlobStore::check`] and [`crate::BlobStore::ensure`]).
///
/// # Errors
/// `InvalidInput` when an option breaks a rule, `Unavailable` when the folder cannot be used.
pub async fn open(location: &Location, options: &Options) -> Result<Opened> {
    let (store, local): (Store, _) = match location {
        Location::Local(at) => {
            let store = LocalStore::open(at, options).await?;
            (Arc::new(store.clone()), Some(store))
        }
        Location::S3(at) => (Arc::new(S3Store::open(at, options).await?), None),
    };
    let prefix = location.prefix();
    let store = if prefix.is_empty() {
        store
    } else {
        Arc::new(Prefixed::new(store, prefix))
    };
    Ok(Opened {
        store: Arc::new(Measured::new(store)),
        local,
    })
}
