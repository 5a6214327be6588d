// SPDX-License-Identifier: MPL-2.0
//! Rows of a function, disjoint and ascending: source lines, or the inlined calls of one depth.
//!
//! Each row says how far it reaches and how it differs from the one before. Every 24th starts
//! anew and is found through a list, so that a lookup reads 24 rows at most.
//!
//! ```text
//! count            number of rows
//! per full 24 but the first: start u32, position u16   of the row that starts anew
//! rows             length u8, flags of what follows and the low four bits of fold(line) as u8,
//!                  [fold(line) >> 4 as u8], [gap u8], [file u8], [origin u8]
//! or               255, gap, length, fold(line), file, origin
//! ```
//!
//! A row of the first kind fits a word, which is put together and taken apart without a branch:
//! rows are most of the work of making an index, and foreseeing them is beyond a processor.

use super::varint::{Cursor, fold, put, put_wide, unfold};
use crate::number::{index, position};

/// Rows between two that start anew.
const STRIDE: u32 = 24;
/// Bytes of an entry of the list of those.
const ANCHOR_BYTES: u32 = 6;
/// Most rows in one list: the position of each fits 16 bits even if every number in it is as long
/// as can be.
pub(crate) const MAX_ROWS: usize = 2_000;
/// The length of a row whose numbers do not fit a word.
const WIDE: u8 = 255;
/// Zeros that have to stand behind all rows, so that a word can be read from each.
pub(crate) const PADDING: [u8; 8] = [0; 8];

/// What a row says about its range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: u32,
    pub(crate) file: u32,
    /// The function inlined here; 0 in source lines.
    pub(crate) origin: u32,
}

/// Writes rows; usable again and again.
#[derive(Debug, Default)]
pub(crate) struct RowWriter {
    rows: Vec<u8>,
    anchors: Vec<u8>,
    count: u32,
    end: u32,
    last: Row,
}

impl RowWriter {
    /// Appends a row behind the last.
    #[inline]
    pub(crate) fn push(&mut self, start: u32, end: u32, row: Row) {
        if self.count.is_multiple_of(STRIDE) {
            self.begin(start);
        }
        let (gap, length) = (start.saturating_sub(self.end), end.saturating_sub(start));
        let line = fold(self.last.line, row.line);
        let is_wide = gap > 0xff || row.file > 0xff || row.origin > 0xff;
        if is_wide || length >= u32::from(WIDE) || line > 0xfff {
            self.push_wide(gap, length, line, row);
        } else {
            let optional = [
                (line >> 4, line > 0xf),
                (u64::from(gap), gap != 0),
                (u64::from(row.file), row.file != self.last.file),
                (u64::from(row.origin), row.origin != self.last.origin),
            ];
            let (mut flags, mut more, mut bytes) = (0, 0, 2);
            for (number, is_there) in optional.into_iter().rev() {
                let is_there = u64::from(is_there);
                flags = flags << 1 | is_there;
                more = (more << (8 * is_there)) | (number * is_there);
                bytes += is_there;
            }
            let word = more << 16 | (line & 0xf) << 12 | flags << 8 | u64::from(length);
            let end = self.rows.len() + position(bytes);
            self.rows.extend_from_slice(&word.to_le_bytes());
            self.rows.truncate(end);
        }
        (self.end, self.last) = (end, row);
        self.count += 1;
    }

    #[cold]
    fn push_wide(&mut self, gap: u32, length: u32, line: u64, row: Row) {
        self.rows.push(WIDE);
        put(&mut self.rows, gap);
        put(&mut self.rows, length);
        put_wide(&mut self.rows, line);
        put(&mut self.rows, row.file);
        put(&mut self.rows, row.origin);
    }

    /// Moves what was written to the end of the given bytes and begins again.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        put(out, self.count);
        out.extend_from_slice(&self.anchors);
        out.extend_from_slice(&self.rows);
        self.rows.clear();
        self.anchors.clear();
        (self.count, self.end, self.last) = (0, 0, Row::default());
    }

    fn begin(&mut self, start: u32) {
        if self.count != 0 {
            self.anchors.extend_from_slice(&start.to_le_bytes());
            let position = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
            self.anchors.extend_from_slice(&position.to_le_bytes());
            self.end = start;
        }
        self.last = Row::default();
    }
}

/// The row that holds the offset, of rows as they were written; whatever follows them does not
/// matter.
#[inline]
pub(crate) fn find(list: &[u8], offset: u32) -> Option<Row> {
    let mut list = Cursor::new(list);
    let count = list.next()?;
    let anchors = count.checked_sub(1)? / STRIDE;
    let anchor_list = list.take(anchors.checked_mul(ANCHOR_BYTES)?)?;
    let (mut start, mut rows) = (0, list.rest());
    let mut left = count.min(STRIDE);
    if let Some(number) = last_anchor(anchor_list, anchors, offset) {
        let (first, position) = anchor(anchor_list, number)?;
        start = first;
        rows = rows.get(usize::from(position)..)?;
        left = (count - (number + 1) * STRIDE).min(STRIDE);
    }
    walk(rows, start, left, offset)
}

#[inline]
fn walk(mut rows: &[u8], mut end: u32, left: u32, offset: u32) -> Option<Row> {
    let mut row = Row::default();
    for _ in 0..left {
        let word = u64::from_le_bytes(*rows.first_chunk()?);
        let (gap, length);
        if low(word) == WIDE {
            let mut numbers = Cursor::new(rows.get(1..)?);
            (gap, length) = (numbers.next()?, numbers.next()?);
            row.line = unfold(row.line, numbers.wide()?)?;
            (row.file, row.origin) = (numbers.next()?, numbers.next()?);
            rows = numbers.rest();
        } else {
            length = u32::from(low(word));
            let mut more = word >> 16;
            let mut take = |flag: u32, last: u32| {
                let is_there = word >> flag & 1;
                let found = u32::from(low(more));
                more >>= 8 * is_there;
                if is_there == 1 { found } else { last }
            };
            let line = u64::from(take(8, 0)) << 4 | word >> 12 & 0xf;
            gap = take(9, 0);
            row.file = take(10, row.file);
            row.origin = take(11, row.origin);
            row.line = unfold(row.line, line)?;
            let bytes = 2 + (word >> 8 & 0xf).count_ones();
            rows = rows.get(index(bytes)..)?;
        }
        let start = end.checked_add(gap)?;
        end = start.checked_add(length)?;
        if offset < end {
            return (start <= offset).then_some(row);
        }
    }
    None
}

/// The lowest byte.
#[inline]
fn low(word: u64) -> u8 {
    let [low, ..] = word.to_le_bytes();
    low
}

/// The last anchor whose row does not start above the offset.
fn last_anchor(list: &[u8], anchors: u32, offset: u32) -> Option<u32> {
    let (mut low, mut high) = (0, anchors);
    while low < high {
        let middle = low + (high - low) / 2;
        if anchor(list, middle)?.0 <= offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1)
}

fn anchor(list: &[u8], number: u32) -> Option<(u32, u16)> {
    let at = index(number.checked_mul(ANCHOR_BYTES)?);
    let bytes = list.get(at..)?;
    let (start, rest) = bytes.split_first_chunk::<4>()?;
    let position = rest.first_chunk::<2>()?;
    Some((u32::from_le_bytes(*start), u16::from_le_bytes(*position)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::narrow;

    fn write(rows: &[(u32, u32, Row)]) -> Vec<u8> {
        let mut writer = RowWriter::default();
        for (start, end, row) in rows {
            writer.push(*start, *end, *row);
        }
        let mut out = Vec::new();
        writer.finish(&mut out);
        out.extend_from_slice(&PADDING);
        out
    }

    #[test]
    fn every_offset_finds_its_row_and_no_other() {
        for has_origin in [false, true] {
            let mut at = 3;
            let rows: Vec<_> = (0..100u32)
                .map(|number| {
                    let start = at + (number % 7) / 5;
                    at = start + 1 + number % 3;
                    let origin = if has_origin { number } else { 0 };
                    (
                        start,
                        at,
                        Row {
                            line: number * 31 % 50,
                            file: number / 9,
                            origin,
                        },
                    )
                })
                .collect();
            let list = write(&rows);
            for offset in 0..at + 3 {
                let expected = rows
                    .iter()
                    .find(|(start, end, _)| (*start..*end).contains(&offset));
                let found = find(&list, offset);
                assert_eq!(found, expected.map(|(_, _, row)| *row), "{offset}");
            }
        }
    }

    #[test]
    fn the_largest_numbers_fit() {
        let most = u32::MAX - 1;
        let rows: Vec<_> = (0..narrow(MAX_ROWS))
            .map(|n| {
                (
                    n * 2_000_000,
                    n * 2_000_000 + 1_999_999,
                    Row {
                        line: most * (n % 2),
                        file: most,
                        origin: most,
                    },
                )
            })
            .collect();
        let list = write(&rows);
        for (start, end, row) in &rows {
            assert_eq!(find(&list, *start), Some(*row));
            assert_eq!(find(&list, *end), None);
        }
    }

    #[test]
    fn no_rows_have_no_row() {
        assert_eq!(find(&write(&[]), 0), None);
        assert_eq!(find(&[], 0), None);
    }
}
