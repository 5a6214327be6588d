// SPDX-License-Identifier: MPL-2.0
//! Keeps what was read from the database for as long as nothing was committed (D-54).

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use releng_common::Result;

use crate::{Changes, Token};

/// Values by key, all of one state of the database.
#[derive(Debug)]
pub struct Fresh<K, V> {
    changes: Changes,
    capacity: usize,
    kept: Mutex<Kept<K, V>>,
}

#[derive(Debug)]
struct Kept<K, V> {
    token: Option<Token>,
    values: HashMap<K, Arc<V>>,
}

impl<K: Hash + Eq, V> Fresh<K, V> {
    /// Creates an empty store for at most `capacity` values.
    pub fn new(changes: Changes, capacity: usize) -> Self {
        let kept = Mutex::new(Kept {
            token: None,
            values: HashMap::new(),
        });
        Self {
            changes,
            capacity,
            kept,
        }
    }

    /// Returns the value of a key, no older than any change that was confirmed before this call, loading
    /// it if the database changed since it was last loaded. Cost: a shared change check every few
    /// milliseconds, and the load after a change.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer, else those of `load`.
    pub async fn get<F, Fut>(&self, key: K, load: F) -> Result<Arc<V>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V>>,
    {
        let token = self.changes.current().await?;
        if let Some(value) = self.find(&key, token) {
            return Ok(value);
        }
        let value = Arc::new(load().await?);
        // What was loaded is at least as new as `token`; should a commit have come in between, the next
        // check yields another token and the value is dropped.
        self.keep(key, token, Arc::clone(&value));
        Ok(value)
    }

    fn find(&self, key: &K, token: Token) -> Option<Arc<V>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.token != Some(token) {
            kept.values.clear();
            kept.token = Some(token);
            return None;
        }
        kept.values.get(key).map(Arc::clone)
    }

    fn keep(&self, key: K, token: Token, value: Arc<V>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.token != Some(token) {
            return;
        }
        if kept.values.len() >= self.capacity {
            kept.values.clear();
        }
        kept.values.insert(key, value);
    }
}
