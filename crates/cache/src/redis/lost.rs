// SPDX-License-Identifier: MPL-2.0
//! Deletions that a fault swallowed. They are repeated before this process reads again, or an
//! outage would leave values in Redis that stopped being true during it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::counter;
use tracing::warn;

/// Counter of deletions that are not repeated because too many were waiting.
const DROPPED: &str = "cache_deletions_dropped";

/// Most bytes of keys that wait.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that a waiting key is taken to need besides its text.
const OVERHEAD_BYTES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Saves the lock in the usual case that nothing waits.
    some: AtomicBool,
    waiting: Mutex<Waiting>,
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    keys: HashMap<String, u64>,
    bytes: usize,
}

/// Deletions to repeat. Each has the number of its loss: a key that is lost again meanwhile has a
/// higher one and stays.
pub(crate) type Batch = Vec<(String, u64)>;

impl Lost {
    pub(crate) fn add(&self, keys: &[&str]) {
        let mut waiting = self.lock();
        let mut dropped = 0;
        for key in keys {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if let Some(known) = waiting.keys.get_mut(*key) {
                *known = number;
                continue;
            }
            let bytes = waiting.bytes.saturating_add(size(key));
            if bytes > MAX_BYTES {
                dropped += 1;
                continue;
            }
            waiting.keys.insert((*key).to_owned(), number);
            waiting.bytes = bytes;
        }
        self.some.store(!waiting.keys.is_empty(), Ordering::SeqCst);
        drop(waiting);
        if dropped > 0 {
            counter!(DROPPED).increment(dropped);
            warn!(
                cache.deletions_dropped = dropped,
                "too many deletions wait for the cache: outdated entries stay until they expire"
            );
        }
    }

    /// Returns up to `max` deletions that wait.
    pub(crate) fn batch(&self, max: usize) -> Batch {
        if !self.some.load(Ordering::SeqCst) {
            return Batch::new();
        }
        self.lock()
            .keys
            .iter()
            .take(max)
            .map(|(key, number)| (key.clone(), *number))
            .collect()
    }

    /// Forgets deletions that were made up for.
    pub(crate) fn settle(&self, batch: &Batch) {
        let mut waiting = self.lock();
        for (key, number) in batch {
            if waiting.keys.get(key) == Some(number) {
                waiting.keys.remove(key);
                waiting.bytes = waiting.bytes.saturating_sub(size(key));
            }
        }
        self.some.store(!waiting.keys.is_empty(), Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(key: &str) -> usize {
    key.len().saturating_add(OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_lost_again_while_it_is_repeated_stays() {
        let lost = Lost::default();
        lost.add(&["a", "b"]);
        let batch = lost.batch(10);
        assert_eq!(batch.len(), 2);
        lost.add(&["b"]);
        lost.settle(&batch);
        let left: Vec<String> = lost.batch(10).into_iter().map(|(key, _)| key).collect();
        assert_eq!(left, ["b"]);
        lost.settle(&lost.batch(10));
        assert_eq!(lost.batch(10), []);
        assert_eq!(lost.lock().bytes, 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let lost = Lost::default();
        let half = "x".repeat(MAX_BYTES / 2);
        lost.add(&[&half, &format!("{half}y"), "small"]);
        let waiting: Vec<usize> = lost.batch(10).iter().map(|(key, _)| key.len()).collect();
        assert_eq!(waiting.len(), 2);
        assert!(waiting.contains(&half.len()) && waiting.contains(&"small".len()));
    }
}
