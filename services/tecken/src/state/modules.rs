// SPDX-License-Identifier: MPL-2.0
//! Modules whose symbols are at hand, bounded by bytes; pages of their indexes are kept apart. Uploads leave a mark per module in the shared
//! cache; an entry holds the mark that it was loaded under and is loaded again when it differs.
//! Uploads of this process are seen at once, those of others within a second (D-54): the records of
//! uploads tell of them where the processes share no cache, and of those that ended half way.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use releng_cache::Handle;
use releng_common::{Clock, Error, Result};
use releng_store::Key;
use releng_symbols::ModuleKey;
use releng_symbols::parse::Unit;
use uuid::Uuid;

use super::module::{Module, StoredIndex};
use super::news::{FileRecord, Known, News};
use super::sources::Source;

/// Longest life of an entry; shorter than that of a mark, so that no mark is forgotten unseen.
const ENTRY_LIFE: Duration = Duration::from_secs(24 * 3600);
const MARK_LIFE: Duration = Duration::from_secs(48 * 3600);
/// Microseconds for which a mark is not asked for again.
const TRUST_MICROS: i64 = 1_000_000;
/// Loads for one answer, should uploads come in between again and again.
const TRIES: u32 = 3;

/// Indexes that are on the disk without a name, for a process that may keep none there, at most.
const NAMELESS: u64 = 4;

/// Versions of indexes in stores that are remembered as bad.
const MAX_BAD: u64 = 10_000;

/// What became of the search for a module.
#[derive(Debug)]
pub struct Loaded {
    /// The symbols, or why there are none.
    pub found: Found,
    /// Bytes of the symbol files that were looked at, unpacked.
    pub file_bytes: u64,
    /// Symbol files, or indexes of them, that were opened in a store.
    pub downloads: u64,
}

/// The symbols of a module, or why there are none.
#[derive(Clone, Debug)]
pub enum Found {
    /// The symbols.
    Module(Arc<Module>),
    /// No store has a file for the module.
    NotFound,
    /// The file is not a symbol file, or damaged.
    Corrupt,
    /// The file exceeds a limit.
    TooLarge {
        /// What is limited.
        unit: Unit,
        /// The limit.
        limit: u64,
    },
}

impl Found {
    /// Returns the symbols, if there are any.
    pub fn module(&self) -> Option<&Arc<Module>> {
        match self {
            Self::Module(module) => Some(module),
            Self::NotFound | Self::Corrupt | Self::TooLarge { .. } => None,
        }
    }
}

#[derive(Debug)]
struct Entry {
    loaded: Loaded,
    mark: Option<Bytes>,
    loaded_at: DateTime<Utc>,
    /// Changes by uploads before the load, and when that began.
    news: (u64, Instant),
    /// Uploads of this process that the entry is known to have survived.
    epoch: AtomicU64,
    checked_at: AtomicI64,
}

/// The symbols of many modules.
pub struct Modules {
    entries: Cache<ModuleKey, Arc<Entry>>,
    shared: Handle,
    clock: Clock,
    negative_ttl_secs: i64,
    epoch: AtomicU64,
    /// What uploads change.
    pub news: News,
    /// Tags of indexes in stores that turned out to be damaged.
    bad: Cache<String, ()>,
}

/// Weighs a module again whose symbols have moved.
#[derive(Clone, Debug)]
pub struct Scales(Cache<ModuleKey, Arc<Entry>>);

impl Scales {
    /// Does it, unless the module is no longer the one that is held.
    pub async fn weigh(&self, key: &ModuleKey, module: &Arc<Module>) {
        if let Some(entry) = self.0.get(key).await
            && entry
                .loaded
                .found
                .module()
                .is_some_and(|m| Arc::ptr_eq(m, module))
        {
            // Should an upload come in between, the mark tells that the entry is an old one.
            self.0.insert(key.clone(), entry).await;
        }
    }
}

/// A view of a module's symbols that keeps them alive.
#[derive(Clone, Debug)]
pub struct Held(Arc<Entry>);

impl std::ops::Deref for Held {
    type Target = Loaded;

    fn deref(&self) -> &Loaded {
        &self.0.loaded
    }
}

impl Modules {
    pub(super) fn new(
        shared: Handle,
        clock: Clock,
        max_bytes: u64,
        negative_ttl_secs: i64,
    ) -> Self {
        // What was used longest ago leaves, and nothing is too large to stay for a while, if need be
        // alone: where no disk keeps an index it would be made for every request.
        let entries = Cache::builder()
            .max_capacity(max_bytes / 1024)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_, entry: &Arc<Entry>| {
                let module = entry.loaded.found.module();
                let (memory, disk) = module.map_or((0, 0), |module| module.held_bytes());
                // Nameless files are bounded in their number.
                let bytes = memory.saturating_add(disk.min(max_bytes / NAMELESS));
                let units = (bytes / 1024 + 1).min((max_bytes / 1024).max(1));
                u32::try_from(units).unwrap_or(u32::MAX)
            })
            .time_to_live(ENTRY_LIFE)
            .build();
        Self {
            entries,
            shared,
            clock,
            negative_ttl_secs,
            epoch: AtomicU64::new(0),
            news: News::default(),
            bad: Cache::builder()
                .max_capacity(MAX_BAD)
                .time_to_live(ENTRY_LIFE)
                .build(),
        }
    }

    /// Returns what weighs modules again.
    pub fn scales(&self) -> Scales {
        Scales(self.entries.clone())
    }

    /// Looks a module up anew next time, unless that was done since.
    pub async fn discard(&self, key: &ModuleKey, held: &Held) {
        if let Some(entry) = self.entries.get(key).await
            && Arc::ptr_eq(&entry, &held.0)
        {
            self.entries.invalidate(key).await;
        }
    }

    /// Remembers that a version of an index in a store is damaged.
    pub async fn distrust(&self, index: &StoredIndex) {
        let name = version_name(&index.source, &index.key, &index.etag);
        self.bad.insert(name, ()).await;
    }

    /// Tells whether it is.
    pub fn is_bad(&self, source: &Source, key: &Key, etag: &str) -> bool {
        self.bad.contains_key(&version_name(source, key, etag))
    }

    /// Returns a module that needs no loading.
    ///
    /// # Errors
    /// The shared cache fails and may not be ignored.
    pub async fn at_hand(&self, key: &ModuleKey) -> Result<Option<Held>> {
        match self.entries.get(key).await {
            Some(entry) if self.is_current(key, &entry).await? => Ok(Some(Held(entry))),
            _ => Ok(None),
        }
    }

    /// Returns a module, loading it when it is not there; of many callers one loads. The flag tells
    /// whether this caller did.
    ///
    /// # Errors
    /// Those of `load`; they are not kept.
    pub async fn get<L, F>(&self, key: &ModuleKey, load: L) -> Result<(Held, bool)>
    where
        L: Fn() -> F,
        F: Future<Output = Result<Loaded>>,
    {
        let mut tries = 1;
        loop {
            if let Some(entry) = self.entries.get(key).await {
                if self.is_current(key, &entry).await? {
                    return Ok((Held(entry), false));
                }
                self.entries.invalidate(key).await;
            }
            let loading = self.load(key, &load);
            let found = self
                .entries
                .entry_by_ref(key)
                .or_try_insert_with(loading)
                .await;
            let found = found.map_err(|e| share(&e))?;
            let is_ours = found.is_fresh();
            let entry = found.into_value();
            if is_ours || tries >= TRIES || self.is_current(key, &entry).await? {
                return Ok((Held(entry), is_ours));
            }
            tries += 1;
        }
    }

    /// Forgets modules that were uploaded, here and in all other processes.
    ///
    /// # Errors
    /// The shared cache fails and may not be ignored.
    pub async fn forget(&self, keys: &[ModuleKey]) -> Result<()> {
        for key in keys {
            let mark = Bytes::from(Uuid::new_v4().simple().to_string());
            self.shared
                .set(&mark_name(key), mark, Some(MARK_LIFE))
                .await?;
        }
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.news.hurry();
        for key in keys {
            self.entries.invalidate(key).await;
        }
        Ok(())
    }

    /// Forgets modules that records of uploads tell to have changed. Nothing: they cannot be read.
    /// Returns the records of files that changed.
    pub async fn learn(
        &self,
        known: &mut Known,
        records: Option<Vec<FileRecord>>,
        began: Instant,
    ) -> Vec<FileRecord> {
        let changed = self.news.note(known, records, began);
        for key in changed.iter().filter_map(FileRecord::module) {
            self.entries.invalidate(&key).await;
        }
        changed
    }

    async fn load<L, F>(&self, key: &ModuleKey, load: &L) -> Result<Arc<Entry>>
    where
        L: Fn() -> F,
        F: Future<Output = Result<Loaded>>,
    {
        // Both before the store is read: an upload during the load makes the entry stale.
        let epoch = self.epoch.load(Ordering::SeqCst);
        let news = (self.news.count(), Instant::now());
        let mark = self.shared.get(&mark_name(key)).await?;
        let loaded = load().await?;
        let now = self.clock.now();
        Ok(Arc::new(Entry {
            loaded,
            mark,
            loaded_at: now,
            news,
            epoch: AtomicU64::new(epoch),
            checked_at: AtomicI64::new(now.timestamp_micros()),
        }))
    }

    async fn is_current(&self, key: &ModuleKey, entry: &Entry) -> Result<bool> {
        let now = self.clock.now();
        let age = now.signed_duration_since(entry.loaded_at);
        if entry.loaded.found.module().is_none() && age.num_seconds() >= self.negative_ttl_secs {
            return Ok(false);
        }
        let (count, read_at) = entry.news;
        if !self.news.is_current(key, count, read_at.elapsed()) {
            return Ok(false);
        }
        let epoch = self.epoch.load(Ordering::SeqCst);
        let since_check = now.timestamp_micros() - entry.checked_at.load(Ordering::SeqCst);
        if entry.epoch.load(Ordering::SeqCst) == epoch && since_check < TRUST_MICROS {
            return Ok(true);
        }
        if self.shared.get(&mark_name(key)).await? != entry.mark {
            return Ok(false);
        }
        entry.epoch.store(epoch, Ordering::SeqCst);
        entry
            .checked_at
            .store(now.timestamp_micros(), Ordering::SeqCst);
        Ok(true)
    }
}

fn version_name(source: &Source, key: &Key, etag: &str) -> String {
    format!("{}\n{key}\n{etag}", source.place.location)
}

/// Marks know no list of locations: what they end is in the memory of processes, which each have
/// one list for life, and an upload concerns all lists.
fn mark_name(key: &ModuleKey) -> String {
    format!("mark:{}/{}", key.debug_file(), key.debug_id())
}

/// Returns an error for one of several callers that waited for the same load.
fn share(error: &Arc<Error>) -> Error {
    let copy = Error::new(error.kind(), error.message().to_owned()).with_source(error.chain());
    match error.retry_after_secs() {
        Some(seconds) => copy.with_retry_after(seconds),
        None => copy,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use releng_symbols::index::{BuildOptions, Index, build};

    use super::super::index_folder::IndexName;
    use super::super::module::Place;
    use super::*;

    fn modules(max_bytes: u64) -> Modules {
        let shared = Arc::new(releng_cache::MemoryCache::new(
            1 << 20,
            &releng_cache::Options::default(),
        ));
        Modules::new(shared, Clock::system(), max_bytes, 60)
    }

    fn key(number: usize) -> ModuleKey {
        ModuleKey::parse(&format!("demo{number}.pdb"), "AB").unwrap()
    }

    /// A module whose index is in memory and has at least so many bytes.
    fn module(bytes: usize) -> Loaded {
        let mut index = Vec::new();
        build(
            &b"MODULE a b c d\n"[..],
            &mut index,
            &BuildOptions::default(),
        )
        .unwrap();
        let opened = Arc::new(Index::open(&index).unwrap());
        index.resize(bytes, 0);
        let place = Place::Memory(opened, index.into());
        let module = Module::new(IndexName::of("a", "b", "c"), 1, place);
        Loaded {
            found: Found::Module(Arc::new(module)),
            file_bytes: 1,
            downloads: 1,
        }
    }

    #[tokio::test]
    async fn a_module_larger_than_the_bound_stays_alone_and_smaller_ones_are_bounded() {
        let modules = modules(64 << 10);
        let loads = Cell::new(0);
        let load = async |number: usize, bytes: usize| {
            let loading = || async {
                loads.set(loads.get() + 1);
                Ok(module(bytes))
            };
            let held = modules.get(&key(number), loading).await.unwrap();
            modules.entries.run_pending_tasks().await;
            held
        };
        for _ in 0..3 {
            load(0, 1 << 20).await;
        }
        assert_eq!(loads.get(), 1);
        for number in 1..=10 {
            load(number, 16 << 10).await;
        }
        assert_eq!(loads.get(), 11);
        assert!(modules.entries.weighted_size() <= 64);
        assert!(modules.at_hand(&key(10)).await.unwrap().is_some());
        assert!(modules.at_hand(&key(0)).await.unwrap().is_none());
    }
}
