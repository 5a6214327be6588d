// SPDX-License-Identifier: MPL-2.0
//! Rows of a function, disjoint and ascending: source lines, or the inlined calls of one depth.
//!
//! Each row says how far it reaches and how it differs from the one before. Every sixteenth starts
//! anew and is found through a list, so that a lookup reads sixteen rows at most.
//!
//! ```text
//! count            number of rows
//! per full sixteen but the first: start u32, position u16   of the row that starts anew
//! rows             length << 1 | gap?, [gap], fold(line) << 1 | file?, [file], [origin]
//! ```

use super::varint::{Cursor, fold, put, put_some, unfold};
use crate::number::{index, narrow};

/// Rows between two that start anew.
const STRIDE: u32 = 16;
/// Bytes of an entry of the list of those.
const ANCHOR_BYTES: u32 = 6;
/// Most rows in one stream: the position of each fits 16 bits even if every number in it is as
/// long as can be.
pub(crate) const MAX_ROWS: usize = 2_000;

/// What a row says about its range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: u32,
    pub(crate) file: u32,
    /// The function inlined here; not for source lines.
    pub(crate) origin: u32,
}

/// Writes rows; usable again and again.
#[derive(Debug, Default)]
pub(crate) struct RowWriter {
    rows: Vec<u8>,
    anchors: Vec<u8>,
    count: u32,
    end: u32,
    line: u32,
    file: u32,
}

impl RowWriter {
    /// Appends a row behind the last.
    #[inline]
    pub(crate) fn push(&mut self, start: u32, end: u32, line: u32, file: u32, origin: Option<u32>) {
        let is_anew = self.count.is_multiple_of(STRIDE);
        if is_anew {
            self.begin(start);
        }
        let gap = start.saturating_sub(self.end);
        let is_other = is_anew || file != self.file;
        let numbers = [
            (
                true,
                u64::from(end.saturating_sub(start)) << 1 | u64::from(gap != 0),
            ),
            (gap != 0, u64::from(gap)),
            (true, (fold(self.line, line) << 1) | u64::from(is_other)),
            (is_other, u64::from(file)),
            (origin.is_some(), u64::from(origin.unwrap_or_default())),
        ];
        put_some(&mut self.rows, &numbers);
        (self.end, self.line, self.file) = (end, line, file);
        self.count += 1;
    }

    /// Moves what was written to the end of the given bytes and begins again.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        put(out, self.count);
        out.extend_from_slice(&self.anchors);
        out.extend_from_slice(&self.rows);
        self.rows.clear();
        self.anchors.clear();
        (self.count, self.end, self.line, self.file) = (0, 0, 0, 0);
    }

    fn begin(&mut self, start: u32) {
        if self.count != 0 {
            self.anchors.extend_from_slice(&start.to_le_bytes());
            let position = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
            self.anchors.extend_from_slice(&position.to_le_bytes());
            self.end = start;
        }
        self.line = 0;
    }
}

/// The row that holds the offset, of rows as they were written.
#[inline]
pub(crate) fn find(stream: &[u8], offset: u32, has_origin: bool) -> Option<Row> {
    let mut stream = Cursor::new(stream);
    let count = stream.next()?;
    let anchors = count.checked_sub(1)? / STRIDE;
    let list = stream.take(anchors.checked_mul(ANCHOR_BYTES)?)?;
    let (mut start, mut rows) = (0, stream);
    let mut left = count.min(STRIDE);
    if let Some(number) = last_anchor(list, anchors, offset) {
        let (first, position) = anchor(list, number)?;
        start = first;
        rows = Cursor::new(stream.rest().get(usize::from(position)..)?);
        left = (count - (number + 1) * STRIDE).min(STRIDE);
    }
    walk(&mut rows, start, left, offset, has_origin)
}

fn walk(
    rows: &mut Cursor<'_>,
    mut end: u32,
    left: u32,
    offset: u32,
    has_origin: bool,
) -> Option<Row> {
    let mut row = Row::default();
    for _ in 0..left {
        let length = rows.wide()?;
        let gap = if length & 1 == 1 { rows.next()? } else { 0 };
        let start = end.checked_add(gap)?;
        if start > offset {
            return None;
        }
        end = start.checked_add(u32::try_from(length >> 1).ok()?)?;
        let line = rows.wide()?;
        row.line = unfold(row.line, line >> 1)?;
        if line & 1 == 1 {
            row.file = rows.next()?;
        }
        if has_origin {
            row.origin = rows.next()?;
        }
        if offset < end {
            return Some(row);
        }
    }
    None
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

/// Bytes as a length in front of them.
pub(crate) fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    put(out, narrow(block.len()));
    out.extend_from_slice(block);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(rows: &[(u32, u32, Row)], has_origin: bool) -> Vec<u8> {
        let mut writer = RowWriter::default();
        for (start, end, row) in rows {
            writer.push(
                *start,
                *end,
                row.line,
                row.file,
                has_origin.then_some(row.origin),
            );
        }
        let mut out = Vec::new();
        writer.finish(&mut out);
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
            let stream = write(&rows, has_origin);
            for offset in 0..at + 3 {
                let expected = rows
                    .iter()
                    .find(|(start, end, _)| (*start..*end).contains(&offset));
                let found = find(&stream, offset, has_origin);
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
        let stream = write(&rows, true);
        for (start, end, row) in &rows {
            assert_eq!(find(&stream, *start, true), Some(*row));
            assert_eq!(find(&stream, *end, true), None);
        }
    }

    #[test]
    fn no_rows_have_no_row() {
        assert_eq!(find(&write(&[], true), 0, true), None);
        assert_eq!(find(&[], 0, true), None);
    }
}
