// SPDX-License-Identifier: MPL-2.0
//! Running a compiled query: which documents match, with or without scores, within a deadline.

use std::time::{Duration, Instant};

use tantivy::query::{EnableScoring, Query as IndexQuery};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocSet, TERMINATED};

use super::snapshot::{Doc, Snapshot};
use crate::error::SearchError;

/// Blocks of documents between two looks at the clock.
const BLOCKS_PER_CHECK: u32 = 256;
/// Scored documents between two looks at the clock.
const DOCS_PER_CHECK: u32 = 8_192;

/// The moment at which a search gives up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    start: Instant,
    max: Duration,
}

impl Deadline {
    pub fn starting_now(max: Duration) -> Self {
        Self {
            start: Instant::now(),
            max,
        }
    }

    /// Fails once the time is over.
    pub fn check(&self) -> Result<(), SearchError> {
        if self.start.elapsed() <= self.max {
            return Ok(());
        }
        Err(SearchError::Refused(format!(
            "the search took longer than the limit of {} ms",
            self.max.as_millis()
        )))
    }

    /// Returns the milliseconds since the start.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Returns how many documents match.
pub(super) fn count(snapshot: &Snapshot, query: &dyn IndexQuery) -> Result<u64, SearchError> {
    Ok(u64::try_from(query.count(&snapshot.searcher)?).unwrap_or(u64::MAX))
}

/// Returns the documents that match, in the order of their numbers.
pub(super) fn documents(
    snapshot: &Snapshot,
    query: &dyn IndexQuery,
    deadline: &Deadline,
) -> Result<Vec<Doc>, SearchError> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(&snapshot.searcher))?;
    let mut docs = Vec::new();
    let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
    let mut blocks = 0_u32;
    for (base, reader) in snapshot.segments() {
        let mut scorer = weight.scorer(reader, 1.0)?;
        let alive = reader.alive_bitset();
        loop {
            let filled = scorer.fill_buffer(&mut buffer);
            let block = buffer.get(..filled).unwrap_or_default();
            match alive {
                None => docs.extend(block.iter().map(|doc| base + doc)),
                Some(alive) => docs.extend(
                    block
                        .iter()
                        .filter(|doc| alive.is_alive(**doc))
                        .map(|doc| base + doc),
                ),
            }
            if filled < COLLECT_BLOCK_BUFFER_LEN {
                break;
            }
            blocks = blocks.wrapping_add(1);
            if blocks.is_multiple_of(BLOCKS_PER_CHECK) {
                deadline.check()?;
            }
        }
    }
    Ok(docs)
}

/// Calls `each` with every document that matches and its score.
pub(super) fn scored(
    snapshot: &Snapshot,
    query: &dyn IndexQuery,
    deadline: &Deadline,
    mut each: impl FnMut(Doc, f32),
) -> Result<(), SearchError> {
    let weight = query.weight(EnableScoring::enabled_from_searcher(&snapshot.searcher))?;
    let mut seen = 0_u32;
    for (base, reader) in snapshot.segments() {
        let mut scorer = weight.scorer(reader, 1.0)?;
        let alive = reader.alive_bitset();
        let mut doc = scorer.doc();
        while doc != TERMINATED {
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                each(base + doc, scorer.score());
            }
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(DOCS_PER_CHECK) {
                deadline.check()?;
            }
            doc = scorer.advance();
        }
    }
    Ok(())
}
