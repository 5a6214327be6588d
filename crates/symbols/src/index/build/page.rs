// SPDX-License-Identifier: MPL-2.0
//! Functions of one block of a symbol file as pages; the names that they use are still numbers.

use std::collections::HashMap;

use crate::index::body::{NOTHING, PARTS};
use crate::index::names::Kind;
use crate::index::page::PageParts;
use crate::index::root::PageKind;
use crate::index::rows::{self, MAX_ROWS, RowWriter};
use crate::index::varint::{put, put_wide};
use crate::number::{index, narrow};
use crate::table::ranges::Span;

/// A page without its names.
#[derive(Debug)]
pub(crate) struct RawPage {
    pub(crate) kind: PageKind,
    pub(crate) parts: PageParts,
    /// Names that bodies refer to, in the order of their places.
    pub(crate) used: Vec<(Kind, u32)>,
}

/// A range of a function with its line, file and, for a call, origin.
pub(crate) type Row = Span<(u32, u32, u32)>;

/// Rows of a function that are disjoint and ascending.
pub(crate) type Rows = [Row];

/// Rows of a function: lines, and calls by depth.
#[derive(Debug, Default)]
pub(crate) struct FunctionRows {
    pub(crate) lines: Vec<Row>,
    pub(crate) calls: Vec<Vec<Row>>,
}

/// Collects functions into pages.
#[derive(Debug)]
pub(crate) struct PageWriter {
    page_bytes: usize,
    parts: PageParts,
    used: Places,
    rows: RowWriter,
    /// Lists of rows of the current function, and the bytes of each.
    lists: Vec<u8>,
    list_lengths: Vec<u32>,
    /// Starts and sizes of what is in the page, to decide between equal starts.
    last: Option<(u64, u64)>,
    pub(crate) pages: Vec<RawPage>,
}

/// About what a name takes in a page.
const NAME_BYTES: usize = 160;

impl PageWriter {
    pub(crate) fn new(page_bytes: usize) -> Self {
        Self {
            page_bytes,
            parts: PageParts::default(),
            used: Places::default(),
            rows: RowWriter::default(),
            lists: Vec::new(),
            list_lengths: Vec::new(),
            last: None,
            pages: Vec::new(),
        }
    }

    /// Appends a function that starts not below the last. Of equal starts the larger function
    /// counts, of equal sizes the first.
    pub(crate) fn function(&mut self, start: u64, size: u64, name: &[u8], rows: &FunctionRows) {
        if let Some((last, last_size)) = self.last
            && last == start
            && !self.parts.starts.is_empty()
        {
            if size <= last_size {
                return;
            }
            self.parts.drop_entry();
        }
        if !self.parts.reaches(start) {
            self.flush();
        }
        self.last = Some((start, size));
        let count = rows.lines.len() + rows.calls.iter().map(Vec::len).sum::<usize>();
        if count > MAX_ROWS {
            self.large_function(start, size, name, rows);
            return;
        }
        let body_start = self.parts.bodies.len();
        put_wide(&mut self.parts.bodies, size);
        if count == 0 {
            put(&mut self.parts.bodies, NOTHING);
        } else {
            self.rows(&rows.lines, &rows.calls);
        }
        self.parts.close_entry(start, body_start, name);
        let names = self.used.list.len() * NAME_BYTES + self.parts.text.len();
        if self.parts.bodies.len() + names >= self.page_bytes {
            self.flush();
        }
    }

    /// Ends the current page, if anything is in it.
    pub(crate) fn flush(&mut self) {
        if !self.parts.starts.is_empty() {
            self.close_page(PageKind::Functions);
        }
    }

    fn close_page(&mut self, kind: PageKind) {
        self.pages.push(RawPage {
            kind,
            parts: std::mem::take(&mut self.parts),
            used: self.used.take(),
        });
    }

    /// Appends form and lists of rows to the bodies.
    fn rows(&mut self, lines: &Rows, calls: &[Vec<Row>]) {
        for span in lines {
            let (line, file, _) = span.value;
            let file = self.used.place(Kind::File, file);
            let origin = 0;
            self.rows
                .push(span.start, span.end, rows::Row { line, file, origin });
        }
        self.close_list();
        for level in calls.iter().take_while(|level| !level.is_empty()) {
            for span in level {
                let (line, file, origin) = span.value;
                let file = self.used.place(Kind::File, file);
                let origin = self.used.place(Kind::Origin, origin);
                self.rows
                    .push(span.start, span.end, rows::Row { line, file, origin });
            }
            self.close_list();
        }
        let bodies = &mut self.parts.bodies;
        put(bodies, narrow(self.list_lengths.len() + 1));
        self.list_lengths
            .drain(..)
            .for_each(|length| put(bodies, length));
        bodies.append(&mut self.lists);
    }

    fn close_list(&mut self) {
        let before = self.lists.len();
        self.rows.finish(&mut self.lists);
        self.list_lengths.push(narrow(self.lists.len() - before));
    }

    /// A function whose rows would make a page too large gets pages for them alone.
    fn large_function(&mut self, start: u64, size: u64, name: &[u8], rows: &FunctionRows) {
        self.flush();
        let cuts = cuts(rows);
        let ends = cuts.iter().skip(1).copied().chain([u32::MAX]);
        for (from, to) in cuts.iter().copied().zip(ends) {
            let lines = clip(&rows.lines, from, to);
            let calls: Vec<_> = rows
                .calls
                .iter()
                .map(|level| clip(level, from, to))
                .collect();
            self.rows(&lines, &calls);
            self.parts.first = start.saturating_add(u64::from(from));
            self.parts.last = self.parts.first;
            self.close_page(PageKind::Part);
        }
        put_wide(&mut self.parts.bodies, size);
        put(&mut self.parts.bodies, PARTS);
        put(&mut self.parts.bodies, narrow(cuts.len()));
        let mut before = 0;
        for cut in cuts {
            put(&mut self.parts.bodies, cut - before);
            before = cut;
        }
        self.parts.close_entry(start, 0, name);
        self.flush();
    }
}

/// Where to cut rows so that no part has too many of them.
fn cuts(rows: &FunctionRows) -> Vec<u32> {
    let levels = rows.calls.iter().chain([&rows.lines]);
    let mut starts: Vec<u32> = levels.flatten().map(|span| span.start).collect();
    starts.sort_unstable();
    let mut cuts = vec![0];
    // A part also holds the rows that reach into it: one of each depth at most.
    cuts.extend(
        starts
            .chunks(MAX_ROWS / 2)
            .skip(1)
            .filter_map(|chunk| chunk.first()),
    );
    cuts.dedup();
    cuts
}

fn clip(rows: &Rows, from: u32, to: u32) -> Vec<Row> {
    let begin = rows.partition_point(|span| span.end <= from);
    let reaching = rows.iter().skip(begin).take_while(|span| span.start < to);
    let clipped = reaching.map(|span| Span {
        start: span.start.max(from),
        end: span.end.min(to),
        ..*span
    });
    clipped.collect()
}

/// Gives the names that a page uses places, in the order of their first use.
#[derive(Debug, Default)]
struct Places {
    list: Vec<(Kind, u32)>,
    files: PlacesOf,
    origins: PlacesOf,
    /// Number of the page; entries of others do not count.
    page: u32,
}

#[derive(Debug, Default)]
struct PlacesOf {
    /// Page and place by number.
    dense: Vec<(u32, u32)>,
    sparse: HashMap<u32, (u32, u32)>,
}

const DENSE: u32 = 1 << 20;

impl Places {
    #[inline]
    fn place(&mut self, kind: Kind, number: u32) -> u32 {
        // The first page has the number 1: an entry never written belongs to no page.
        let page = self.page + 1;
        let places = match kind {
            Kind::File => &mut self.files,
            Kind::Origin => &mut self.origins,
        };
        let entry = places.entry(number);
        if entry.0 != page {
            *entry = (page, narrow(self.list.len()));
            self.list.push((kind, number));
        }
        entry.1
    }

    fn take(&mut self) -> Vec<(Kind, u32)> {
        self.page = self.page.wrapping_add(1) % (u32::MAX - 1);
        std::mem::take(&mut self.list)
    }
}

impl PlacesOf {
    #[inline]
    fn entry(&mut self, number: u32) -> &mut (u32, u32) {
        let at = index(number);
        if number < DENSE && at >= self.dense.len() {
            self.dense.resize(at + 1, (0, 0));
        }
        match self.dense.get_mut(at) {
            Some(entry) => entry,
            None => self.sparse.entry(number).or_insert((0, 0)),
        }
    }
}
