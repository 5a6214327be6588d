// SPDX-License-Identifier: MPL-2.0
//! The cache of one process: bounded by bytes, the least recently used entry goes first.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::future::Cache as Moka;
use moka::policy::EvictionPolicy;
use releng_common::{Error, Kind, Result};
use tokio::sync::{Mutex, MutexGuard};

use crate::fence::{Fence, Mark};
use crate::options::Options;
use crate::{Cache, ttl};

/// Bytes that an entry is taken to need besides key and value: map slot, list nodes, allocations.
const ENTRY_OVERHEAD_BYTES: usize = 160;

/// Number of locks that writers share out by key. Two keys on one lock wait for each other and see
/// each other's deletions, which costs a load and never an answer.
const STRIPES: usize = 256;

/// Entries of at least this part of the capacity are settled at once. The eviction of others lags
/// behind by a few hundred writes.
const SETTLE_AT_ONCE: u64 = 1024;

/// A cache in the memory of this process.
pub struct MemoryCache {
    entries: Moka<String, Entry>,
    /// Each guards the writes to its keys and counts the deletions among them.
    stripes: Vec<Mutex<u64>>,
    hasher: RandomState,
    max_bytes: u64,
    max_entry_bytes: usize,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    expires_at: Option<Instant>,
}

/// Expires an entry at the moment that it carries, so that a new value can keep the old moment.
struct ByEntry;

impl Expiry<String, Entry> for ByEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry, at: Instant) -> Option<Duration> {
        entry
            .expires_at
            .map(|end| end.saturating_duration_since(at))
    }

    fn expire_after_update(
        &self,
        _: &String,
        entry: &Entry,
        at: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        entry
            .expires_at
            .map(|end| end.saturating_duration_since(at))
    }
}

impl MemoryCache {
    /// Creates an empty cache of at most `max_bytes`. Of the options only `max_entry_bytes`
    /// matters.
    pub fn new(max_bytes: u64, options: &Options) -> Self {
        let entries = Moka::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &String, entry: &Entry| {
                u32::try_from(weight(key, &entry.value)).unwrap_or(u32::MAX)
            })
            // The default policy refuses newcomers in favour of popular entries, and a guard of the
            // kind "once per 24 h" would be forgotten as soon as it is set.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ByEntry)
            .build();
        Self {
            entries,
            stripes: (0..STRIPES).map(|_| Mutex::new(0)).collect(),
            hasher: RandomState::new(),
            max_bytes,
            max_entry_bytes: options.max_entry_bytes,
        }
    }

    /// Returns the bytes in use, for a gauge.
    pub async fn size_bytes(&self) -> u64 {
        self.entries.run_pending_tasks().await;
        self.entries.weighted_size()
    }

    async fn lock(&self, key: &str) -> MutexGuard<'_, u64> {
        let count = u64::try_from(STRIPES).unwrap_or(1);
        let index = usize::try_from(self.hasher.hash_one(key) % count).unwrap_or(0);
        #[expect(
            clippy::indexing_slicing,
            reason = "there are STRIPES locks and index is below"
        )]
        self.stripes[index].lock().await
    }

    /// Stores an entry and says whether it was small enough; the caller holds the lock of the key.
    /// One that is too large ends the old one all the same: an outdated value must not stay.
    async fn put(&self, key: &str, value: Bytes, expires_at: Option<Instant>) -> bool {
        let weight = u64::try_from(weight(key, &value)).unwrap_or(u64::MAX);
        if key.len().saturating_add(value.len()) > self.max_entry_bytes || weight > self.max_bytes {
            self.entries.invalidate(key).await;
            return false;
        }
        self.entries
            .insert(key.to_owned(), Entry { value, expires_at })
            .await;
        if weight >= self.max_bytes / SETTLE_AT_ONCE {
            self.entries.run_pending_tasks().await;
        }
        true
    }
}

fn weight(key: &str, value: &Bytes) -> usize {
    key.len()
        .saturating_add(value.len())
        .saturating_add(ENTRY_OVERHEAD_BYTES)
}

fn expires_at(ttl: Option<Duration>) -> Option<Instant> {
    ttl.and_then(|ttl| Instant::now().checked_add(Duration::from_millis(ttl::millis(ttl))))
}

/// Reads a counter as Redis would: the digits of a signed 64-bit number.
fn next_count(key: &str, value: &Bytes) -> Result<u64> {
    let digits = std::str::from_utf8(value).ok();
    let next = digits
        .and_then(|text| text.parse::<i64>().ok())
        .and_then(|n| n.checked_add(1));
    next.and_then(|n| u64::try_from(n).ok())
        .ok_or_else(|| no_count(key))
}

/// Returns the error for a counter whose value is none.
pub(crate) fn no_count(key: &str) -> Error {
    Error::new(
        Kind::Conflict,
        format!("cache key `{key}` holds no count that can grow"),
    )
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.entries.get(key).await.map(|entry| entry.value))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<()> {
        let _lock = self.lock(key).await;
        self.put(key, value, expires_at(ttl)).await;
        Ok(())
    }

    async fn delete(&self, keys: &[&str]) -> Result<()> {
        for key in keys {
            let mut deletions = self.lock(key).await;
            *deletions = deletions.wrapping_add(1);
            self.entries.invalidate(*key).await;
        }
        Ok(())
    }

    async fn set_if_absent(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<bool> {
        let _lock = self.lock(key).await;
        if self.entries.get(key).await.is_some() {
            return Ok(false);
        }
        self.put(key, value, expires_at(ttl)).await;
        Ok(true)
    }

    async fn incr(&self, key: &str, ttl: Option<Duration>) -> Result<u64> {
        let _lock = self.lock(key).await;
        let (count, expires_at) = match self.entries.get(key).await {
            Some(entry) => (next_count(key, &entry.value)?, entry.expires_at),
            None => (1, expires_at(ttl)),
        };
        self.put(key, Bytes::from(count.to_string()), expires_at)
            .await;
        Ok(count)
    }

    async fn get_fenced(&self, key: &str) -> Result<(Option<Bytes>, Fence)> {
        let deletions = self.lock(key).await;
        let fence = Fence::new(Mark::Local(*deletions), Instant::now());
        drop(deletions);
        Ok((self.get(key).await?, fence))
    }

    async fn set_fenced(
        &self,
        key: &str,
        value: Bytes,
        ttl: Option<Duration>,
        fence: &Fence,
    ) -> Result<bool> {
        let deletions = self.lock(key).await;
        let is_current = *fence.mark() == Mark::Local(*deletions) && !fence.is_too_old();
        if !is_current || self.entries.get(key).await.is_some() {
            return Ok(false);
        }
        Ok(self.put(key, value, expires_at(ttl)).await)
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
