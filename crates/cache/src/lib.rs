// SPDX-License-Identifier: MPL-2.0
//! Bounded caches behind one trait: in process or in Redis. Nothing here is a source of truth: any
//! entry may vanish at any moment, and callers work, slower, with an empty cache.
//!
//! Redis over TLS (`rediss://`) needs a rustls provider installed for the process before the first
//! connection; `releng_common::run` does it, other programs call
//! `rustls::crypto::aws_lc_rs::default_provider().install_default()` themselves.

mod fence;
mod flight;
mod memory;
mod options;
mod redis;
pub mod suite;
mod ttl;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use releng_common::Result;

pub use crate::fence::{FENCE_LIFE, Fence};
pub use crate::flight::SingleFlight;
pub use crate::memory::MemoryCache;
pub use crate::options::{Options, open};
pub use crate::redis::RedisCache;

/// A cache that services share between tasks as [`Handle`].
///
/// A backend that ignores faults (the default) answers as if the entry were absent when it cannot
/// reach its server: `get` says `None`, `set_if_absent` says `true`, `incr` says 1. Otherwise the
/// fault is an error of kind `Unavailable`. A time to live counts from now; it is rounded up to a
/// millisecond and cut at ten years, `None` means until evicted. An entry larger than
/// [`Options::max_entry_bytes`] is not kept.
#[async_trait]
pub trait Cache: fmt::Debug + Send + Sync {
    /// Returns the value of a key, or `None` when it is absent or expired.
    async fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// Stores a value and its new time to live, whatever was there.
    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<()>;

    /// Removes keys; absent ones are fine. Loads that began before do not bring them back, see
    /// [`Cache::set_fenced`]. A removal that a fault prevents is made up for before this process
    /// reads again.
    async fn delete(&self, keys: &[&str]) -> Result<()>;

    /// Stores a value only if the key is absent, and says whether it did. For guards of the kind
    /// "once per 24 h": of many concurrent callers one gets `true`.
    async fn set_if_absent(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<bool>;

    /// Adds one to a counter and returns the new count. The first call creates it and starts its
    /// time to live; later calls leave that alone. A value that is no count is an error of kind
    /// `Conflict`.
    async fn incr(&self, key: &str, ttl: Option<Duration>) -> Result<u64>;

    /// Returns what `get` does and a mark of the moment, to be handed to [`Cache::set_fenced`].
    async fn get_fenced(&self, key: &str) -> Result<(Option<Bytes>, Fence)>;

    /// Stores a value if the key is absent and was not deleted since the fence was taken, by this
    /// process or another; says whether it did. Without it a slow load would store what it read
    /// before a change over the invalidation that the change made.
    async fn set_fenced(
        &self,
        key: &str,
        value: Bytes,
        ttl: Option<Duration>,
        fence: &Fence,
    ) -> Result<bool>;

    /// Asks the backend whether it works, for heartbeats. Reports faults even where all other calls
    /// ignore them.
    async fn check(&self) -> Result<()>;
}

/// A shared cache.
pub type Handle = Arc<dyn Cache>;
