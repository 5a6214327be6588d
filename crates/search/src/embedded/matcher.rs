// SPDX-License-Identifier: MPL-2.0
//! Tests of one value or word, and the documents whose values pass one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tantivy::index::SegmentId;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TantivyError};

use super::matches::Deadline;
use super::snapshot::Snapshot;
use crate::aggs::regexp_error;
use crate::error::SearchError;
use crate::query::regexp::Regexp;
use crate::query::wildcard::Wildcard;

/// Values between two looks at the clock.
const TERMS_PER_CHECK: u32 = 1_024;

/// A test of one value.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Any,
    Exact(String),
    OneOf(HashSet<String>),
    Prefix(String),
    Wildcard(Wildcard),
    Regexp(Box<Regexp>),
    Fuzzy {
        text: Vec<char>,
        edits: usize,
    },
    Between {
        lower: Option<(String, bool)>,
        upper: Option<(String, bool)>,
    },
}

impl Matcher {
    /// Creates the test of a Lucene regular expression.
    pub fn regexp(pattern: &str) -> Result<Self, SearchError> {
        Regexp::new(pattern)
            .map(|regexp| Self::Regexp(Box::new(regexp)))
            .map_err(|e| regexp_error(&e))
    }

    /// Creates the test of texts some edits away; without a number the length decides.
    pub fn fuzzy(text: &str, edits: Option<u8>) -> Self {
        let text: Vec<char> = text.chars().collect();
        let by_length = match text.len() {
            0..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        Self::Fuzzy {
            edits: edits.map_or(by_length, usize::from),
            text,
        }
    }

    fn literal_prefix(&self) -> String {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text.clone(),
            Self::Wildcard(pattern) => pattern.literal_prefix(),
            Self::Regexp(regexp) => regexp.literal_prefix(),
            Self::Any | Self::OneOf(_) | Self::Fuzzy { .. } | Self::Between { .. } => String::new(),
        }
    }

    /// Tells whether a value passes.
    pub fn is_match(&mut self, value: &str) -> Result<bool, SearchError> {
        Ok(match self {
            Self::Any => true,
            Self::Exact(text) => text == value,
            Self::OneOf(texts) => texts.contains(value),
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Wildcard(pattern) => pattern.is_match(value),
            Self::Regexp(regexp) => regexp
                .is_match(value)
                .map_err(|error| regexp_error(&error))?,
            Self::Fuzzy { text, edits } => is_within(text, value, *edits),
            Self::Between { lower, upper } => {
                let above = lower.as_ref().is_none_or(|(end, is_inclusive)| {
                    value > end.as_str() || (*is_inclusive && value == end)
                });
                above
                    && upper.as_ref().is_none_or(|(end, is_inclusive)| {
                        value < end.as_str() || (*is_inclusive && value == end)
                    })
            }
        })
    }
}

/// Tells whether two texts are at most `max` edits apart; swapping neighbours is one edit.
fn is_within(a: &[char], b: &str, max: usize) -> bool {
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > max {
        return false;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (row, ca) in a.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, cb) in b.iter().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let cost = usize::from(ca != cb);
            let mut best = (at(&last, column) + cost)
                .min(at(&last, column + 1) + 1)
                .min(at(&current, column) + 1);
            let is_swap = row > 0
                && column > 0
                && a.get(row - 1) == Some(cb)
                && b.get(column - 1) == Some(ca);
            if is_swap {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().is_some_and(|distance| *distance <= max)
}

/// Finds the documents of which a value or word passes a test.
pub(super) fn documents_with(
    snapshot: &Snapshot,
    deadline: &Deadline,
    field: Field,
    matcher: &mut Matcher,
) -> Result<DocBits, SearchError> {
    deadline.check()?;
    let mut seen = 0_u32;
    let prefix = matcher.literal_prefix();
    let mut bits = HashMap::new();
    for (_, reader) in snapshot.segments() {
        let inverted = reader.inverted_index(field)?;
        let mut docs = BitSet::with_max_value(reader.max_doc());
        let mut terms = inverted
            .terms()
            .range()
            .ge(prefix.as_bytes())
            .into_stream()?;
        while terms.advance() {
            if !terms.key().starts_with(prefix.as_bytes()) {
                break;
            }
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(TERMS_PER_CHECK) {
                deadline.check()?;
            }
            let Ok(term) = std::str::from_utf8(terms.key()) else {
                continue;
            };
            if !matcher.is_match(term)? {
                continue;
            }
            let mut postings = inverted
                .read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for doc in postings.docs() {
                    docs.insert(*doc);
                }
                postings.advance();
            }
        }
        bits.insert(reader.segment_id(), docs);
    }
    Ok(DocBits {
        bits: Arc::new(bits),
    })
}

/// A query whose documents are known.
#[derive(Clone)]
pub(super) struct DocBits {
    bits: Arc<HashMap<SegmentId, BitSet>>,
}

impl DocBits {
    /// Finds the documents whose number passes a test.
    pub fn of_numbers(snapshot: &Snapshot, numbers: &[i64], test: impl Fn(i64) -> bool) -> Self {
        let mut rest = numbers;
        let mut bits = HashMap::new();
        for (_, reader) in snapshot.segments() {
            let mut docs = BitSet::with_max_value(reader.max_doc());
            let count = usize::try_from(reader.max_doc())
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (here, after) = rest.split_at(count);
            for (doc, number) in (0..).zip(here) {
                if test(*number) {
                    docs.insert(doc);
                }
            }
            rest = after;
            bits.insert(reader.segment_id(), docs);
        }
        Self {
            bits: Arc::new(bits),
        }
    }
}

impl std::fmt::Debug for DocBits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DocBits({} segments)", self.bits.len())
    }
}

impl Query for DocBits {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for DocBits {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = match self.bits.get(&reader.segment_id()) {
            Some(docs) => docs.clone(),
            None => BitSet::with_max_value(reader.max_doc()),
        };
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() <= doc && scorer.seek(doc) == doc {
            Ok(Explanation::new("DocBits", 1.0))
        } else {
            Err(TantivyError::InvalidArgument(format!(
                "document {doc} does not match"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_swaps_once() {
        for (a, b, edits, expected) in [
            ("firefox", "firefxo", 1, true),
            ("firefox", "fierfxo", 1, false),
            ("firefox", "firefx", 1, true),
            ("abc", "abc", 0, true),
            ("abc", "abd", 0, false),
            ("", "ab", 2, true),
        ] {
            let text: Vec<char> = a.chars().collect();
            assert_eq!(is_within(&text, b, edits), expected, "{a} {b}");
        }
    }
}
