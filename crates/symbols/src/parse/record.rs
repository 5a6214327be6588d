// SPDX-License-Identifier: MPL-2.0
//! One line of a symbol file as a record.

use super::fields::{Fields, is_hex_digit};

/// Depths of inlined calls that are believed: real ones stay below a hundred.
pub(super) const MAX_DEPTH: u32 = 1_000;

/// What one line says.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    /// `MODULE`, with the text behind the keyword.
    Module(&'a [u8]),
    /// `INFO`, with the text behind the keyword.
    Info(&'a [u8]),
    /// `FILE`.
    File { number: u32, name: &'a [u8] },
    /// `INLINE_ORIGIN`.
    InlineOrigin { number: u32, name: &'a [u8] },
    /// `FUNC`.
    Function {
        address: u64,
        size: u64,
        name: &'a [u8],
    },
    /// A `FUNC` that cannot be used; the lines after it belong to it and not to the one before.
    BadFunction,
    /// A line record of the last `FUNC`.
    Line {
        address: u64,
        size: u64,
        line: u32,
        file: u32,
    },
    /// `INLINE` of the last `FUNC`.
    Inline {
        depth: u32,
        call_line: u32,
        call_file: u32,
        origin: u32,
        ranges: Ranges<'a>,
    },
    /// `PUBLIC`.
    Public { address: u64, name: &'a [u8] },
    /// `STACK`, not needed here; it stands behind the last `FUNC`.
    Stack,
    /// Nothing of use: blank, unknown or malformed.
    Other,
}

/// The address ranges of an `INLINE` record, known to be well formed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranges<'a>(Fields<'a>);

impl Iterator for Ranges<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        Some((self.0.hex()?, self.0.hex()?))
    }
}

/// Parses a line without its line feed. Carriage returns at its end do not count.
#[inline]
pub(crate) fn parse_line(mut line: &[u8]) -> Record<'_> {
    while let [head @ .., b'\r'] = line {
        line = head;
    }
    let record = match line {
        // Most lines. Keywords are in capitals, and `FILE` and `FUNC` begin with a hex digit.
        [b'0'..=b'9' | b'a'..=b'f', ..] => source_line(line),
        [b'F', b'U', b'N', b'C', b' ' | b'\t', rest @ ..] => {
            Some(function(rest).unwrap_or(Record::BadFunction))
        }
        [b'F', b'I', b'L', b'E', b' ' | b'\t', rest @ ..] => file(rest),
        [b'I', b'N', rest @ ..] => inline_or_info(rest),
        [b'S', b'T', b'A', b'C', b'K', b' ' | b'\t', ..] => Some(Record::Stack),
        [b'P', b'U', b'B', b'L', b'I', b'C', b' ' | b'\t', rest @ ..] => public(rest),
        [b'M', b'O', b'D', b'U', b'L', b'E', b' ' | b'\t', rest @ ..] => {
            Fields::new(rest).name().map(Record::Module)
        }
        [first, ..] if is_hex_digit(*first) => source_line(line),
        _ => None,
    };
    record.unwrap_or(Record::Other)
}

fn function(rest: &[u8]) -> Option<Record<'_>> {
    let mut fields = Fields::new(rest);
    fields.skip_multiple_flag();
    let (address, size, _parameter_size) = (fields.hex()?, fields.hex()?, fields.hex()?);
    Some(Record::Function {
        address,
        size,
        name: fields.name()?,
    })
}

fn public(rest: &[u8]) -> Option<Record<'_>> {
    let mut fields = Fields::new(rest);
    fields.skip_multiple_flag();
    let (address, _parameter_size) = (fields.hex()?, fields.hex()?);
    Some(Record::Public {
        address,
        name: fields.name()?,
    })
}

fn file(rest: &[u8]) -> Option<Record<'_>> {
    let mut fields = Fields::new(rest);
    Some(Record::File {
        number: fields.dec()?,
        name: fields.name()?,
    })
}

#[inline]
fn source_line(line: &[u8]) -> Option<Record<'_>> {
    let mut fields = Fields::new(line);
    let (address, size) = (fields.hex()?, fields.hex()?);
    let (line, file) = (fields.dec()?, fields.dec()?);
    fields.is_empty().then_some(Record::Line {
        address,
        size,
        line,
        file,
    })
}

/// `INLINE`, `INLINE_ORIGIN` and `INFO`, behind their common first two letters.
fn inline_or_info(rest: &[u8]) -> Option<Record<'_>> {
    match rest {
        [b'L', b'I', b'N', b'E', b' ' | b'\t', rest @ ..] => inline(rest),
        [b'L', b'I', b'N', b'E', b'_', rest @ ..] => inline_origin(rest),
        [b'F', b'O', b' ' | b'\t', rest @ ..] => Some(Record::Info(rest)),
        _ => None,
    }
}

fn inline_origin(rest: &[u8]) -> Option<Record<'_>> {
    let rest = rest.strip_prefix(b"ORIGIN")?;
    if !matches!(rest, [b' ' | b'\t', ..]) {
        return None;
    }
    let mut fields = Fields::new(rest);
    Some(Record::InlineOrigin {
        number: fields.dec()?,
        name: fields.name()?,
    })
}

/// The fields of an `INLINE` record before its ranges, and the ranges, which may be malformed.
#[inline]
pub(crate) fn inline_fields(line: &[u8]) -> Option<(u32, (u32, u32, u32), Fields<'_>)> {
    let [b'I', b'N', b'L', b'I', b'N', b'E', b' ' | b'\t', rest @ ..] = line else {
        return None;
    };
    inline_head(rest)
}

#[inline]
fn inline_head(rest: &[u8]) -> Option<(u32, (u32, u32, u32), Fields<'_>)> {
    let mut fields = Fields::new(rest);
    let (depth, call_line) = (fields.dec()?, fields.dec()?);
    let (call_file, origin) = (fields.dec()?, fields.dec()?);
    let is_real = depth < MAX_DEPTH && !fields.is_empty();
    is_real.then_some((depth, (call_line, call_file, origin), fields))
}

fn inline(rest: &[u8]) -> Option<Record<'_>> {
    let (depth, (call_line, call_file, origin), fields) = inline_head(rest)?;
    let ranges = Ranges(fields);
    // A record counts as a whole or not at all, so the ranges are read twice.
    let mut unread = fields;
    loop {
        unread.hex()?;
        unread.hex()?;
        if unread.is_empty() {
            return Some(Record::Inline {
                depth,
                call_line,
                call_file,
                origin,
                ranges,
            });
        }
    }
}
