// SPDX-License-Identifier: MPL-2.0
//! What an index holds of one function: its size, source lines and inlined calls.
//!
//! ```text
//! size, form       0: nothing more   1: rows are in pages of their own   n + 1: n lists of rows
//! form 1           number of parts; start of each part as distance from the one before
//! form n + 1       bytes of each list; the lists: source lines, then the calls of each depth
//! ```
//! Part `k` of `n` is the page that lies `n - k` places before this one. Its only body has no size,
//! but its form and lists.

use super::rows::{Row, find};
use super::varint::Cursor;
use crate::number::index;

pub(crate) const NOTHING: u32 = 0;
pub(crate) const PARTS: u32 = 1;

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
    count: u32,
    /// Bytes of each list.
    lengths: Cursor<'a>,
    /// The lists, and whatever follows them in the page.
    lists: &'a [u8],
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
        PARTS => part(body, offset).map(Rows::Before),
        form => Levels::read(body, form - 1).map(Rows::Here),
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
        let mut body = Cursor::new(body);
        let count = body.next()?.checked_sub(1)?;
        Self::read(body, count)
    }

    fn read(mut body: Cursor<'a>, count: u32) -> Option<Self> {
        let lengths = body;
        for _ in 0..count {
            body.next()?;
        }
        Some(Self {
            count,
            lengths,
            lists: body.rest(),
        })
    }

    /// The source line at an offset.
    #[inline]
    pub(crate) fn line(&self, offset: u32) -> Option<Row> {
        find(self.lists, offset)
    }

    /// The calls that contain the offset: depth 0, 1, 2 … up to the first depth without one.
    #[inline]
    pub(crate) fn calls(&self, offset: u32) -> impl Iterator<Item = Row> + 'a {
        let calls = self.lists().skip(1);
        calls.map_while(move |list| find(list, offset))
    }

    /// Tells whether all lists are there.
    pub(crate) fn is_whole(&self) -> bool {
        self.lists().count() == index(self.count)
    }

    /// All lists of rows, each with what follows it: lines first, then the calls by depth.
    #[inline]
    fn lists(&self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let (mut lengths, mut rest) = (self.lengths, self.lists);
        (0..self.count).map_while(move |_| {
            let list = rest;
            rest = rest.get(index(lengths.next()?)..)?;
            Some(list)
        })
    }
}
