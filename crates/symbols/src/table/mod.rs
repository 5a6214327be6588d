// SPDX-License-Identifier: MPL-2.0
//! The symbols of one module, compact in memory, and the lookup of an address among them.
//!
//! A table is built from a whole symbol file by [`Parser`](crate::Parser) or
//! [`SymbolTable::read`]. Answers may borrow from the table or own their texts, so that a table
//! which unpacks pages on demand can give the same [`Symbol`]s.

pub(crate) mod builder;
pub(crate) mod ranges;
mod strings;

use std::borrow::Cow;

use crate::header::{CodeInfo, Header};
use strings::{StringId, Strings};

/// The symbols of one module.
#[derive(Debug)]
pub struct SymbolTable {
    header: Header,
    /// Start addresses, ascending, each once.
    addresses: Vec<u64>,
    /// One row for each address.
    symbols: Vec<SymbolRow>,
    lines: Vec<LineRow>,
    calls: Vec<CallRow>,
    strings: Strings,
}

/// The symbol that an address belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Name of the function or public symbol.
    pub function: Cow<'a, str>,
    /// Distance of the address from the symbol's start.
    pub function_offset: u64,
    /// Size of the function, if the address lies within it.
    pub function_size: Option<u64>,
    /// Source file; with inlines, of the call to the outermost one.
    pub file: Option<Cow<'a, str>>,
    /// Line in that file, never 0.
    pub line: Option<u32>,
    /// Functions inlined at the address, innermost first.
    pub inlines: Vec<Inline<'a>>,
}

/// One inlined function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inline<'a> {
    /// Its name, if the file has it.
    pub function: Option<Cow<'a, str>>,
    /// Source file.
    pub file: Option<Cow<'a, str>>,
    /// Line in that file, never 0.
    pub line: Option<u32>,
}

/// A symbol. A public symbol is one of size 0: no address lies within it.
#[derive(Debug)]
struct SymbolRow {
    size: u64,
    name: StringId,
    /// First and end of its rows in the list of lines, disjoint and ascending.
    lines: (u32, u32),
    /// First and end of its rows in the list of calls, by depth, then disjoint and ascending.
    calls: (u32, u32),
}

/// Which source line a range of a function comes from.
#[derive(Debug)]
struct LineRow {
    start: u32,
    end: u32,
    line: u32,
    file: StringId,
}

/// Which inlined call a range of a function belongs to.
#[derive(Debug)]
struct CallRow {
    depth: u32,
    start: u32,
    end: u32,
    line: u32,
    file: StringId,
    origin: StringId,
}

/// A place in the source text.
type Place<'a> = (Option<Cow<'a, str>>, Option<u32>);

impl SymbolTable {
    /// Returns the symbol with the greatest start that is not above the address.
    #[must_use]
    pub fn lookup(&self, address: u64) -> Option<Symbol<'_>> {
        let at = self
            .addresses
            .partition_point(|start| *start <= address)
            .checked_sub(1)?;
        let (start, row) = (self.addresses.get(at)?, self.symbols.get(at)?);
        let function_offset = address - start;
        let mut symbol = Symbol {
            function: self.text(row.name).unwrap_or_default(),
            function_offset,
            function_size: None,
            file: None,
            line: None,
            inlines: Vec::new(),
        };
        if function_offset < row.size {
            symbol.function_size = Some(row.size);
            self.add_source(&mut symbol, row);
        }
        Some(symbol)
    }

    /// Returns the name of that symbol and the distance of the address from its start.
    #[must_use]
    pub fn name(&self, address: u64) -> Option<(Cow<'_, str>, u64)> {
        let at = self
            .addresses
            .partition_point(|start| *start <= address)
            .checked_sub(1)?;
        let (start, row) = (self.addresses.get(at)?, self.symbols.get(at)?);
        Some((self.text(row.name).unwrap_or_default(), address - start))
    }

    /// Returns what the file's `MODULE` and `INFO CODE_ID` records say.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the code id and code file, if the file has an `INFO CODE_ID` record.
    #[must_use]
    pub fn code_info(&self) -> Option<&CodeInfo> {
        self.header.code.as_ref()
    }

    /// Returns the addresses that have a symbol of their own, ascending.
    #[must_use]
    pub fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// Returns their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Tells whether the module has no symbols at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Returns how much memory the table takes, for caches that count in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.addresses.len() * size_of::<u64>()
            + self.symbols.len() * size_of::<SymbolRow>()
            + self.lines.len() * size_of::<LineRow>()
            + self.calls.len() * size_of::<CallRow>()
            + self.strings.memory_bytes()
    }

    /// Fills in lines and inlines. The function itself lies at the call of depth 0, each inlined
    /// function at the call one level deeper, and the innermost at the line record.
    fn add_source<'a>(&'a self, symbol: &mut Symbol<'a>, row: &SymbolRow) {
        let Ok(offset) = u32::try_from(symbol.function_offset) else {
            return;
        };
        let mut function: Option<Option<Cow<'a, str>>> = None;
        for call in self.calls_at(row, offset) {
            let place = self.place(call.file, call.line);
            place_function(symbol, function.take(), place);
            function = Some(self.text(call.origin));
        }
        let lines = slice(&self.lines, row.lines);
        let line = covering(lines, offset, |line| (line.start, line.end));
        let place = line
            .map(|line| self.place(line.file, line.line))
            .unwrap_or_default();
        place_function(symbol, function, place);
        symbol.inlines.reverse();
    }

    /// The calls that contain the offset: depth 0, 1, 2 … up to the first depth without one.
    fn calls_at(&self, row: &SymbolRow, offset: u32) -> impl Iterator<Item = &CallRow> {
        let mut rest = slice(&self.calls, row.calls);
        let mut depth = 0u32;
        std::iter::from_fn(move || {
            let end = rest.partition_point(|call| call.depth <= depth);
            let (level, deeper) = rest.split_at_checked(end)?;
            // Depths below the current one are used up, so the level holds this depth only.
            let call = covering(level, offset, |call| (call.start, call.end))?;
            rest = deeper;
            depth = depth.checked_add(1)?;
            Some(call)
        })
    }

    fn place(&self, file: StringId, line: u32) -> Place<'_> {
        let file = self.text(file);
        let line = Some(line).filter(|line| *line != 0 && file.is_some());
        (file, line)
    }

    fn text(&self, id: StringId) -> Option<Cow<'_, str>> {
        self.strings.get(id).map(Cow::Borrowed)
    }
}

/// Puts an inlined function, or without one the outer function, at a place.
fn place_function<'a>(
    symbol: &mut Symbol<'a>,
    inlined: Option<Option<Cow<'a, str>>>,
    (file, line): Place<'a>,
) {
    match inlined {
        Some(function) => symbol.inlines.push(Inline {
            function,
            file,
            line,
        }),
        None => (symbol.file, symbol.line) = (file, line),
    }
}

/// The row whose range holds the offset, of rows that are disjoint and ascending.
fn covering<R>(rows: &[R], offset: u32, range: impl Fn(&R) -> (u32, u32)) -> Option<&R> {
    let at = rows
        .partition_point(|row| range(row).0 <= offset)
        .checked_sub(1)?;
    rows.get(at).filter(|row| offset < range(row).1)
}

fn slice<R>(rows: &[R], (start, end): (u32, u32)) -> &[R] {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range
        .and_then(|(start, end)| rows.get(start..end))
        .unwrap_or_default()
}
