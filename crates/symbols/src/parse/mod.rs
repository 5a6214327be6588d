// SPDX-License-Identifier: MPL-2.0
//! Parsing a symbol file that arrives in pieces into a [`SymbolTable`].
//!
//! One bad record never costs the file: it is skipped. A file is refused only when nothing in it
//! is a symbol record, or when it exceeds a limit.

pub(crate) mod fields;
pub(crate) mod plain;
pub(crate) mod record;

use std::io::Read;

use crate::header::Header;
use crate::table::SymbolTable;
use crate::table::builder::TableBuilder;
use record::{Record, parse_line};

/// How much is read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bounds on what a symbol file may cost. The documented defaults are those of [`Default`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, uncompressed. Default 4 GiB.
    pub file_bytes: u64,
    /// Most `FUNC` and `PUBLIC` records together. Default 10,000,000.
    pub symbols: usize,
    /// Largest table in memory; never more than 4 GiB. Default 2 GiB.
    pub table_bytes: usize,
    /// Longest line that is looked at; a longer one is skipped like a malformed record.
    /// Default 16 MiB (names of 160 kB exist).
    pub line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 30,
            symbols: 10_000_000,
            table_bytes: 2 << 30,
            line_bytes: 16 << 20,
        }
    }
}

/// Why a file gave no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There is no `MODULE`, `FUNC` or `PUBLIC` record in the file (an empty file included).
    #[error("not a symbol file: it has no MODULE, FUNC or PUBLIC record")]
    Corrupt,
    /// The file exceeds one of the [`Limits`].
    #[error("the symbol file exceeds the limit of {limit} {unit}")]
    TooLarge {
        /// What is limited.
        unit: Unit,
        /// The limit.
        limit: u64,
    },
    /// Reading failed; for a compressed source this includes bad compression.
    #[error("cannot read the symbol file")]
    Read(#[from] std::io::Error),
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of the uncompressed file.
    FileBytes,
    /// `FUNC` and `PUBLIC` records.
    Symbols,
    /// Bytes of the table in memory.
    TableBytes,
    /// Bytes of one `FUNC` record and its lines.
    FunctionBytes,
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FileBytes => "bytes",
            Self::Symbols => "symbols",
            Self::TableBytes => "bytes in memory",
            Self::FunctionBytes => "bytes in one function",
        })
    }
}

/// A parser that is fed with the bytes of a symbol file in pieces of any size.
///
/// After an error it is of no further use.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    file_bytes: u64,
    /// The beginning of a line whose end has not arrived yet.
    unfinished_line: Vec<u8>,
    /// The current line is too long and dropped up to its end.
    is_skipping: bool,
    is_symbol_file: bool,
    header: Header,
    builder: TableBuilder,
}

impl Parser {
    /// Creates a parser for one file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            file_bytes: 0,
            unfinished_line: Vec::new(),
            is_skipping: false,
            is_symbol_file: false,
            header: Header::default(),
            builder: TableBuilder::default(),
        }
    }

    /// A parser for parts of a file whose header is known.
    pub(crate) fn of_excerpt(limits: &Limits, header: Header) -> Self {
        Self {
            header,
            is_symbol_file: true,
            ..Self::new(limits)
        }
    }

    /// Takes the next piece of the file.
    ///
    /// # Errors
    /// [`ParseError::TooLarge`] as soon as a limit is exceeded.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), ParseError> {
        // In small pieces, because the limits are checked after each.
        chunk
            .chunks(CHUNK_BYTES)
            .try_for_each(|piece| self.feed_piece(piece))
    }

    /// Ends the file and returns the table.
    ///
    /// # Errors
    /// [`ParseError::Corrupt`] when no record of a symbol file was found.
    pub fn finish(mut self) -> Result<SymbolTable, ParseError> {
        self.end_line(b"");
        self.builder.close_function();
        self.check_table()?;
        if !self.is_symbol_file {
            return Err(ParseError::Corrupt);
        }
        Ok(self.builder.finish(self.header))
    }

    fn feed_piece(&mut self, chunk: &[u8]) -> Result<(), ParseError> {
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.file_bytes = self.file_bytes.saturating_add(bytes);
        if self.file_bytes > self.limits.file_bytes {
            return Err(ParseError::TooLarge {
                unit: Unit::FileBytes,
                limit: self.limits.file_bytes,
            });
        }
        let mut rest = chunk;
        while let Some((line, tail)) =
            memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at))
        {
            self.end_line(line);
            rest = tail.get(1..).unwrap_or_default();
        }
        self.keep(rest);
        self.check_table()
    }

    fn end_line(&mut self, end: &[u8]) {
        if !self.is_skipping && self.unfinished_line.is_empty() {
            if end.len() <= self.limits.line_bytes {
                self.line(end);
            }
            return;
        }
        self.keep(end);
        if !self.is_skipping {
            let mut line = std::mem::take(&mut self.unfinished_line);
            self.line(&line);
            line.clear();
            self.unfinished_line = line;
        }
        self.is_skipping = false;
    }

    fn keep(&mut self, part: &[u8]) {
        if self.is_skipping {
            return;
        }
        if self.unfinished_line.len().saturating_add(part.len()) > self.limits.line_bytes {
            self.is_skipping = true;
            self.unfinished_line = Vec::new();
        } else {
            self.unfinished_line.extend_from_slice(part);
        }
    }

    fn line(&mut self, line: &[u8]) {
        match parse_line(line) {
            Record::Line {
                address,
                size,
                line,
                file,
            } => {
                self.builder.line(address, size, line, file);
            }
            Record::Inline {
                depth,
                call_line,
                call_file,
                origin,
                ranges,
            } => {
                for (address, size) in ranges {
                    self.builder
                        .inline(depth, (address, size), (call_line, call_file), origin);
                }
            }
            Record::Function {
                address,
                size,
                name,
            } => {
                self.is_symbol_file = true;
                self.builder.function(address, size, name);
            }
            Record::Public { address, name } => {
                self.is_symbol_file = true;
                self.builder.public(address, name);
            }
            Record::File { number, name } => self.builder.file(number, name),
            Record::InlineOrigin { number, name } => self.builder.inline_origin(number, name),
            Record::BadFunction | Record::Stack => self.builder.close_function(),
            Record::Module(text) => {
                self.is_symbol_file = true;
                self.header.note_module(text);
            }
            Record::Info(text) => self.header.note_info(text),
            Record::Other => {}
        }
    }

    fn check_table(&self) -> Result<(), ParseError> {
        let symbols = self.limits.symbols;
        if self.builder.symbol_count() > symbols {
            let limit = u64::try_from(symbols).unwrap_or(u64::MAX);
            return Err(ParseError::TooLarge {
                unit: Unit::Symbols,
                limit,
            });
        }
        // Positions in the table are 32-bit numbers.
        let limit = u64::try_from(self.limits.table_bytes).map_or(1 << 32, |n| n.min(1 << 32));
        let bytes = u64::try_from(self.builder.memory_bytes()).unwrap_or(u64::MAX);
        if self.builder.is_full() || bytes > limit {
            return Err(ParseError::TooLarge {
                unit: Unit::TableBytes,
                limit,
            });
        }
        Ok(())
    }
}

impl SymbolTable {
    /// Parses a symbol file.
    ///
    /// # Errors
    /// See [`ParseError`].
    pub fn read(mut source: impl Read, limits: &Limits) -> Result<Self, ParseError> {
        let mut parser = Parser::new(limits);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match source.read(&mut chunk) {
                Ok(0) => return parser.finish(),
                Ok(read) => parser.feed(chunk.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
