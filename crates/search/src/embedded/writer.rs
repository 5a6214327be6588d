// SPDX-License-Identifier: MPL-2.0
//! The one writer of the index.

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Index, IndexWriter, Term};

use super::mapping::Mapping;
use crate::document::Document;
use crate::error::SearchError;

/// Segments of about the same size that are merged into one.
const SEGMENTS_PER_MERGE: usize = 6;

/// A writer that starts anew after a failure.
pub(super) struct Writer {
    index: Index,
    heap_bytes: usize,
    open: Option<IndexWriter>,
    /// Documents up to here may be in the index already and are replaced; newer ones need no look.
    highest: i64,
}

impl Writer {
    pub fn new(index: Index, heap_bytes: usize, highest: Option<i64>) -> Self {
        Self {
            index,
            heap_bytes,
            open: None,
            highest: highest.unwrap_or(i64::MIN),
        }
    }

    fn writer(&mut self) -> Result<&mut IndexWriter, SearchError> {
        if self.open.is_none() {
            let options = IndexWriterOptions::builder()
                .num_worker_threads(1)
                .num_merge_threads(1)
                .memory_budget_per_thread(self.heap_bytes)
                .build();
            let writer = self.index.writer_with_options(options)?;
            let mut policy = LogMergePolicy::default();
            policy.set_min_num_segments(SEGMENTS_PER_MERGE);
            writer.set_merge_policy(Box::new(policy));
            self.open = Some(writer);
        }
        match self.open.as_mut() {
            Some(writer) => Ok(writer),
            None => Err(SearchError::Internal(releng_common::Error::internal(
                "no index writer",
            ))),
        }
    }

    /// Runs a step; a writer that failed once is dropped with all that was not committed.
    fn step<T>(
        &mut self,
        step: impl FnOnce(&mut IndexWriter) -> tantivy::Result<T>,
    ) -> Result<T, SearchError> {
        let result = step(self.writer()?);
        result.map_err(|error| {
            self.open = None;
            SearchError::internal("the search index cannot be written", error)
        })
    }

    /// Writes documents, replacing those of the same id.
    pub fn put(&mut self, mapping: &Mapping, documents: &[Document]) -> Result<(), SearchError> {
        for document in documents {
            let may_exist = document.id <= self.highest;
            self.step(|writer| {
                if may_exist {
                    writer.delete_term(Term::from_field_i64(mapping.id, document.id));
                }
                writer.add_document(mapping.document(document))
            })?;
            self.highest = self.highest.max(document.id);
        }
        Ok(())
    }

    /// Removes documents.
    pub fn remove(&mut self, mapping: &Mapping, ids: &[i64]) -> Result<(), SearchError> {
        self.step(|writer| {
            for id in ids {
                writer.delete_term(Term::from_field_i64(mapping.id, *id));
            }
            Ok(())
        })
    }

    /// Makes everything durable.
    pub fn commit(&mut self) -> Result<(), SearchError> {
        self.step(|writer| writer.commit().map(|_| ()))
    }

    /// Removes all documents durably.
    pub fn clear(&mut self) -> Result<(), SearchError> {
        self.step(|writer| {
            writer.delete_all_documents()?;
            writer.commit().map(|_| ())
        })
    }
}
