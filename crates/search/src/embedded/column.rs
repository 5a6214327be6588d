// SPDX-License-Identifier: MPL-2.0
//! The values of one field for all documents, in memory and across segments: each document has the
//! rank of its value among all values, so that sorting and counting work on small integers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::Searcher;
use tantivy::columnar::{Column, StrColumn};

use crate::error::SearchError;

/// Rank of a document without a value, and of deleted ones.
pub(super) const NO_RANK: u32 = u32::MAX;
/// Value of a document without a number, and of deleted ones. No build has it.
pub(super) const NO_NUMBER: i64 = i64::MIN;

/// All different values of a field, in order.
#[derive(Debug)]
pub(super) enum Keys {
    Text { bytes: String, ends: Vec<usize> },
    Numbers(Vec<i64>),
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key<'a> {
    Text(&'a str),
    Number(i64),
}

impl Keys {
    pub fn len(&self) -> usize {
        match self {
            Self::Text { ends, .. } => ends.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Returns the value of a rank.
    pub fn get(&self, rank: u32) -> Option<Key<'_>> {
        let at = usize::try_from(rank).ok()?;
        match self {
            Self::Text { bytes, ends } => {
                let end = *ends.get(at)?;
                let start = at
                    .checked_sub(1)
                    .map_or(Some(0), |before| ends.get(before).copied())?;
                bytes.get(start..end).map(Key::Text)
            }
            Self::Numbers(numbers) => numbers.get(at).copied().map(Key::Number),
        }
    }

    /// Returns the rank of the first value that is not below `text`, and whether it is `text`.
    pub fn search_text(&self, text: &str) -> (u32, bool) {
        let Ok(len) = u32::try_from(self.len()) else {
            return (NO_RANK, false);
        };
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(Key::Text(key)) if key < text => low = middle + 1,
                _ => high = middle,
            }
        }
        (low, self.get(low) == Some(Key::Text(text)))
    }
}

/// A field as ranks.
#[derive(Debug)]
pub(super) struct Ranks {
    /// Rank by document.
    pub of_doc: Vec<u32>,
    /// Value by rank.
    pub keys: Keys,
}

/// Returns the ranks of a keyword field.
pub(super) fn text_ranks(searcher: &Searcher, name: &str) -> Result<Ranks, SearchError> {
    let columns = searcher
        .segment_readers()
        .iter()
        .map(|reader| reader.fast_fields().str(name))
        .collect::<Result<Vec<_>, _>>()?;
    let (keys, ranks) = merge_dictionaries(&columns)?;
    let mut of_doc = Vec::new();
    for ((reader, column), ranks) in searcher.segment_readers().iter().zip(&columns).zip(&ranks) {
        let rank = |ord: u64| {
            usize::try_from(ord)
                .ok()
                .and_then(|ord| ranks.get(ord))
                .copied()
        };
        let column = column.as_ref().map(|column| column.ords());
        flatten(
            column,
            reader,
            |ord| ord.and_then(rank).unwrap_or(NO_RANK),
            &mut of_doc,
        );
    }
    Ok(Ranks { of_doc, keys })
}

/// Merges the sorted values of all segments. Returns them with, per segment, the common rank of
/// each of its values.
fn merge_dictionaries(columns: &[Option<StrColumn>]) -> Result<(Keys, Vec<Vec<u32>>), SearchError> {
    let mut bytes = String::new();
    let mut ends: Vec<usize> = Vec::new();
    let mut ranks: Vec<Vec<u32>> = columns.iter().map(|_| Vec::new()).collect();
    let mut streams = Vec::new();
    let mut heads = BinaryHeap::new();
    for (column, ranks) in columns.iter().zip(&mut ranks) {
        let Some(column) = column else { continue };
        let mut stream = column.dictionary().stream()?;
        if stream.advance() {
            heads.push(Reverse((stream.key().to_vec(), streams.len())));
        }
        streams.push((stream, ranks));
    }
    let mut last: Option<Vec<u8>> = None;
    while let Some(Reverse((key, at))) = heads.pop() {
        if last.as_ref() != Some(&key) {
            bytes.push_str(&String::from_utf8_lossy(&key));
            ends.push(bytes.len());
        }
        let Some((stream, ranks)) = streams.get_mut(at) else {
            continue;
        };
        ranks.push(u32::try_from(ends.len().saturating_sub(1)).unwrap_or(NO_RANK));
        // The buffer of the key before is used again: dictionaries may have a million keys.
        let mut next = last.replace(key).unwrap_or_default();
        if stream.advance() {
            next.clear();
            next.extend_from_slice(stream.key());
            heads.push(Reverse((next, at)));
        }
    }
    drop(streams);
    Ok((Keys::Text { bytes, ends }, ranks))
}

/// Appends a value for each document of a segment; deleted ones count as without a value.
fn flatten<T, V>(
    column: Option<&Column<T>>,
    reader: &tantivy::SegmentReader,
    value: impl Fn(Option<T>) -> V,
    out: &mut Vec<V>,
) where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    let alive = reader.alive_bitset();
    out.reserve(usize::try_from(reader.max_doc()).unwrap_or(0));
    for doc in 0..reader.max_doc() {
        let is_alive = alive.is_none_or(|alive| alive.is_alive(doc));
        let found = if is_alive {
            column.and_then(|column| column.first(doc))
        } else {
            None
        };
        out.push(value(found));
    }
}

/// Returns the numbers of a date, long or id field.
pub(super) fn numbers(searcher: &Searcher, name: &str) -> Result<Vec<i64>, SearchError> {
    let mut of_doc = Vec::new();
    for reader in searcher.segment_readers() {
        let column = reader.fast_fields().column_opt::<i64>(name)?;
        flatten(
            column.as_ref(),
            reader,
            |number| number.unwrap_or(NO_NUMBER),
            &mut of_doc,
        );
    }
    Ok(of_doc)
}

/// Returns the ranks of a field of numbers.
pub(super) fn number_ranks(numbers: &[i64]) -> Ranks {
    let mut keys: Vec<i64> = numbers
        .iter()
        .copied()
        .filter(|n| *n != NO_NUMBER)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let rank = |number: &i64| match keys.binary_search(number) {
        Ok(at) => u32::try_from(at).unwrap_or(NO_RANK),
        Err(_) => NO_RANK,
    };
    let of_doc = numbers.iter().map(rank).collect();
    Ranks {
        of_doc,
        keys: Keys::Numbers(keys),
    }
}
