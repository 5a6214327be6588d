// SPDX-License-Identifier: MPL-2.0
//! What the command prints.

use std::fmt::Write as _;
use std::path::Path;

use indicatif::HumanBytes;
use releng_common::Result;
use releng_symbols::Symbols;
use releng_symbols::index::{Built, Index};

use super::print;

/// Module and counts; sizes of the index where it is one.
pub(super) fn module(index: &Index, is_index: bool) -> Result<()> {
    let mut out = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{name:<16}{value}");
    };
    let header = index.header();
    if let Some(module) = &header.module {
        row(
            "module",
            format!("{} {}", module.debug_file, module.debug_id),
        );
        row("built for", format!("{} {}", module.os, module.arch));
    }
    if let Some(code) = &header.code {
        let file = code.code_file.as_deref().unwrap_or_default();
        row(
            "code id",
            format!("{} {file}", code.code_id).trim_end().to_owned(),
        );
    }
    let counts = index.counts();
    row("functions", counts.functions.to_string());
    row("public symbols", counts.publics.to_string());
    row("lines", counts.lines.to_string());
    row("inlined calls", counts.inlines.to_string());
    row("symbol file", size(index.file_bytes()));
    row("xxh3-128", format!("{:032x}", index.file_hash()));
    if is_index {
        row("index", share(index.index_bytes(), index.file_bytes()));
        for sum in index.page_sums().iter().filter(|sum| sum.pages > 0) {
            let (packed, raw) = (HumanBytes(sum.packed_bytes), HumanBytes(sum.raw_bytes));
            row(
                "  pages",
                format!("{} of {}: {packed}, {raw} unpacked", sum.pages, sum.name),
            );
        }
    }
    print(out.as_bytes())
}

fn size(bytes: u64) -> String {
    format!("{bytes} bytes")
}

fn share(bytes: u64, of: u64) -> String {
    let thousandths = u128::from(bytes) * 1000 / u128::from(of.max(1));
    format!(
        "{bytes} bytes, {}.{} % of the symbol file",
        thousandths / 10,
        thousandths % 10
    )
}

/// One line a frame, the innermost first.
pub(super) fn symbols(symbols: &dyn Symbols, addresses: &[u64]) -> Result<()> {
    let mut out = String::new();
    for address in addresses {
        let label = format!("0x{address:x}");
        let Some(symbol) = symbols.lookup(*address) else {
            let _ = writeln!(out, "{label} ??");
            continue;
        };
        let mut before = label;
        for inline in &symbol.inlines {
            let function = inline.function.as_deref().unwrap_or("??");
            let at = place(inline.file.as_deref(), inline.line);
            let _ = writeln!(out, "{before} {function} (inlined){at}");
            before = " ".repeat(before.len());
        }
        let at = place(symbol.file.as_deref(), symbol.line);
        let (function, offset) = (&symbol.function, symbol.function_offset);
        let _ = writeln!(out, "{before} {function} + 0x{offset:x}{at}");
    }
    print(out.as_bytes())
}

fn place(file: Option<&str>, line: Option<u32>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!(" at {file}:{line}"),
        (Some(file), None) => format!(" at {file}"),
        (None, _) => String::new(),
    }
}

/// An index that was made.
pub(super) fn built(path: &Path, built: &Built, secs: f64) -> Result<()> {
    let share = share(built.index_bytes, built.file_bytes);
    let line = format!(
        "{}: {share}, {} pages, {secs:.2} s\n",
        path.display(),
        built.pages
    );
    print(line.as_bytes())
}

/// An index in which nothing is wrong.
pub(super) fn sound(path: &Path, index: &Index, compared: Option<usize>) -> Result<()> {
    let mut line = format!("{}: {} pages are sound", path.display(), index.page_count());
    if let Some(count) = compared {
        let _ = write!(line, ", {count} answers are those of the symbol file");
    }
    line.push('\n');
    print(line.as_bytes())
}
