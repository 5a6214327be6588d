// SPDX-License-Identifier: MPL-2.0
//! Parse, index, lookup and a whole request on a generated symbol file of 20 MB, whose records have
//! the proportions of an optimised C++ server's.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run has to stop")]

use std::fmt::Write;
use std::hint::black_box;
use std::io::sink;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use releng_symbols::index::{BuildOptions, Detail, Index, PageCache, build};
use releng_symbols::{
    Cost, Jobs, Limits, Lookup, Lookups, ModuleKey, Options, Outcome, SymbolTable, Symbols as _,
    Version, request, symbolicate,
};

const FILE_BYTES: usize = 20_000_000;
const ADDRESSES: usize = 100_000;

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The text of a symbol file, and the end of its last function.
fn symbol_file() -> (String, u64) {
    let mut random = Random(7);
    let mut text = String::from("MODULE Linux x86_64 AB libdemo.so\n");
    for number in 0..2_000 {
        writeln!(
            text,
            "FILE {number} src/component{}/source{number}.cpp",
            number % 97
        )
        .unwrap();
    }
    let origins = FILE_BYTES / 800;
    for number in 0..origins {
        writeln!(text, "INLINE_ORIGIN {number} {}", name(&mut random, number)).unwrap();
    }
    let mut address = 0x1000;
    let mut number = 0;
    while text.len() < FILE_BYTES * 9 / 10 {
        address = function(&mut text, &mut random, address, number, origins);
        number += 1;
    }
    while text.len() < FILE_BYTES {
        writeln!(
            text,
            "STACK CFI {:x} .cfa: $rsp 16 + .ra: .cfa -8 + ^",
            random.below(address)
        )
        .unwrap();
    }
    (text, address)
}

fn name(random: &mut Random, number: usize) -> String {
    let arguments = "std::allocator<char>, ".repeat(usize::try_from(random.below(20)).unwrap());
    format!("demo::Component<{arguments}int>::method{number}(unsigned long)")
}

fn function(
    text: &mut String,
    random: &mut Random,
    start: u64,
    number: usize,
    origins: usize,
) -> u64 {
    let lines = 1 + random.below(60);
    let size = lines * 16;
    writeln!(text, "FUNC {start:x} {size:x} 0 {}", name(random, number)).unwrap();
    for at in 0..random.below(30) {
        let origin = random.below(u64::try_from(origins).unwrap());
        let begin = start + random.below(size / 2 + 1);
        let (line, file) = (1 + random.below(3_000), random.below(2_000));
        writeln!(
            text,
            "INLINE {} {line} {file} {origin} {begin:x} {:x}",
            at % 5,
            size / 2
        )
        .unwrap();
    }
    for at in 0..lines {
        let (line, file) = (1 + random.below(3_000), random.below(2_000));
        writeln!(text, "{:x} 10 {line} {file}", start + at * 16).unwrap();
    }
    start + size + random.below(16)
}

fn parse(c: &mut Criterion, text: &str) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
    group.sample_size(20);
    group.bench_function("generated 20 MB", |b| {
        b.iter(|| SymbolTable::read(black_box(text.as_bytes()), &Limits::default()).unwrap());
    });
    let real: &[u8] = include_bytes!("../tests/data/libthread_db.so.1.sym");
    group.throughput(Throughput::Bytes(u64::try_from(real.len()).unwrap()));
    group.bench_function("libthread_db 36 kB", |b| {
        b.iter(|| SymbolTable::read(black_box(real), &Limits::default()).unwrap());
    });
    group.finish();
}

fn build_index(c: &mut Criterion, text: &str) {
    let mut group = c.benchmark_group("index build");
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
    group.sample_size(20);
    for threads in [1, 2] {
        let options = BuildOptions {
            threads: NonZeroUsize::new(threads).unwrap(),
            ..BuildOptions::default()
        };
        group.bench_function(format!("generated 20 MB, threads {threads}"), |b| {
            b.iter(|| build(black_box(text.as_bytes()), sink(), &options).unwrap());
        });
    }
    group.finish();
}

/// Look-ups in an index, from the bytes of it to the symbols: with its pages in the cache, and with
/// none of them.
fn index_lookup(c: &mut Criterion, text: &str, end: u64) {
    let mut bytes = Vec::new();
    build(text.as_bytes(), &mut bytes, &BuildOptions::default()).unwrap();
    let index = Arc::new(Index::open(&bytes).unwrap());
    let mut random = Random(17);
    let addresses: Vec<u64> = (0..ADDRESSES).map(|_| 0x1000 + random.below(end)).collect();
    let mut group = c.benchmark_group("index lookup");
    group.sample_size(20);
    for (name, cache_bytes, count) in [
        ("warm, 100,000 addresses", 256 << 20, ADDRESSES),
        ("cold, 300 addresses", 0, 300),
    ] {
        let cache = PageCache::new(cache_bytes);
        let addresses = addresses.get(..count).unwrap();
        group.throughput(Throughput::Elements(u64::try_from(count).unwrap()));
        for (what, detail) in [("full", Detail::Full), ("names", Detail::Names)] {
            group.bench_function(format!("{name}, {what}"), |b| {
                b.iter(|| {
                    let found = index.resolve(&bytes, &cache, addresses, detail).unwrap();
                    for address in addresses {
                        match detail {
                            Detail::Full => drop(black_box(found.lookup(*address))),
                            Detail::Names => drop(black_box(found.name(*address))),
                        }
                    }
                });
            });
        }
    }
    group.finish();
}

fn lookup(c: &mut Criterion, table: &SymbolTable, end: u64) {
    let mut random = Random(11);
    let addresses: Vec<u64> = (0..ADDRESSES).map(|_| 0x1000 + random.below(end)).collect();
    let mut group = c.benchmark_group("lookup");
    group.throughput(Throughput::Elements(u64::try_from(ADDRESSES).unwrap()));
    group.bench_function("generated 20 MB", |b| {
        b.iter(|| {
            for address in &addresses {
                black_box(table.lookup(*address));
            }
        });
    });
    group.finish();
}

fn request(c: &mut Criterion, table: SymbolTable, end: u64) {
    let mut random = Random(13);
    let mut frame = || format!("[0,{}]", 0x1000 + random.below(end));
    let frames = (0..300).map(|_| frame()).collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"memoryMap":[["libdemo.so","AB"]],"stacks":[[{frames}]]}}"#);
    let outcome = Outcome::Found(Arc::new(table));
    let key = ModuleKey::parse("libdemo.so", "AB").unwrap();
    let lookups = Lookups::from([(
        key,
        Lookup {
            outcome,
            cost: Cost::default(),
        },
    )]);
    let mut group = c.benchmark_group("request");
    group.throughput(Throughput::Elements(300));
    group.bench_function("300 frames, v5", |b| {
        b.iter(|| {
            let limits = request::Limits::default();
            let jobs = Jobs::parse(Version::V5, body.as_bytes(), &limits).unwrap();
            symbolicate(&jobs, &lookups, &Options::default(), &|| Duration::ZERO).unwrap()
        });
    });
    group.finish();
}

fn all(c: &mut Criterion) {
    let (text, end) = symbol_file();
    parse(c, &text);
    build_index(c, &text);
    index_lookup(c, &text, end);
    let table = SymbolTable::read(text.as_bytes(), &Limits::default()).unwrap();
    lookup(c, &table, end);
    request(c, table, end);
}

criterion_group!(benches, all);
criterion_main!(benches);
