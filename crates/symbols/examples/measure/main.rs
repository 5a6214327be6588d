// SPDX-License-Identifier: MPL-2.0
//! Measures what an index costs and how fast it answers, on a symbol file of one's own.
//!
//! `measure build FILE [THREADS [PAGE_KIB]]` · `measure lookup FILE` · `measure cold FILE`
//! · `measure golden FILE`, which compares 100,000 answers with those of the plain reference
//! · `measure request FOLDER`, 300 frames over all its files (`NAME/ID/FILE.sym`).

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a program for people who measure"
)]

mod reference;
mod request;
mod tools;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufWriter;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use releng_symbols::Symbols;
use releng_symbols::index::{BuildOptions, Built, Detail, Index, PageCache, Resolved, build};
use tools::cpu;

/// Of so many the best counts.
const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: usize| arguments.get(at).map_or(default, |n| n.parse().unwrap());
    let file = arguments.get(1).unwrap();
    let options = BuildOptions {
        threads: NonZeroUsize::new(number(2, 1)).unwrap(),
        page_bytes: number(3, 20) << 10,
        ..BuildOptions::default()
    };
    match arguments.first().map(String::as_str) {
        Some("build") => measure_build(file, &options),
        Some("lookup") => measure_lookups(file, &options),
        Some("cold") => measure_cold(file, &options),
        Some("golden") => compare(file),
        Some("request") => request::measure(file),
        _ => println!("measure build|lookup|cold|golden|request FILE [THREADS [PAGE_KIB]]"),
    }
    // Nothing is there when nothing was written.
    let _ = fs::remove_file(index_path());
}

/// Processor time of the process in seconds, and its largest memory in MB, as the system tells.
fn usage() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: f64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    (ticks / 100.0, kib * 1024.0 / 1e6)
}

/// The index goes here while it is measured.
fn index_path() -> PathBuf {
    std::env::temp_dir().join(format!("measure-{}.symx1", std::process::id()))
}

fn write_index(path: &str, options: &BuildOptions) -> Built {
    let sink = File::create(index_path()).unwrap();
    let sink = BufWriter::with_capacity(1 << 20, sink);
    build(File::open(path).unwrap(), sink, options).unwrap()
}

fn measure_build(path: &str, options: &BuildOptions) {
    let (mut wall, mut processor) = (f64::MAX, f64::MAX);
    let mut built = None;
    for _ in 0..RUNS {
        let (before, _) = usage();
        let started = Instant::now();
        built = Some(write_index(path, options));
        wall = wall.min(started.elapsed().as_secs_f64());
        processor = processor.min(usage().0 - before);
    }
    let (built, (_, peak)) = (built.unwrap(), usage());
    let megabytes = built.file_bytes as f64 / 1e6;
    println!(
        "{megabytes:.1} MB, {} threads: {:.0} MB/s by the clock, {:.0} MB/s of processor time, peak {peak:.0} MB",
        options.threads,
        megabytes / wall,
        megabytes / processor,
    );
    println!(
        "index {:.1} MB = {:.1} %, {} pages, {:?}",
        built.index_bytes as f64 / 1e6,
        built.index_bytes as f64 / built.file_bytes as f64 * 100.0,
        built.pages,
        built.counts,
    );
    for sum in open().1.page_sums() {
        println!(
            "  {} pages of {}: {:.1} MB, unpacked {:.1} MB",
            sum.pages,
            sum.name,
            sum.packed_bytes as f64 / 1e6,
            sum.raw_bytes as f64 / 1e6
        );
    }
}

fn open() -> (File, Arc<Index>) {
    let file = File::open(index_path()).unwrap();
    let index = Arc::new(Index::open(&file).unwrap());
    (file, index)
}

fn addresses(path: &str) -> Vec<u64> {
    tools::addresses(&fs::read(path).unwrap(), 100_000)
}

fn measure_lookups(path: &str, options: &BuildOptions) {
    write_index(path, options);
    let (file, index) = open();
    let addresses = addresses(path);
    let cache = PageCache::new(1 << 30);
    for detail in [Detail::Names, Detail::Full] {
        drop(index.resolve(&file, &cache, &addresses, detail).unwrap());
        for _ in 0..3 {
            let started = cpu();
            let resolved = index.resolve(&file, &cache, &addresses, detail).unwrap();
            let planned = cpu() - started;
            let looking = cpu();
            let frames = look(&resolved, &addresses, detail);
            let seconds = cpu() - looking;
            println!(
                "{detail:?}: {:.2} M/s in all, {:.2} M/s once resolved, {:.1} frames each, {} pages of {}",
                addresses.len() as f64 / (seconds + planned) / 1e6,
                addresses.len() as f64 / seconds / 1e6,
                frames as f64 / addresses.len() as f64,
                resolved.page_count(),
                index.page_count(),
            );
        }
    }
    println!("cache: {:?}", cache.usage());
}

/// Looks all addresses up and reads the texts, as somebody who writes them out does; returns the
/// number of frames.
fn look(resolved: &Resolved, addresses: &[u64], detail: Detail) -> u64 {
    let touch = |text: &str| text.bytes().map(u64::from).sum::<u64>();
    let (mut touched, mut frames) = (0u64, 0u64);
    for address in addresses {
        frames += 1;
        if detail == Detail::Names {
            touched += touch(&resolved.name(*address).unwrap().0);
            continue;
        }
        let symbol = resolved.lookup(*address).unwrap();
        touched += touch(&symbol.function) + symbol.file.as_deref().map_or(0, touch);
        for inline in &symbol.inlines {
            frames += 1;
            touched += inline.function.as_deref().map_or(0, touch);
            touched += inline.file.as_deref().map_or(0, touch);
        }
    }
    black_box(touched);
    frames
}

fn measure_cold(path: &str, options: &BuildOptions) {
    write_index(path, options);
    let addresses = addresses(path);
    for frames in [1, 30, 120, 300] {
        let mut best = f64::MAX;
        let mut pages = 0;
        for group in addresses.chunks(frames).take(20) {
            let started = cpu();
            let (file, index) = open();
            let cache = PageCache::new(64 << 20);
            let resolved = index.resolve(&file, &cache, group, Detail::Full).unwrap();
            for address in group {
                black_box(resolved.lookup(*address));
            }
            let seconds = cpu() - started;
            if seconds < best {
                (best, pages) = (seconds, resolved.page_count());
            }
        }
        println!("{frames} frames cold: {:.2} ms, {pages} pages", best * 1e3);
    }
}

fn compare(path: &str) {
    let text = fs::read_to_string(path).unwrap();
    let reference = reference::Reference::new(&text);
    let mut addresses = addresses(path);
    let (start, end) = reference.bounds();
    addresses.extend([start, end - 1, end, u64::MAX]);
    let mut bytes = Vec::new();
    build(text.as_bytes(), &mut bytes, &BuildOptions::default()).unwrap();
    let index = Arc::new(Index::open(&bytes).unwrap());
    let cache = PageCache::new(1 << 30);
    let resolved = index
        .resolve(&bytes, &cache, &addresses, Detail::Full)
        .unwrap();
    let (mut lines, mut inlines) = (0, 0);
    for address in &addresses {
        let expected = reference.lookup(*address);
        assert_eq!(resolved.lookup(*address), expected, "{address:x}");
        let symbol = expected.unwrap();
        lines += usize::from(symbol.line.is_some());
        inlines += symbol.inlines.len();
    }
    println!(
        "{} answers are those of the reference: {lines} with a line, {inlines} inlined functions",
        addresses.len()
    );
}
