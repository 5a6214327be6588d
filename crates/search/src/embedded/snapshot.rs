// SPDX-License-Identifier: MPL-2.0
//! One state of the index, as of a commit. A search works on one snapshot from start to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Searcher, TERMINATED, Term};

use super::column::{self, Ranks};
use super::mapping::ID_COLUMN;
use crate::error::SearchError;
use crate::schema::{FieldInfo, FieldKind};

/// Global number of a document: those of the segments one after the other.
pub(super) type Doc = u32;

/// A searcher with the columns that searches needed so far.
pub(super) struct Snapshot {
    pub searcher: Searcher,
    /// First document of each segment.
    bases: Vec<Doc>,
    ranks: Mutex<HashMap<&'static str, Arc<Ranks>>>,
    numbers: Mutex<HashMap<&'static str, Arc<Vec<i64>>>>,
}

impl Snapshot {
    pub fn new(searcher: Searcher) -> Self {
        let mut next: Doc = 0;
        let mut bases = Vec::new();
        for reader in searcher.segment_readers() {
            bases.push(next);
            next = next.saturating_add(reader.max_doc());
        }
        Self {
            searcher,
            bases,
            ranks: Mutex::default(),
            numbers: Mutex::default(),
        }
    }

    /// Returns each segment with the number of its first document.
    pub fn segments(&self) -> impl Iterator<Item = (Doc, &tantivy::SegmentReader)> {
        self.bases
            .iter()
            .copied()
            .zip(self.searcher.segment_readers())
    }

    /// Returns the place of a document in its segment.
    pub fn address(&self, doc: Doc) -> DocAddress {
        let after = self.bases.partition_point(|base| *base <= doc);
        let segment = after.saturating_sub(1);
        let base = self.bases.get(segment).copied().unwrap_or(0);
        DocAddress::new(
            u32::try_from(segment).unwrap_or(0),
            doc.saturating_sub(base),
        )
    }

    /// Returns how many document numbers there are, deleted ones included.
    pub fn doc_count(&self) -> Doc {
        self.searcher
            .segment_readers()
            .iter()
            .map(tantivy::SegmentReader::max_doc)
            .sum()
    }

    /// Tells whether a document that is not deleted has a term.
    pub fn has_term(&self, term: &Term) -> Result<bool, SearchError> {
        for (_, reader) in self.segments() {
            let inverted = reader.inverted_index(term.field())?;
            let postings = inverted.read_postings(term, IndexRecordOption::Basic)?;
            let Some(mut postings) = postings else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !reader.is_deleted(doc) {
                    return Ok(true);
                }
                doc = postings.advance();
            }
        }
        Ok(false)
    }

    /// Returns all documents that are not deleted.
    pub fn all_docs(&self) -> Vec<Doc> {
        let mut docs = Vec::new();
        for (base, reader) in self.segments() {
            docs.extend(reader.doc_ids_alive().map(|doc| base + doc));
        }
        docs
    }

    /// Returns the row id by document.
    pub fn ids(&self) -> Result<Arc<Vec<i64>>, SearchError> {
        self.numbers_of(ID_COLUMN)
    }

    /// Returns the numbers of a date or long field by document.
    pub fn numbers(&self, info: &FieldInfo) -> Result<Arc<Vec<i64>>, SearchError> {
        self.numbers_of(info.name)
    }

    fn numbers_of(&self, name: &'static str) -> Result<Arc<Vec<i64>>, SearchError> {
        let mut columns = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(column) = columns.get(name) {
            return Ok(Arc::clone(column));
        }
        let column = Arc::new(column::numbers(&self.searcher, name)?);
        columns.insert(name, Arc::clone(&column));
        Ok(column)
    }

    /// Returns the ranks of a keyword, date or long field.
    pub fn ranks(&self, info: &FieldInfo) -> Result<Arc<Ranks>, SearchError> {
        let mut columns = self.ranks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(column) = columns.get(info.name) {
            return Ok(Arc::clone(column));
        }
        let column = Arc::new(match info.kind {
            FieldKind::Keyword | FieldKind::Text => column::text_ranks(&self.searcher, info.name)?,
            FieldKind::Date | FieldKind::Long => column::number_ranks(&self.numbers(info)?),
        });
        columns.insert(info.name, Arc::clone(&column));
        Ok(column)
    }
}
