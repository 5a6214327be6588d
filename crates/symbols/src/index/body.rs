// SPDX-License-Identifier: MPL-2.0
//! What an index holds of one function: its size, source lines and inlined calls.
//!
//! ```text
//! size, form       0: nothing more   1: rows follow   2: rows are in pages of their own
//! form 1           length, rows of lines; then for each depth: length, rows of calls
//! form 2           number of parts; start of each part as distance from the one before
//! ```
//! Part `k` of `n` is the only body of the page that lies `n - k` places before this one.

use super::rows::{Row, find};
use super::varint::Cursor;

pub(crate) const NOTHING: u32 = 0;
pub(crate) const ROWS: u32 = 1;
pub(crate) const PARTS: u32 = 2;

/// Where the rows of a function are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    None,
    Here(Levels<'a>),
    /// In a page so many places before this one.
    Before(u32),
}

/// Lines and calls of a function or a part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels<'a> {
    lines: &'a [u8],
    calls: Cursor<'a>,
}

/// The size of a function.
pub(crate) fn size(body: &[u8]) -> Option<u64> {
    Cursor::new(body).wide()
}

/// The rows that tell about an offset into the function.
pub(crate) fn rows(body: &[u8], offset: u32) -> Option<Rows<'_>> {
    let mut body = Cursor::new(body);
    body.wide()?;
    match body.next()? {
        NOTHING => Some(Rows::None),
        ROWS => Levels::read(body).map(Rows::Here),
        PARTS => part(body, offset).map(Rows::Before),
        _ => None,
    }
}

/// Which part an offset is in, as the number of pages to go back.
fn part(mut body: Cursor<'_>, offset: u32) -> Option<u32> {
    let count = body.next()?;
    let mut start = 0u32;
    let mut found = 0;
    for number in 0..count {
        start = start.checked_add(body.next()?)?;
        if start > offset {
            break;
        }
        found = number;
    }
    count.checked_sub(found)
}

impl<'a> Levels<'a> {
    pub(crate) fn of_part(body: &'a [u8]) -> Option<Self> {
        Self::read(Cursor::new(body))
    }

    fn read(mut body: Cursor<'a>) -> Option<Self> {
        let length = body.next()?;
        let lines = body.take(length)?;
        Some(Self { lines, calls: body })
    }

    /// The source line at an offset.
    pub(crate) fn line(&self, offset: u32) -> Option<Row> {
        find(self.lines, offset, false)
    }

    /// The calls that contain the offset: depth 0, 1, 2 … up to the first depth without one.
    pub(crate) fn calls(&self, offset: u32) -> impl Iterator<Item = Row> + 'a {
        let mut calls = self.calls;
        std::iter::from_fn(move || {
            let length = calls.next()?;
            find(calls.take(length)?, offset, true)
        })
    }

    /// All streams of rows: lines first, then the calls by depth.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut calls = self.calls;
        let levels = std::iter::from_fn(move || {
            let length = calls.next()?;
            calls.take(length)
        });
        std::iter::once(self.lines).chain(levels)
    }
}
