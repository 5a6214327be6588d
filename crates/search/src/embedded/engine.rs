// SPDX-License-Identifier: MPL-2.0
//! The embedded index for callers that may block.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use releng_common::{Clock, Error};
use serde_json::Value;
use tantivy::{IndexReader, ReloadPolicy, Term};

use super::EmbeddedSettings;
use super::column::NO_NUMBER;
use super::folder::Folder;
use super::mapping::{ID_COLUMN, Mapping};
use super::matches::Deadline;
use super::search::Search;
use super::snapshot::Snapshot;
use super::writer::Writer;
use crate::document::Document;
use crate::error::SearchError;
use crate::index::Health;
use crate::limits::Limits;
use crate::request::Request;

/// An open index. Calls block; searches run side by side, writes one after the other.
pub struct Engine {
    mapping: Mapping,
    limits: Limits,
    clock: Clock,
    reader: IndexReader,
    snapshot: RwLock<Arc<Snapshot>>,
    needs_rebuild: AtomicBool,
    writer: Mutex<Writer>,
    // Last, so that the writer lets go of the folder before another process may have it.
    folder: Folder,
}

impl Engine {
    /// Opens the folder. An index that is missing, broken or of another format starts empty and
    /// says so in [`Health::needs_rebuild`].
    ///
    /// # Errors
    /// `Unavailable` when another process has the folder, `InvalidInput` when it cannot be used,
    /// `Internal` when the index in it cannot be read or made.
    pub fn open(settings: EmbeddedSettings, clock: Clock) -> Result<Self, Error> {
        let folder = Folder::open(&settings.folder)?;
        let mapping = Mapping::new();
        let (index, needs_rebuild) = folder.index(&mapping.schema)?;
        let failed = |e| Error::internal("the search index cannot be read").with_source(e);
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
            .try_into()
            .map_err(failed)?;
        let snapshot = Arc::new(Snapshot::new(reader.searcher()));
        let highest = highest_of(&snapshot)?;
        let writer = Writer::new(index, settings.writer_heap_bytes, highest);
        Ok(Self {
            mapping,
            limits: settings.limits,
            clock,
            reader,
            snapshot: RwLock::new(snapshot),
            needs_rebuild: AtomicBool::new(needs_rebuild),
            writer: Mutex::new(writer),
            folder,
        })
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        work(&mut self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows searches that start from now on the latest commit.
    fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload()?;
        let snapshot = Arc::new(Snapshot::new(self.reader.searcher()));
        *self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// Answers a search body.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub fn search(&self, body: &Value) -> Result<Value, SearchError> {
        let deadline = Deadline::starting_now(self.limits.max_time);
        let now = self.clock.now();
        let request = Request::parse(body, &self.limits, now)?;
        let snapshot = self.snapshot();
        let search = Search {
            snapshot: &snapshot,
            mapping: &self.mapping,
            limits: &self.limits,
            now,
            deadline,
        };
        search.run(request)
    }

    /// Writes documents; see [`SearchIndex::put`](crate::SearchIndex::put).
    ///
    /// # Errors
    /// `Internal`; then nothing since the last commit may be taken for written.
    pub fn put(&self, documents: &[Document]) -> Result<(), SearchError> {
        self.write(|writer| writer.put(&self.mapping, documents))
    }

    /// Removes documents from the next commit on.
    ///
    /// # Errors
    /// `Internal`; then nothing since the last commit may be taken for written.
    pub fn remove(&self, ids: &[i64]) -> Result<(), SearchError> {
        self.write(|writer| writer.remove(&self.mapping, ids))
    }

    /// Makes everything written durable and found.
    ///
    /// # Errors
    /// `Internal`; then nothing since the last commit may be taken for written.
    pub fn commit(&self) -> Result<(), SearchError> {
        self.write(|writer| {
            writer.commit()?;
            self.reload()
        })
    }

    /// Removes all documents durably.
    ///
    /// # Errors
    /// `Internal` when the folder cannot be written.
    pub fn clear(&self) -> Result<(), SearchError> {
        self.write(|writer| {
            writer.clear()?;
            self.reload()
        })
    }

    /// Returns those of the ids that are durable.
    ///
    /// # Errors
    /// `Internal` when the folder cannot be read.
    pub fn contains(&self, ids: &[i64]) -> Result<Vec<i64>, SearchError> {
        let snapshot = self.snapshot();
        let mut found = Vec::new();
        for id in ids {
            let term = Term::from_field_i64(self.mapping.id, *id);
            if snapshot.has_term(&term)? {
                found.push(*id);
            }
        }
        Ok(found)
    }

    /// Returns the highest durable id.
    ///
    /// # Errors
    /// `Internal` when the folder cannot be read.
    pub fn highest_id(&self) -> Result<Option<i64>, SearchError> {
        highest_of(&self.snapshot())
    }

    /// Returns the state of the index.
    pub fn health(&self) -> Health {
        Health {
            documents: self.snapshot().searcher.num_docs(),
            needs_rebuild: self.needs_rebuild.load(Ordering::SeqCst),
        }
    }

    /// Notes durably that the caller knows all rows must be fed again.
    ///
    /// # Errors
    /// `Internal` when the folder cannot be written.
    pub fn rebuild_recorded(&self) -> Result<(), SearchError> {
        self.folder.confirm()?;
        self.needs_rebuild.store(false, Ordering::SeqCst);
        Ok(())
    }
}

/// Blocks of stored documents that are kept unpacked, per segment.
const STORE_CACHE_BLOCKS: usize = 16;

fn highest_of(snapshot: &Snapshot) -> Result<Option<i64>, SearchError> {
    let mut highest = None;
    for (_, reader) in snapshot.segments() {
        let Some(column) = reader.fast_fields().column_opt::<i64>(ID_COLUMN)? else {
            continue;
        };
        if reader.has_deletes() {
            let live = reader.doc_ids_alive().filter_map(|doc| column.first(doc));
            highest = highest.max(live.filter(|id| *id != NO_NUMBER).max());
        } else if reader.num_docs() > 0 {
            highest = highest.max(Some(column.max_value()));
        }
    }
    Ok(highest)
}
