// SPDX-License-Identifier: MPL-2.0
//! The rules of looking up applied to the text of a symbol file, as plainly as can be: nothing is
//! packed, merged or sorted but the functions, and each lookup reads all records of its function.
//! What the library answers has to be the same.

#![expect(clippy::indexing_slicing, reason = "as plain as can be")]

use std::collections::HashMap;

use releng_symbols::{Inline, Symbol};

/// A symbol file as it is written.
pub struct Reference<'t> {
    files: HashMap<u64, &'t str>,
    origins: HashMap<u64, &'t str>,
    symbols: Vec<Function<'t>>,
}

struct Function<'t> {
    start: u64,
    is_public: bool,
    size: u64,
    name: &'t str,
    lines: Vec<&'t str>,
    inlines: Vec<&'t str>,
}

fn hex(field: &str) -> u64 {
    u64::from_str_radix(field, 16).unwrap()
}

fn dec(field: &str) -> u64 {
    field.parse().unwrap()
}

impl<'t> Reference<'t> {
    /// Reads a well formed file, as tools write it.
    pub fn new(text: &'t str) -> Self {
        let mut reference = Self {
            files: HashMap::new(),
            origins: HashMap::new(),
            symbols: Vec::new(),
        };
        for line in text.lines() {
            match line.split(' ').next().unwrap_or_default() {
                "FILE" => note(&mut reference.files, line),
                "INLINE_ORIGIN" => note(&mut reference.origins, line),
                "FUNC" => reference.symbols.push(function(line, 5)),
                "PUBLIC" => reference.symbols.push(function(line, 4)),
                "INLINE" => reference.symbols.last_mut().unwrap().inlines.push(line),
                "MODULE" | "INFO" | "STACK" | "" => {}
                _ => reference.symbols.last_mut().unwrap().lines.push(line),
            }
        }
        // Greatest start, then FUNC before PUBLIC, then the largest, then the first in the file.
        reference
            .symbols
            .sort_by_key(|s| (s.start, s.is_public, std::cmp::Reverse(s.size)));
        reference.symbols.dedup_by_key(|symbol| symbol.start);
        reference
    }

    /// The symbol of an address.
    pub fn lookup(&self, address: u64) -> Option<Symbol<'t>> {
        let at = self
            .symbols
            .partition_point(|symbol| symbol.start <= address);
        let found = &self.symbols[at.checked_sub(1)?];
        let mut symbol = Symbol {
            function: found.name.into(),
            function_offset: address - found.start,
            function_size: None,
            file: None,
            line: None,
            inlines: Vec::new(),
        };
        if symbol.function_offset >= found.size {
            return Some(symbol);
        }
        symbol.function_size = Some(found.size);
        // Places from the outermost to the innermost, and the functions between them.
        let mut places = Vec::new();
        let mut names = Vec::new();
        for depth in 0.. {
            let Some((line, file, origin)) = call(&found.inlines, depth, address) else {
                break;
            };
            places.push((line, file));
            names.push(self.origins.get(&origin).copied());
        }
        places.push(source_line(&found.lines, address).unwrap_or((0, u64::MAX)));
        let place = |(line, file): &(u64, u64)| {
            let file = self.files.get(file).copied();
            let line = u32::try_from(*line)
                .ok()
                .filter(|line| *line != 0 && file.is_some());
            (file.map(Into::into), line)
        };
        (symbol.file, symbol.line) = place(&places[0]);
        for (name, at) in names.iter().zip(&places[1..]).rev() {
            let (file, line) = place(at);
            symbol.inlines.push(Inline {
                function: name.map(Into::into),
                file,
                line,
            });
        }
        Some(symbol)
    }

    /// The first start and the last.
    pub fn bounds(&self) -> (u64, u64) {
        let end = self
            .symbols
            .last()
            .map_or(0, |symbol| symbol.start + symbol.size);
        (self.symbols.first().map_or(0, |symbol| symbol.start), end)
    }
}

fn note<'t>(names: &mut HashMap<u64, &'t str>, line: &'t str) {
    let mut fields = line.splitn(3, ' ').skip(1);
    let number = dec(fields.next().unwrap());
    names.entry(number).or_insert(fields.next().unwrap());
}

fn function(line: &str, fields: usize) -> Function<'_> {
    let keyword_end = line.find(' ').unwrap();
    let rest = line[keyword_end + 1..].trim_start_matches("m ");
    let parts: Vec<&str> = rest.splitn(fields - 1, ' ').collect();
    Function {
        start: hex(parts[0]),
        is_public: fields == 4,
        size: if fields == 4 { 0 } else { hex(parts[1]) },
        name: parts[fields - 2],
        lines: Vec::new(),
        inlines: Vec::new(),
    }
}

/// Of several that contain the address the one with the greatest start, then the first.
fn call(inlines: &[&str], depth: u64, address: u64) -> Option<(u64, u64, u64)> {
    let mut best: Option<(u64, (u64, u64, u64))> = None;
    for inline in inlines {
        let fields: Vec<&str> = inline.split(' ').collect();
        if dec(fields[1]) != depth {
            continue;
        }
        for range in fields[5..].chunks(2) {
            let (start, size) = (hex(range[0]), hex(range[1]));
            if start <= address
                && address - start < size
                && best.is_none_or(|(found, _)| found < start)
            {
                best = Some((start, (dec(fields[2]), dec(fields[3]), dec(fields[4]))));
            }
        }
    }
    best.map(|(_, call)| call)
}

fn source_line(lines: &[&str], address: u64) -> Option<(u64, u64)> {
    let mut best: Option<(u64, (u64, u64))> = None;
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let (start, size) = (hex(fields[0]), hex(fields[1]));
        if start <= address && address - start < size && best.is_none_or(|(found, _)| found < start)
        {
            best = Some((start, (dec(fields[2]), dec(fields[3]))));
        }
    }
    best.map(|(_, line)| line)
}
