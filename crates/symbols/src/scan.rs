// SPDX-License-Identifier: MPL-2.0
//! Answers from a symbol file that has no index yet: one look over the file notes where its
//! records are, and only the functions asked for are parsed.
//!
//! The look keeps up with anything that unpacks or downloads the file, so that a first answer
//! waits for the file and not for its index.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use crate::header::Header;
use crate::index::ReadAt;
use crate::number::wide;
use crate::parse::record::{Record, parse_line};
use crate::parse::{Limits, ParseError, Parser, Unit};
use crate::table::SymbolTable;

/// Takes the pieces of a symbol file and notes where its records are.
#[derive(Debug)]
pub struct Scan {
    limits: Limits,
    /// The beginning of a line whose end has not arrived yet, or its first bytes if it is too long.
    unfinished: Vec<u8>,
    /// Position of the line that is being read.
    line_start: u64,
    position: u64,
    is_open: bool,
    is_symbol_file: bool,
    found: Scanned,
}

/// Where the records of a symbol file are.
#[derive(Debug, Default)]
pub struct Scanned {
    limits: Limits,
    header: Header,
    functions: Vec<Function>,
    publics: Vec<Public>,
    files: Vec<Named>,
    origins: Vec<Named>,
}

/// A function and the lines that belong to it.
#[derive(Debug)]
struct Function {
    start: u64,
    size: u64,
    text: Range<u64>,
}

#[derive(Debug)]
struct Public {
    start: u64,
    text: Range<u64>,
}

/// A `FILE` or `INLINE_ORIGIN` record.
#[derive(Debug)]
struct Named {
    number: u32,
    text: Range<u64>,
}

impl Scan {
    /// Starts with the first byte of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            unfinished: Vec::new(),
            line_start: 0,
            position: 0,
            is_open: false,
            is_symbol_file: false,
            found: Scanned {
                limits: limits.clone(),
                ..Scanned::default()
            },
        }
    }

    /// Takes the next piece of the file.
    ///
    /// # Errors
    /// [`ParseError::TooLarge`] when a limit is exceeded.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), ParseError> {
        let begin = self.position;
        self.position = self.position.saturating_add(wide(piece.len()));
        let mut rest = piece;
        for end in memchr::memchr_iter(b'\n', piece) {
            let after = wide(end) + 1;
            let length = end + rest.len() - piece.len();
            let (line, tail) = rest.split_at_checked(length).unwrap_or((rest, b""));
            self.end_line(line);
            rest = tail.get(1..).unwrap_or_default();
            self.line_start = begin + after;
        }
        self.keep(rest);
        self.check()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`ParseError::Corrupt`] when no record of a symbol file was found.
    pub fn finish(mut self) -> Result<Scanned, ParseError> {
        self.end_line(b"");
        self.close_function(self.position);
        self.check()?;
        if !self.is_symbol_file {
            return Err(ParseError::Corrupt);
        }
        let mut found = self.found;
        // Stable sorts: of what is equal the first in the file counts.
        found
            .functions
            .sort_by_key(|function| (function.start, std::cmp::Reverse(function.size)));
        found.functions.dedup_by_key(|function| function.start);
        found.publics.sort_by_key(|public| public.start);
        found.publics.dedup_by_key(|public| public.start);
        for names in [&mut found.files, &mut found.origins] {
            names.sort_by_key(|name| name.number);
            names.dedup_by_key(|name| name.number);
        }
        Ok(found)
    }

    fn end_line(&mut self, end: &[u8]) {
        if self.unfinished.is_empty() {
            if end.len() <= self.limits.line_bytes {
                self.line(end);
            }
            return;
        }
        self.keep(end);
        let line = std::mem::take(&mut self.unfinished);
        if line.len() <= self.limits.line_bytes {
            self.line(&line);
        }
        self.unfinished = line;
        self.unfinished.clear();
    }

    /// Keeps the beginning of a line, one byte more than a line may have at most.
    fn keep(&mut self, part: &[u8]) {
        let room = self
            .limits
            .line_bytes
            .saturating_add(1)
            .saturating_sub(self.unfinished.len());
        self.unfinished
            .extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn line(&mut self, line: &[u8]) {
        // Lines of functions, which are most, are not looked at.
        match line {
            [b'F' | b'P' | b'M' | b'S', ..]
            | [b'I', b'N', b'F', ..]
            | [_, _, _, _, _, _, b'_', ..] => {
                self.record(line);
            }
            _ => {}
        }
    }

    fn record(&mut self, line: &[u8]) {
        let start_of_line = self.line_start;
        let text = start_of_line..start_of_line + wide(line.len());
        match parse_line(line) {
            Record::Function { address, size, .. } => {
                self.close_function(start_of_line);
                self.is_symbol_file = true;
                self.is_open = true;
                self.found.functions.push(Function {
                    start: address,
                    size,
                    text,
                });
            }
            Record::Public { address, .. } => {
                self.close_function(start_of_line);
                self.is_symbol_file = true;
                self.found.publics.push(Public {
                    start: address,
                    text,
                });
            }
            Record::BadFunction | Record::Stack => self.close_function(start_of_line),
            Record::File { number, .. } => self.found.files.push(Named { number, text }),
            Record::InlineOrigin { number, .. } => self.found.origins.push(Named { number, text }),
            Record::Module(text) => {
                self.is_symbol_file = true;
                self.found.header.note_module(text);
            }
            Record::Info(text) => self.found.header.note_info(text),
            Record::Line { .. } | Record::Inline { .. } | Record::Other => {}
        }
    }

    fn close_function(&mut self, end: u64) {
        if std::mem::take(&mut self.is_open)
            && let Some(function) = self.found.functions.last_mut()
        {
            function.text.end = end;
        }
    }

    fn check(&self) -> Result<(), ParseError> {
        if self.position > self.limits.file_bytes {
            let limit = self.limits.file_bytes;
            return Err(ParseError::TooLarge {
                unit: Unit::FileBytes,
                limit,
            });
        }
        if self.found.functions.len() + self.found.publics.len() > self.limits.symbols {
            let limit = wide(self.limits.symbols);
            return Err(ParseError::TooLarge {
                unit: Unit::Symbols,
                limit,
            });
        }
        if self.found.memory_bytes() > self.limits.table_bytes {
            let limit = wide(self.limits.table_bytes);
            return Err(ParseError::TooLarge {
                unit: Unit::TableBytes,
                limit,
            });
        }
        Ok(())
    }
}

impl Scanned {
    /// Returns what the file's `MODULE` and `INFO CODE_ID` records say.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns how much memory this takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.functions.capacity() * size_of::<Function>()
            + self.publics.capacity() * size_of::<Public>()
            + (self.files.capacity() + self.origins.capacity()) * size_of::<Named>()
    }

    /// Parses what the symbols of some addresses need. The table is right for these addresses
    /// only: symbols that none of them belongs to are not in it.
    ///
    /// # Errors
    /// The source, which is the same file unpacked, fails, or the functions exceed a limit.
    pub fn excerpt(
        &self,
        source: &(impl ReadAt + ?Sized),
        addresses: &[u64],
    ) -> Result<SymbolTable, ParseError> {
        let texts: BTreeSet<(u64, u64)> = addresses
            .iter()
            .filter_map(|address| self.text_of(*address))
            .collect();
        let mut blocks = Vec::with_capacity(texts.len());
        let mut used = Used::default();
        for (start, end) in texts {
            let text = source.read_at(start..end)?;
            used.note(&text);
            blocks.push(text);
        }
        let mut parser = Parser::of_excerpt(&self.limits, self.header.clone());
        for (names, numbers) in [(&self.files, &used.files), (&self.origins, &used.origins)] {
            for number in numbers {
                if let Some(text) = named(names, *number) {
                    feed(&mut parser, &source.read_at(text)?)?;
                }
            }
        }
        // A block may hold names too; those that count are in already.
        blocks
            .iter()
            .try_for_each(|block| feed(&mut parser, block))?;
        parser.finish()
    }

    /// Where the symbol of an address is: a function beats a public symbol at an equal start.
    fn text_of(&self, address: u64) -> Option<(u64, u64)> {
        let at = self
            .functions
            .partition_point(|function| function.start <= address);
        let function = at.checked_sub(1).and_then(|at| self.functions.get(at));
        let at = self
            .publics
            .partition_point(|public| public.start <= address);
        let public = at.checked_sub(1).and_then(|at| self.publics.get(at));
        let text = match (function, public) {
            (Some(function), Some(public)) if function.start < public.start => &public.text,
            (Some(function), _) => &function.text,
            (None, public) => &public?.text,
        };
        Some((text.start, text.end))
    }
}

fn feed(parser: &mut Parser, text: &[u8]) -> Result<(), ParseError> {
    parser.feed(text)?;
    parser.feed(b"\n")
}

fn named(names: &[Named], number: u32) -> Option<Range<u64>> {
    let at = names
        .binary_search_by_key(&number, |name| name.number)
        .ok()?;
    names.get(at).map(|name| name.text.clone())
}

/// Numbers of names that functions refer to.
#[derive(Debug, Default)]
struct Used {
    files: HashSet<u32>,
    origins: HashSet<u32>,
}

impl Used {
    fn note(&mut self, block: &[u8]) {
        for line in block.split(|byte| *byte == b'\n') {
            match parse_line(line) {
                Record::Line { file, .. } => {
                    self.files.insert(file);
                }
                Record::Inline {
                    call_file, origin, ..
                } => {
                    self.files.insert(call_file);
                    self.origins.insert(origin);
                }
                _ => {}
            }
        }
    }
}
