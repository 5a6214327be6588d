// SPDX-License-Identifier: MPL-2.0
//! Unpacked pages of all indexes, bounded by their bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::page::Page;
use crate::number::{index, wide};

/// Parts of the cache with a lock each.
const SHARDS: usize = 16;
/// What an entry takes beside its page.
const ENTRY_BYTES: usize = 64;

/// A page of an index: number of the index in this process, number of the page.
pub(crate) type PageKey = (u64, u32);

/// Unpacked pages that are kept, of all indexes of a process together.
///
/// When there are too many bytes, pages leave in the order in which they came, but for those that
/// were used since: they stay for another round.
#[derive(Debug)]
pub struct PageCache {
    shards: Vec<Mutex<Shard>>,
    shard_bytes: usize,
}

/// How full the cache is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// Pages in it.
    pub pages: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Pages that left it since it was made.
    pub evictions: u64,
}

#[derive(Debug, Default)]
struct Shard {
    pages: HashMap<PageKey, Entry>,
    order: VecDeque<PageKey>,
    bytes: usize,
    evictions: u64,
}

#[derive(Debug)]
struct Entry {
    page: Arc<Page>,
    bytes: usize,
    is_used: bool,
}

impl PageCache {
    /// Creates a cache of so many bytes; 0 keeps nothing.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_bytes: max_bytes / SHARDS,
        }
    }

    /// Returns how full it is.
    #[must_use]
    pub fn usage(&self) -> CacheUsage {
        let mut usage = CacheUsage::default();
        for shard in &self.shards {
            let shard = lock(shard);
            usage.pages += wide(shard.pages.len());
            usage.bytes += wide(shard.bytes);
            usage.evictions += shard.evictions;
        }
        usage
    }

    pub(crate) fn get(&self, key: PageKey) -> Option<Arc<Page>> {
        let mut shard = lock(self.shard(key)?);
        let entry = shard.pages.get_mut(&key)?;
        entry.is_used = true;
        Some(Arc::clone(&entry.page))
    }

    pub(crate) fn insert(&self, key: PageKey, page: &Arc<Page>) {
        let bytes = page.memory_bytes() + ENTRY_BYTES;
        let Some(shard) = self.shard(key).filter(|_| bytes <= self.shard_bytes) else {
            return;
        };
        let mut shard = lock(shard);
        if shard.pages.contains_key(&key) {
            return;
        }
        shard.make_room(self.shard_bytes - bytes);
        shard.bytes += bytes;
        shard.order.push_back(key);
        let page = Arc::clone(page);
        shard.pages.insert(
            key,
            Entry {
                page,
                bytes,
                is_used: false,
            },
        );
    }

    fn shard(&self, (number, page): PageKey) -> Option<&Mutex<Shard>> {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let at = index(page).wrapping_add(crate::number::position(mixed));
        self.shards.get(at % SHARDS)
    }
}

impl Shard {
    fn make_room(&mut self, max_bytes: usize) {
        while self.bytes > max_bytes {
            let Some(key) = self.order.pop_front() else {
                return;
            };
            match self.pages.get_mut(&key) {
                Some(entry) if entry.is_used => {
                    entry.is_used = false;
                    self.order.push_back(key);
                }
                _ => {
                    if let Some(entry) = self.pages.remove(&key) {
                        self.bytes -= entry.bytes;
                        self.evictions += 1;
                    }
                }
            }
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::page::{PageParts, UsedNames};

    fn page(bytes: usize) -> Arc<Page> {
        let mut parts = PageParts::default();
        parts.close_entry(1, 0, &vec![b'x'; bytes]);
        let (packed, _) = parts.write(&UsedNames::default());
        Arc::new(Page::read(&packed, 1).unwrap())
    }

    #[test]
    fn it_stays_below_its_bytes_and_keeps_what_is_used() {
        let cache = PageCache::new(SHARDS * 10_000);
        let page = page(1_000);
        let keys: Vec<PageKey> = (0..100u32).map(|number| (1, number * 16)).collect();
        cache.insert((1, 0), &page);
        for key in &keys {
            assert!(cache.get((1, 0)).is_some());
            cache.insert(*key, &page);
            assert!(cache.usage().bytes <= 10_000);
        }
        let usage = cache.usage();
        assert!(
            usage.pages >= 5 && usage.evictions == 100 - usage.pages,
            "{usage:?}"
        );
        assert!(cache.get((1, 16)).is_none());
    }

    #[test]
    fn a_page_larger_than_a_share_is_not_kept() {
        let cache = PageCache::new(SHARDS * 1_000);
        cache.insert((1, 1), &page(5_000));
        assert_eq!(cache.usage(), CacheUsage::default());
    }
}
