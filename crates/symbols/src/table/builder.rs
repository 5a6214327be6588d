// SPDX-License-Identifier: MPL-2.0
//! Collects the records of a symbol file and turns them into a [`SymbolTable`].

use std::cmp::Reverse;

use super::ranges::{Span, resolve};
use super::strings::{Interner, NO_STRING, NumberedNames, StringId};
use super::{CallRow, LineRow, SymbolRow, SymbolTable};
use crate::header::Header;

/// What a line record says about its range: line and file number.
type LineAt = (u32, u32);

/// What an `INLINE` record says about its range: depth, line and file number of the call, origin.
type CallAt = (u32, u32, u32, u32);

/// A table under construction.
#[derive(Debug, Default)]
pub(crate) struct TableBuilder {
    strings: Interner,
    files: NumberedNames,
    origins: NumberedNames,
    candidates: Vec<Candidate>,
    lines: Vec<LineRow>,
    calls: Vec<CallRow>,
    open: Option<OpenFunction>,
    open_lines: Vec<Span<LineAt>>,
    open_calls: Vec<Span<CallAt>>,
    is_full: bool,
}

/// A `FUNC` or `PUBLIC` record; which of those with equal addresses counts is decided at the end.
#[derive(Debug)]
struct Candidate {
    address: u64,
    is_public: bool,
    row: SymbolRow,
}

/// The `FUNC` whose lines are being read.
#[derive(Debug)]
struct OpenFunction {
    address: u64,
    size: u64,
    name: StringId,
}

impl TableBuilder {
    pub(crate) fn function(&mut self, address: u64, size: u64, name: &[u8]) {
        self.close_function();
        if let Some(name) = self.intern(name) {
            self.open = Some(OpenFunction {
                address,
                size,
                name,
            });
        }
    }

    pub(crate) fn public(&mut self, address: u64, name: &[u8]) {
        self.close_function();
        if let Some(name) = self.intern(name) {
            let row = SymbolRow {
                size: 0,
                name,
                lines: (0, 0),
                calls: (0, 0),
            };
            self.candidates.push(Candidate {
                address,
                is_public: true,
                row,
            });
        }
    }

    pub(crate) fn line(&mut self, address: u64, size: u64, line: u32, file: u32) {
        if let Some(open) = &self.open {
            let function = (open.address, open.size);
            self.open_lines
                .extend(Span::clip((address, size), function, (line, file)));
        }
    }

    pub(crate) fn inline(
        &mut self,
        depth: u32,
        range: (u64, u64),
        (call_line, call_file): LineAt,
        origin: u32,
    ) {
        if let Some(open) = &self.open {
            let function = (open.address, open.size);
            let call = (depth, call_line, call_file, origin);
            self.open_calls.extend(Span::clip(range, function, call));
        }
    }

    pub(crate) fn file(&mut self, number: u32, name: &[u8]) {
        if let Some(name) = self.intern(name) {
            self.files.add(number, name);
        }
    }

    pub(crate) fn inline_origin(&mut self, number: u32, name: &[u8]) {
        if let Some(name) = self.intern(name) {
            self.origins.add(number, name);
        }
    }

    /// Ends the block of the last `FUNC`, if one is open.
    pub(crate) fn close_function(&mut self) {
        let Some(OpenFunction {
            address,
            size,
            name,
        }) = self.open.take()
        else {
            return;
        };
        let (first_line, first_call) = (self.lines.len(), self.calls.len());
        self.close_lines();
        self.close_calls();
        let lines = self.row_range(first_line, self.lines.len());
        let calls = self.row_range(first_call, self.calls.len());
        let row = SymbolRow {
            size,
            name,
            lines,
            calls,
        };
        self.candidates.push(Candidate {
            address,
            is_public: false,
            row,
        });
    }

    pub(crate) fn symbol_count(&self) -> usize {
        self.candidates.len()
    }

    /// Tells whether a name or row did not fit into 32-bit numbers, so that the table is wrong.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.strings.memory_bytes()
            + self.files.memory_bytes()
            + self.origins.memory_bytes()
            + self.candidates.len() * size_of::<Candidate>()
            + self.lines.len() * size_of::<LineRow>()
            + self.calls.len() * size_of::<CallRow>()
            + self.open_lines.len() * size_of::<Span<LineAt>>()
            + self.open_calls.len() * size_of::<Span<CallAt>>()
    }

    pub(crate) fn finish(mut self, header: Header) -> SymbolTable {
        self.close_function();
        self.name_rows();
        self.lines.shrink_to_fit();
        self.calls.shrink_to_fit();
        // The sort is stable: what is equal stays in the order of the file.
        self.candidates
            .sort_by_key(|c| (c.address, c.is_public, Reverse(c.row.size)));
        self.candidates.dedup_by_key(|candidate| candidate.address);
        SymbolTable {
            header,
            addresses: self
                .candidates
                .iter()
                .map(|candidate| candidate.address)
                .collect(),
            symbols: self
                .candidates
                .into_iter()
                .map(|candidate| candidate.row)
                .collect(),
            lines: self.lines,
            calls: self.calls,
            strings: self.strings.finish(),
        }
    }

    fn close_lines(&mut self) {
        let rows = &mut self.lines;
        resolve(&mut self.open_lines, |start, end, (line, file)| {
            rows.push(LineRow {
                start,
                end,
                line,
                file,
            });
        });
        self.open_lines.clear();
    }

    fn close_calls(&mut self) {
        let rows = &mut self.calls;
        self.open_calls.sort_by_key(|span| span.value.0);
        for spans in self
            .open_calls
            .chunk_by_mut(|left, right| left.value.0 == right.value.0)
        {
            resolve(spans, |start, end, (depth, line, file, origin)| {
                rows.push(CallRow {
                    depth,
                    start,
                    end,
                    line,
                    file,
                    origin,
                });
            });
        }
        self.open_calls.clear();
    }

    /// Replaces the file's numbers in the rows by names; `FILE` records may come last.
    fn name_rows(&mut self) {
        self.files.sort();
        self.origins.sort();
        for row in &mut self.lines {
            row.file = self.files.get(row.file).unwrap_or(NO_STRING);
        }
        for row in &mut self.calls {
            row.file = self.files.get(row.file).unwrap_or(NO_STRING);
            row.origin = self.origins.get(row.origin).unwrap_or(NO_STRING);
        }
    }

    fn intern(&mut self, name: &[u8]) -> Option<StringId> {
        let id = self.strings.intern(name);
        self.is_full |= id.is_none();
        id
    }

    fn row_range(&mut self, start: usize, end: usize) -> (u32, u32) {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => (start, end),
            _ => {
                self.is_full = true;
                (0, 0)
            }
        }
    }
}
