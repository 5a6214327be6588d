// SPDX-License-Identifier: MPL-2.0
//! What making and reading an index costs: reads, ranges, memory, and limits.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use releng_symbols::index::{
    BuildError, BuildOptions, Detail, Index, Opened, PageCache, Resolve, TAIL_BYTES, build, verify,
};
use releng_symbols::{Limits, ParseError, Symbols};

use super::support::{index_bytes, resolved, small_pages, table};

const REAL: &[u8] = include_bytes!("../data/libthread_db.so.1.sym");

/// Many functions, and names far from where they are used.
fn scattered(functions: u64) -> String {
    let mut text = String::from("MODULE Linux x86_64 AB demo.so\n");
    for number in 0..functions {
        let name = "an::inlined::function::with::a::long::name::".repeat(4);
        writeln!(
            text,
            "FILE {number} src/{number:x}.cc\nINLINE_ORIGIN {number} {name}{number}"
        )
        .unwrap();
    }
    let mut state = 1u64;
    let mut random = |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    for number in 0..functions {
        let start = 0x1000 + number * 0x100;
        writeln!(text, "FUNC {start:x} 100 0 function::{number}").unwrap();
        for at in 0..8 {
            let (file, origin) = (random(functions), random(functions));
            writeln!(
                text,
                "INLINE 0 {} {file} {origin} {:x} 20",
                at + 1,
                start + at * 0x20
            )
            .unwrap();
            writeln!(
                text,
                "{:x} 20 {} {}",
                start + at * 0x20,
                random(4000),
                random(functions)
            )
            .unwrap();
        }
    }
    text
}

fn assert_same(found: &impl Symbols, expected: &impl Symbols, addresses: &[u64]) {
    for address in addresses {
        let (found, expected) = (found.lookup(*address), expected.lookup(*address));
        assert_eq!(found, expected, "{address:x}");
    }
}

#[test]
fn an_object_store_is_asked_four_times_at_most() {
    let text = scattered(3_000);
    let bytes = index_bytes(&text, &BuildOptions::default());
    let size = u64::try_from(bytes.len()).unwrap();
    let tail = &bytes[bytes
        .len()
        .saturating_sub(usize::try_from(TAIL_BYTES).unwrap())..];
    let Ok(Opened::Index(index)) = Index::from_tail(tail, size) else {
        panic!("the root is not in the tail");
    };
    let mut trips = 1;
    let mut read = tail.len();
    let addresses: Vec<u64> = (0..30).map(|number| 0x1010 + number * 0x6400).collect();
    let cache = PageCache::new(0);
    let mut resolve = Resolve::new(Arc::from(index), &cache, &addresses, Detail::Full);
    while !resolve.wanted().is_empty() {
        trips += 1;
        let ranges = resolve.wanted();
        assert!(ranges.is_sorted_by(|left, right| left.end < right.start));
        let slice = |range: &std::ops::Range<u64>| {
            &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
        };
        let pieces: Vec<&[u8]> = ranges.iter().map(slice).collect();
        read += pieces.iter().map(|piece| piece.len()).sum::<usize>();
        resolve.supply(&cache, &pieces).unwrap();
    }
    assert!((2..=4).contains(&trips), "{trips}");
    assert!(read <= bytes.len() + tail.len());
    let (symbols, table) = (resolve.finish(), table(&text));
    for address in addresses {
        assert_eq!(symbols.lookup(address), table.lookup(address));
        assert!(
            symbols.lookup(address).unwrap().inlines[0]
                .function
                .is_some()
        );
    }
}

#[test]
fn rows_of_very_large_functions_come_with_their_functions() {
    let mut text = scattered(30);
    for number in 0..4u64 {
        let start = 0x900_0000 + number * 0x10_0000;
        writeln!(text, "FUNC {start:x} 10000 0 large{number}").unwrap();
        for row in 0..5_000u64 {
            writeln!(text, "{:x} 4 {} {}", start + row * 4, row + 1, row % 9).unwrap();
        }
    }
    let bytes = index_bytes(&text, &BuildOptions::default());
    let index = Arc::new(Index::open(&bytes).unwrap());
    let rows = (0..20_000).step_by(997);
    let addresses: Vec<u64> = rows.map(|n| 0x900_0000 + n % 4 * 0x10_0000 + n).collect();
    let cache = PageCache::new(0);
    let mut resolve = Resolve::new(index, &cache, &addresses, Detail::Full);
    let wanted = resolve.wanted().len();
    resolve
        .supply_from(&cache, &bytes, &mut Vec::new())
        .unwrap();
    assert!(wanted > 0 && resolve.wanted().is_empty());
    let (symbols, table) = (resolve.finish(), table(&text));
    for address in addresses {
        assert_eq!(symbols.lookup(address), table.lookup(address));
        assert!(symbols.lookup(address).unwrap().line.is_some());
    }
}

#[test]
fn a_tail_too_short_for_the_root_tells_what_it_needs() {
    let bytes = index_bytes(
        scattered(300),
        &BuildOptions {
            page_bytes: 64,
            ..small_pages()
        },
    );
    let size = u64::try_from(bytes.len()).unwrap();
    let tail = |count: u64| &bytes[bytes.len() - usize::try_from(count).unwrap()..];
    let Ok(Opened::More { tail_bytes }) = Index::from_tail(tail(72), size) else {
        panic!("the root cannot be in the foot");
    };
    assert!(matches!(
        Index::from_tail(tail(tail_bytes - 1), size),
        Ok(Opened::More { .. })
    ));
    assert!(matches!(
        Index::from_tail(tail(tail_bytes), size),
        Ok(Opened::Index(_))
    ));
}

#[test]
fn the_index_is_the_same_whatever_the_number_of_threads() {
    let text = scattered(20_000);
    assert!(text.len() > 8 << 20);
    let threads = |threads| BuildOptions {
        threads: std::num::NonZeroUsize::new(threads).unwrap(),
        ..BuildOptions::default()
    };
    let one = index_bytes(&text, &threads(1));
    assert!(one == index_bytes(&text, &threads(2)) && one == index_bytes(&text, &threads(5)));
    verify(&one).unwrap();
}

/// Names that each page would copy are shared instead.
#[test]
fn a_file_without_locality_has_an_index_of_60_percent_at_most() {
    let text = scattered(20_000);
    let bytes = index_bytes(&text, &BuildOptions::default());
    assert!(
        bytes.len() * 100 <= text.len() * 60,
        "{} of {}",
        bytes.len(),
        text.len()
    );
}

#[test]
fn a_real_file_has_an_index_of_20_percent_at_most() {
    let bytes = index_bytes(REAL, &BuildOptions::default());
    assert!(
        bytes.len() * 100 <= REAL.len() * 20,
        "{} of {}",
        bytes.len(),
        REAL.len()
    );
}

#[test]
fn functions_in_any_order_are_found() {
    let mut blocks: Vec<String> = Vec::new();
    let text = scattered(12_000);
    let (names, functions) = text.split_at(text.find("FUNC").unwrap());
    for block in functions.split("FUNC ").skip(1) {
        blocks.push(format!("FUNC {block}"));
    }
    // Far apart, so that blocks of the file overlap in their addresses.
    let shuffled: Vec<&String> = (0..blocks.len())
        .map(|at| &blocks[at * 7_919 % blocks.len()])
        .collect();
    let shuffled = format!(
        "{names}{}",
        shuffled.into_iter().map(String::as_str).collect::<String>()
    );
    assert!(shuffled.len() > 3 << 20);
    let table = table(&text);
    let addresses: Vec<u64> = (0..500).map(|number| 0xff0 + number * 0x1777).collect();
    let indexed = resolved(&shuffled, &small_pages(), &addresses);
    assert_same(&indexed, &table, &addresses);
}

#[test]
fn names_may_come_behind_the_functions_and_public_symbols_before() {
    let text = scattered(6_000);
    let (names, functions) = text.split_at(text.find("FUNC").unwrap());
    let late = format!("PUBLIC 9 0 early\n{functions}{names}PUBLIC 1001 0 between\n");
    let table = table(&late);
    let addresses: Vec<u64> = (0..500)
        .map(|number| 5 + number * 0xc17)
        .chain([9, 0x1000, 0x1001])
        .collect();
    let indexed = resolved(&late, &BuildOptions::default(), &addresses);
    assert_same(&indexed, &table, &addresses);
}

#[test]
fn names_only_reads_fewer_pages_and_tells_no_lines() {
    let bytes = index_bytes(scattered(3_000), &BuildOptions::default());
    let index = Arc::new(Index::open(&bytes).unwrap());
    let cache = PageCache::new(0);
    let addresses = [0x1010, 0x5_0010];
    let names = index
        .resolve(&bytes, &cache, &addresses, Detail::Names)
        .unwrap();
    let full = index
        .resolve(&bytes, &cache, &addresses, Detail::Full)
        .unwrap();
    assert!(names.page_count() < full.page_count());
    assert_eq!(names.name(0x1010), full.name(0x1010));
    let symbol = names.lookup(0x1010).unwrap();
    assert_eq!(
        (symbol.function_offset, symbol.line, symbol.inlines.len()),
        (0x10, None, 0)
    );
}

#[test]
fn a_full_cache_gives_the_same_answers() {
    let text = scattered(3_000);
    let bytes = index_bytes(&text, &BuildOptions::default());
    let index = Arc::new(Index::open(&bytes).unwrap());
    let (cache, table) = (PageCache::new(1 << 20), table(&text));
    for round in 0..40u64 {
        let addresses: Vec<u64> = (0..50)
            .map(|number| 0x1000 + (round * 977 + number * 2_111) % 768_000)
            .collect();
        let found = index
            .resolve(&bytes, &cache, &addresses, Detail::Full)
            .unwrap();
        assert_same(&found, &table, &addresses);
        assert!(cache.usage().bytes <= 1 << 20);
    }
    assert!(cache.usage().evictions > 0);
}

#[test]
fn files_beyond_a_limit_and_no_files_have_no_index() {
    let refusal = |text: &str, limits: Limits| {
        let options = BuildOptions {
            limits,
            ..BuildOptions::default()
        };
        build(text.as_bytes(), io::sink(), &options)
            .unwrap_err()
            .to_string()
    };
    let limits = Limits::default();
    assert_eq!(refusal("", limits.clone()), ParseError::Corrupt.to_string());
    assert_eq!(
        refusal("garbage\n", limits.clone()),
        ParseError::Corrupt.to_string()
    );
    let small = Limits {
        file_bytes: 16,
        ..limits.clone()
    };
    assert_eq!(
        refusal("FUNC 1000 10 0 a\n", small),
        "the symbol file exceeds the limit of 16 bytes"
    );
    let few = Limits {
        symbols: 1,
        ..limits.clone()
    };
    assert_eq!(
        refusal("FUNC 1 1 0 a\nPUBLIC 2 0 b", few),
        "the symbol file exceeds the limit of 1 symbols"
    );
    let names = Limits {
        table_bytes: 1000,
        ..limits
    };
    let text = format!("MODULE a b c d\nFILE 1 {}", "x".repeat(2_000));
    assert_eq!(
        refusal(&text, names),
        "the symbol file exceeds the limit of 1000 bytes in memory"
    );
}

#[test]
fn an_endless_line_is_not_kept() {
    let limits = Limits {
        file_bytes: 96 << 20,
        ..Limits::default()
    };
    let options = BuildOptions {
        limits,
        ..BuildOptions::default()
    };
    let endless = io::Read::chain(&b"FUNC 1000 10 0 a\nFILE 0 "[..], io::repeat(b'x'));
    let error = build(endless, io::sink(), &options).unwrap_err();
    assert!(
        matches!(error, BuildError::File(ParseError::TooLarge { .. })),
        "{error}"
    );
}

#[test]
fn failures_of_source_and_sink_are_told_apart_and_end_all_threads() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Cut<'a>(&'a [u8]);
    impl io::Read for Cut<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::ConnectionReset.into()),
                read => Ok(read),
            }
        }
    }
    let text = scattered(20_000);
    for room in [0, 16, 100_000, 600_000] {
        let error = build(text.as_bytes(), Full(room), &small_pages()).unwrap_err();
        assert!(matches!(error, BuildError::Write(_)), "{room}: {error}");
    }
    let error = build(Cut(text.as_bytes()), io::sink(), &small_pages()).unwrap_err();
    assert!(
        matches!(error, BuildError::File(ParseError::Read(_))),
        "{error}"
    );
}
