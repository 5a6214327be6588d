// SPDX-License-Identifier: MPL-2.0
//! Measures what an index costs and how fast it answers, on a symbol file of one's own.
//!
//! `measure build FILE [THREADS [PAGE_KIB [LEVEL]]]` · `measure lookup FILE` · `measure cold FILE`
//! · `measure golden FILE`, which compares 100,000 answers with those of the plain reference.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a program for people who measure"
)]

mod reference;
mod tools;

use std::fs::{self, File};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use releng_symbols::Symbols;
use releng_symbols::index::{BuildOptions, Detail, Index, PageCache, build};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: usize| arguments.get(at).map_or(default, |n| n.parse().unwrap());
    let file = arguments.get(1).unwrap();
    let options = BuildOptions {
        threads: NonZeroUsize::new(number(2, 1)).unwrap(),
        page_bytes: number(3, 32) << 10,
        level: arguments.get(4).map_or(1, |n| n.parse().unwrap()),
        ..BuildOptions::default()
    };
    match arguments.first().map(String::as_str) {
        Some("build") => measure_build(file, &options),
        Some("lookup") => measure_lookups(file),
        Some("cold") => measure_cold(file),
        Some("golden") => compare(file),
        _ => println!("measure build|lookup|cold|golden FILE [THREADS [PAGE_KIB [LEVEL]]]"),
    }
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

fn measure_build(path: &str, options: &BuildOptions) {
    for _ in 0..5 {
        let (cpu, _) = usage();
        let started = Instant::now();
        let sink = std::io::BufWriter::with_capacity(
            1 << 20,
            File::create(format!("{path}.symx1")).unwrap(),
        );
        let built = build(File::open(path).unwrap(), sink, options).unwrap();
        let wall = started.elapsed().as_secs_f64();
        let (after, peak) = usage();
        let megabytes = built.file_bytes as f64 / 1e6;
        println!(
            "{megabytes:.1} MB: {:.0} MB/s wall, {:.0} MB/s CPU, index {:.1} MB = {:.1} %, {} pages, peak {peak:.0} MB, {:?}",
            megabytes / wall,
            megabytes / (after - cpu),
            built.index_bytes as f64 / 1e6,
            built.index_bytes as f64 / built.file_bytes as f64 * 100.0,
            built.pages,
            built.counts,
        );
    }
    for sum in open(path).1.page_sums() {
        println!(
            "  {} pages of {}: {:.1} MB, unpacked {:.1} MB",
            sum.pages,
            sum.name,
            sum.packed_bytes as f64 / 1e6,
            sum.raw_bytes as f64 / 1e6
        );
    }
}

fn open(path: &str) -> (File, Arc<Index>) {
    let file = File::open(format!("{path}.symx1")).unwrap();
    let index = Arc::new(Index::open(&file).unwrap());
    (file, index)
}

fn addresses(path: &str) -> Vec<u64> {
    tools::addresses(&fs::read(path).unwrap(), 100_000)
}

fn measure_lookups(path: &str) {
    let (file, index) = open(path);
    let addresses = addresses(path);
    let cache = PageCache::new(1 << 30);
    for detail in [Detail::Names, Detail::Full] {
        drop(index.resolve(&file, &cache, &addresses, detail).unwrap());
        for _ in 0..3 {
            let started = Instant::now();
            let resolved = index.resolve(&file, &cache, &addresses, detail).unwrap();
            let planned = started.elapsed().as_secs_f64();
            let mut touched = 0u64;
            let mut frames = 0u64;
            let looking = Instant::now();
            for address in &addresses {
                if detail == Detail::Names {
                    let (name, _) = resolved.name(*address).unwrap();
                    touched += u64::from(name.as_bytes()[name.len() / 2]);
                    continue;
                }
                let symbol = resolved.lookup(*address).unwrap();
                touched += symbol.function.bytes().map(u64::from).sum::<u64>();
                frames += 1;
                touched += symbol
                    .file
                    .map_or(0, |file| file.bytes().map(u64::from).sum::<u64>());
                for inline in &symbol.inlines {
                    frames += 1;
                    let text = |text: &Option<std::borrow::Cow<'_, str>>| {
                        text.as_ref()
                            .map_or(0, |t| t.bytes().map(u64::from).sum::<u64>())
                    };
                    touched += text(&inline.function) + text(&inline.file);
                }
            }
            black_box(touched);
            let seconds = looking.elapsed().as_secs_f64();
            println!(
                "{detail:?}: {:.2} M/s once planned, {:.2} M/s with planning, {:.1} frames each, {} pages of {}",
                addresses.len() as f64 / seconds / 1e6,
                addresses.len() as f64 / (seconds + planned) / 1e6,
                frames as f64 / addresses.len() as f64,
                resolved.page_count(),
                index.page_count(),
            );
        }
    }
    println!("cache: {:?}", cache.usage());
}

fn measure_cold(path: &str) {
    let addresses = addresses(path);
    for frames in [1, 30, 120, 300] {
        let mut best = f64::MAX;
        let mut pages = 0;
        for group in addresses.chunks(frames).take(20) {
            let started = Instant::now();
            let (file, index) = open(path);
            let cache = PageCache::new(64 << 20);
            let resolved = index.resolve(&file, &cache, group, Detail::Full).unwrap();
            for address in group {
                black_box(resolved.lookup(*address));
            }
            let seconds = started.elapsed().as_secs_f64();
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
