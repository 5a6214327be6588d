// SPDX-License-Identifier: MPL-2.0
//! One block of a symbol file, parsed: pages of its functions, its public symbols and names.

use std::ops::Range;

use super::page::{FunctionRows, PageWriter, RawPage, Row};
use crate::index::names::Kind;
use crate::index::root::Counts;
use crate::number::{index, wide};
use crate::parse::plain;
use crate::parse::record::{Record, inline_fields, parse_line};
use crate::table::ranges::{Span, is_disjoint, resolve};

/// What a block holds. Ranges are positions in the block.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) pages: Vec<RawPage>,
    pub(crate) publics: Vec<(u64, Range<usize>)>,
    pub(crate) names: Vec<(Kind, u32, Range<usize>)>,
    /// `MODULE` and `INFO` lines.
    pub(crate) heads: Vec<Range<usize>>,
    pub(crate) counts: Counts,
    pub(crate) is_symbol_file: bool,
}

/// Parses blocks; keeps its memory from one to the next.
#[derive(Debug)]
pub(crate) struct BlockParser {
    line_bytes: usize,
    writer: PageWriter,
    found: Parsed,
    open: Option<Open>,
    lines: Vec<Row>,
    calls: Vec<Vec<Row>>,
    depths: usize,
    rows: FunctionRows,
}

#[derive(Debug)]
struct Open {
    start: u64,
    size: u64,
    name: Range<usize>,
}

/// Functions do not come in the order of their addresses.
struct Disorder;

impl BlockParser {
    pub(crate) fn new(page_bytes: usize, line_bytes: usize) -> Self {
        Self {
            line_bytes,
            writer: PageWriter::new(page_bytes),
            found: Parsed::default(),
            open: None,
            lines: Vec::new(),
            calls: Vec::new(),
            depths: 0,
            rows: FunctionRows::default(),
        }
    }

    pub(crate) fn parse(&mut self, block: &[u8]) -> Parsed {
        if self.run(block, 0..block.len(), Some(0)).is_err() {
            self.reset();
            for range in ordered(block, self.line_bytes) {
                // Each range has one function, so there is no order to keep.
                let _ = self.run(block, range, None);
            }
            self.found.names.sort_by_key(|(_, _, name)| name.start);
            self.found.heads.sort_by_key(|head| head.start);
            self.found.publics.sort_by_key(|(_, name)| name.start);
        }
        self.writer.flush();
        self.found.pages = std::mem::take(&mut self.writer.pages);
        std::mem::take(&mut self.found)
    }

    fn reset(&mut self) {
        self.writer.flush();
        self.writer.pages.clear();
        self.found = Parsed::default();
        self.open = None;
        self.clear_rows();
    }

    /// Parses a range of a block; stops when a function starts below the last one.
    fn run(
        &mut self,
        block: &[u8],
        range: Range<usize>,
        floor: Option<u64>,
    ) -> Result<(), Disorder> {
        let mut floor = floor;
        let mut at = range.start;
        while at < range.end {
            let rest = block.get(at..range.end).unwrap_or_default();
            if let Some(after) = self.plain(rest) {
                at = range.end - after.len();
                continue;
            }
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            if line.len() <= self.line_bytes {
                let start = self.line(block, at, line);
                if let (Some(start), Some(lowest)) = (start, floor) {
                    if start < lowest {
                        return Err(Disorder);
                    }
                    floor = Some(start);
                }
            }
            at += length + 1;
        }
        self.close_function(block);
        Ok(())
    }

    /// Takes the line that a text begins with if it belongs to a function and is written plainly;
    /// returns what follows it.
    #[inline]
    fn plain<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        let open = self.open.as_ref()?;
        let function = (open.start, open.size);
        if text.first() == Some(&b'I') {
            return self.plain_call(text, function);
        }
        let ((address, size, line, file), rest) = plain::source_line(text)?;
        if text.len() - rest.len() > self.line_bytes {
            return None;
        }
        let range = (u64::from(address), u64::from(size));
        self.lines
            .extend(Span::clip(range, function, (line, file, 0)));
        Some(rest)
    }

    #[inline]
    fn plain_call<'t>(&mut self, text: &'t [u8], function: (u64, u64)) -> Option<&'t [u8]> {
        let ((depth, call), mut ranges) = plain::call(text)?;
        let level = level(&mut self.calls, depth)?;
        let before = level.len();
        for (start, size) in ranges.by_ref() {
            let range = (u64::from(start), u64::from(size));
            level.extend(Span::clip(range, function, call));
        }
        let rest = ranges.rest();
        let is_whole = rest.is_some_and(|rest| text.len() - rest.len() <= self.line_bytes);
        if !is_whole {
            level.truncate(before);
            return None;
        }
        if level.len() > before {
            self.depths = self.depths.max(index(depth) + 1);
        }
        rest
    }

    /// Takes a line; returns the start of the function that it begins.
    fn line(&mut self, block: &[u8], at: usize, line: &[u8]) -> Option<u64> {
        if let [b'I', b'N', b'L', b'I', b'N', b'E', b' ' | b'\t', ..] = line {
            self.inline(line);
            return None;
        }
        match parse_line(line) {
            Record::Line {
                address,
                size,
                line,
                file,
            } => {
                if let Some(open) = &self.open
                    && let Some(span) =
                        Span::clip((address, size), (open.start, open.size), (line, file, 0))
                {
                    self.lines.push(span);
                }
            }
            Record::Function {
                address,
                size,
                name,
            } => {
                self.close_function(block);
                let name = place(at, line, name);
                self.open = Some(Open {
                    start: address,
                    size,
                    name,
                });
                return Some(address);
            }
            other => self.rare(block, at, line, other),
        }
        None
    }

    fn rare(&mut self, block: &[u8], at: usize, line: &[u8], record: Record<'_>) {
        match record {
            Record::Public { address, name } => {
                self.close_function(block);
                self.found.is_symbol_file = true;
                self.found.counts.publics += 1;
                self.found.publics.push((address, place(at, line, name)));
            }
            Record::File { number, name } => {
                self.found
                    .names
                    .push((Kind::File, number, place(at, line, name)));
            }
            Record::InlineOrigin { number, name } => {
                self.found
                    .names
                    .push((Kind::Origin, number, place(at, line, name)));
            }
            Record::BadFunction | Record::Stack => self.close_function(block),
            Record::Module(_) => {
                self.found.is_symbol_file = true;
                self.found.heads.push(at..at + line.len());
            }
            Record::Info(_) => self.found.heads.push(at..at + line.len()),
            Record::Other
            | Record::Function { .. }
            | Record::Line { .. }
            | Record::Inline { .. } => {}
        }
    }

    /// Takes an `INLINE` record: as a whole or, when one of its ranges is malformed, not at all.
    fn inline(&mut self, mut line: &[u8]) {
        while let [head @ .., b'\r'] = line {
            line = head;
        }
        let (Some(open), Some((depth, call, mut ranges))) = (&self.open, inline_fields(line))
        else {
            return;
        };
        let Some(level) = level(&mut self.calls, depth) else {
            return;
        };
        let before = level.len();
        while !ranges.is_empty() {
            let (Some(start), Some(size)) = (ranges.hex(), ranges.hex()) else {
                level.truncate(before);
                return;
            };
            if let Some(span) = Span::clip((start, size), (open.start, open.size), call) {
                level.push(span);
            }
        }
        if level.len() > before {
            self.depths = self.depths.max(index(depth) + 1);
        }
    }

    fn close_function(&mut self, block: &[u8]) {
        let Some(open) = self.open.take() else {
            return;
        };
        disjoint(&mut self.lines, &mut self.rows.lines);
        while self.rows.calls.len() < self.depths {
            self.rows.calls.push(Vec::new());
        }
        for (level, rows) in self
            .calls
            .iter_mut()
            .zip(&mut self.rows.calls)
            .take(self.depths)
        {
            disjoint(level, rows);
        }
        let counts = &mut self.found.counts;
        counts.functions += 1;
        counts.lines += wide(self.rows.lines.len());
        counts.inlines += self
            .rows
            .calls
            .iter()
            .map(|level| wide(level.len()))
            .sum::<u64>();
        self.found.is_symbol_file = true;
        let name = block.get(open.name).unwrap_or_default();
        self.writer
            .function(open.start, open.size, name, &self.rows);
        self.clear_rows();
    }

    fn clear_rows(&mut self) {
        self.lines.clear();
        self.calls.iter_mut().take(self.depths).for_each(Vec::clear);
        self.rows
            .calls
            .iter_mut()
            .take(self.depths)
            .for_each(Vec::clear);
        self.rows.lines.clear();
        self.depths = 0;
    }
}

/// The calls of a depth.
#[inline]
fn level(calls: &mut Vec<Vec<Row>>, depth: u32) -> Option<&mut Vec<Row>> {
    let depth = index(depth);
    if depth >= calls.len() {
        calls.resize_with(depth + 1, Vec::new);
    }
    calls.get_mut(depth)
}

/// The rows that count, disjoint and ascending.
fn disjoint(spans: &mut Vec<Row>, rows: &mut Vec<Row>) {
    rows.clear();
    if is_disjoint(spans) {
        std::mem::swap(spans, rows);
        return;
    }
    resolve(spans, |start, end, value| {
        rows.push(Span {
            address: 0,
            start,
            end,
            value,
        });
    });
}

/// Where a name at the end of a line is in the block.
fn place(at: usize, line: &[u8], name: &[u8]) -> Range<usize> {
    // The name is the end of the line but for carriage returns.
    let mut end = line.len();
    while end > 0 && line.get(end - 1) == Some(&b'\r') {
        end -= 1;
    }
    at + end.saturating_sub(name.len())..at + end
}

/// The block in pieces of one function each, in the order of their addresses; equal ones stay in
/// the order of the file. Lines between functions are a piece too, and come first.
fn ordered(block: &[u8], line_bytes: usize) -> Vec<Range<usize>> {
    let mut pieces: Vec<(u64, Range<usize>)> = vec![(0, 0..0)];
    let mut at = 0;
    while at < block.len() {
        let rest = block.get(at..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line = rest.get(..length).unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match parse_line(line) {
            _ if line.len() > line_bytes => {}
            Record::Function { address, .. } => pieces.push((address, at..at)),
            Record::BadFunction | Record::Stack | Record::Public { .. } => pieces.push((0, at..at)),
            _ => {}
        }
        at += length;
        if let Some((_, piece)) = pieces.last_mut() {
            piece.end = at;
        }
    }
    pieces.sort_by_key(|(start, _)| *start);
    pieces.into_iter().map(|(_, piece)| piece).collect()
}
