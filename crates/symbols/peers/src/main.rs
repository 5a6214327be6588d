// SPDX-License-Identifier: MPL-2.0
//! Other readers of symbol files beside releng-symbols, on the same file in the same run: how fast
//! each makes what it looks addresses up in, and how fast it looks up 100,000 of them.
//!
//! `releng-symbols-peers FILE`. Throughput is per second of processor time, the best of five runs;
//! one thread each, everything in memory.

#[path = "../../examples/measure/tools.rs"]
mod tools;

use std::hint::black_box;
use std::sync::Arc;

use breakpad_symbols::{FrameSymbolizer, SimpleModule, SymbolFile};
use releng_symbols::Symbols;
use releng_symbols::index::{BuildOptions, Detail, Index, PageCache, build};
use symbolic::common::ByteView;
use symbolic::debuginfo::breakpad::BreakpadObject;
use symbolic::symcache::{SymCache, SymCacheConverter};

const RUNS: usize = 5;

fn main() {
    let path = std::env::args().nth(1).expect("releng-symbols-peers FILE");
    let text = std::fs::read(path).unwrap();
    let addresses = tools::addresses(&text, 100_000);
    println!(
        "| {:.1} MB | build, MB/s | built, MB | look-ups, k/s | frames each |",
        megabytes(text.len())
    );
    println!("|---|---|---|---|---|");
    ours(&text, &addresses);
    breakpad(&text, &addresses);
    symcache(&text, &addresses);
    symindex(&text);
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// The shortest processor time of some runs, and what the last one made.
fn best<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::MAX;
    let mut made = None;
    for _ in 0..RUNS {
        drop(made.take());
        let before = tools::cpu();
        made = Some(run());
        best = best.min(tools::cpu() - before);
    }
    (best, made.unwrap())
}

fn row(name: &str, (bytes, secs): (usize, f64), built: usize, lookups: Option<(usize, f64, u64)>) {
    let lookups = lookups.map_or("- | -".to_owned(), |(count, secs, frames)| {
        format!(
            "{:.0} | {:.1}",
            count as f64 / secs / 1e3,
            frames as f64 / count as f64
        )
    });
    let size = if built == 0 {
        "-".to_owned()
    } else {
        format!("{:.1}", megabytes(built))
    };
    println!(
        "| {name} | {:.0} | {size} | {lookups} |",
        megabytes(bytes) / secs
    );
}

/// Reads a text, as somebody who writes it out would.
fn touch(text: &str) -> u64 {
    text.bytes().map(u64::from).sum()
}

fn ours(text: &[u8], addresses: &[u64]) {
    let (secs, index_bytes) = best(|| {
        let mut bytes = Vec::new();
        build(text, &mut bytes, &BuildOptions::default()).unwrap();
        bytes
    });
    let index = Arc::new(Index::open(&index_bytes).unwrap());
    let cache = PageCache::new(1 << 30);
    let (looking, frames) = best(|| {
        let found = index
            .resolve(&index_bytes, &cache, addresses, Detail::Full)
            .unwrap();
        let (mut touched, mut frames) = (0, 0);
        for address in addresses {
            let Some(symbol) = found.lookup(*address) else {
                continue;
            };
            frames += 1 + symbol.inlines.len() as u64;
            touched += touch(&symbol.function) + symbol.file.as_deref().map_or(0, touch);
            for inline in &symbol.inlines {
                touched += inline.function.as_deref().map_or(0, touch)
                    + inline.file.as_deref().map_or(0, touch);
            }
        }
        black_box(touched);
        frames
    });
    row(
        "releng-symbols",
        (text.len(), secs),
        index_bytes.len(),
        Some((addresses.len(), looking, frames)),
    );
}

struct Frame {
    address: u64,
    touched: u64,
    frames: u64,
}

impl FrameSymbolizer for Frame {
    fn get_instruction(&self) -> u64 {
        self.address
    }
    fn set_function(&mut self, name: &str, _: u64, _: u32) {
        self.frames += 1;
        self.touched += touch(name);
    }
    fn set_source_file(&mut self, file: &str, _: u32, _: u64) {
        self.touched += touch(file);
    }
    fn add_inline_frame(&mut self, name: &str, file: Option<&str>, _: Option<u32>) {
        self.frames += 1;
        self.touched += touch(name) + file.map_or(0, touch);
    }
}

fn breakpad(text: &[u8], addresses: &[u64]) {
    let (secs, file) = best(|| SymbolFile::from_bytes(text).unwrap());
    let module = SimpleModule::default();
    let (looking, frames) = best(|| {
        let mut frame = Frame {
            address: 0,
            touched: 0,
            frames: 0,
        };
        for address in addresses {
            frame.address = *address;
            file.fill_symbol(&module, &mut frame);
        }
        black_box(frame.touched);
        frame.frames
    });
    row(
        "breakpad-symbols",
        (text.len(), secs),
        0,
        Some((addresses.len(), looking, frames)),
    );
}

fn symcache(text: &[u8], addresses: &[u64]) {
    let view = ByteView::from_slice(text);
    let (secs, bytes) = best(|| {
        let object = BreakpadObject::parse(&view).unwrap();
        let mut converter = SymCacheConverter::new();
        converter.process_object(&object).unwrap();
        let mut bytes = Vec::new();
        converter.serialize(&mut bytes).unwrap();
        bytes
    });
    let cache = SymCache::parse(&bytes).unwrap();
    let (looking, frames) = best(|| {
        let (mut touched, mut frames) = (0, 0);
        for address in addresses {
            for location in cache.lookup(*address) {
                frames += 1;
                touched += touch(location.function().name());
                touched += location.file().map_or(0, |file| touch(&file.full_path()));
            }
        }
        black_box(touched);
        frames
    });
    row(
        "symbolic SymCache",
        (text.len(), secs),
        bytes.len(),
        Some((addresses.len(), looking, frames)),
    );
}

/// It keeps where the functions are in the text, which it needs again for each look-up.
fn symindex(text: &[u8]) {
    let (secs, bytes) = best(|| {
        let mut parser = samply_symbols::BreakpadIndexParser::new();
        text.chunks(1 << 20).for_each(|chunk| parser.consume(chunk));
        parser.finish().unwrap().serialize_to_bytes()
    });
    row(
        "samply symindex (needs the .sym too)",
        (text.len(), secs),
        bytes.len(),
        None,
    );
}
