// SPDX-License-Identifier: MPL-2.0
//! Lookups against a model that applies the rules one by one to the plain list of records.

use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;
use releng_symbols::index::BuildOptions;
use releng_symbols::{Inline, Symbol, Symbols};

use super::support::{cases, excerpt, resolved, small_pages, table};

#[derive(Debug, Clone)]
struct Func {
    start: u64,
    size: u64,
    lines: Vec<Line>,
    calls: Vec<Call>,
}

#[derive(Debug, Clone)]
struct Line {
    start: u64,
    size: u64,
    line: u32,
    file: u32,
}

#[derive(Debug, Clone)]
struct Call {
    depth: u32,
    line: u32,
    file: u32,
    origin: u32,
    ranges: Vec<(u64, u64)>,
}

#[derive(Debug, Clone)]
enum Record {
    Func(Func),
    Public(u64),
}

/// Numbers of files and origins from here on have no record.
const KNOWN: u32 = 3;

fn text(records: &[Record]) -> String {
    let mut text = String::new();
    for (number, record) in records.iter().enumerate() {
        match record {
            Record::Public(start) => writeln!(text, "PUBLIC {start:x} 0 s{number}").unwrap(),
            Record::Func(func) => {
                writeln!(text, "FUNC {:x} {:x} 0 s{number}", func.start, func.size).unwrap();
                for Call {
                    depth,
                    line,
                    file,
                    origin,
                    ranges,
                } in &func.calls
                {
                    write!(text, "INLINE {depth} {line} {file} {origin}").unwrap();
                    for (start, size) in ranges {
                        write!(text, " {start:x} {size:x}").unwrap();
                    }
                    text.push('\n');
                }
                for Line {
                    start,
                    size,
                    line,
                    file,
                } in &func.lines
                {
                    writeln!(text, "{start:x} {size:x} {line} {file}").unwrap();
                }
            }
        }
    }
    for number in 0..KNOWN {
        writeln!(
            text,
            "FILE {number} f{number}\nINLINE_ORIGIN {number} o{number}"
        )
        .unwrap();
    }
    text
}

fn contains(start: u64, size: u64, address: u64) -> bool {
    let (start, size, address) = (u128::from(start), u128::from(size), u128::from(address));
    start <= address && address < start + size
}

/// Of several, the one with the greatest start, then the first.
fn best<T>(candidates: impl Iterator<Item = (u64, T)>) -> Option<T> {
    let mut best: Option<(u64, T)> = None;
    for (start, candidate) in candidates {
        if best.as_ref().is_none_or(|(found, _)| *found < start) {
            best = Some((start, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn place(line: u32, file: u32) -> (Option<String>, Option<u32>) {
    let file = (file < KNOWN).then(|| format!("f{file}"));
    let line = (line != 0 && file.is_some()).then_some(line);
    (file, line)
}

fn add_source(symbol: &mut Symbol<'static>, func: &Func, address: u64) {
    let mut chain: Vec<&Call> = Vec::new();
    for depth in 0.. {
        let calls = func.calls.iter().filter(|call| call.depth == depth);
        let ranges = calls.flat_map(|call| call.ranges.iter().map(move |range| (range, call)));
        let ranges = ranges.filter(|((start, size), _)| contains(*start, *size, address));
        match best(ranges.map(|((start, _), call)| (*start, call))) {
            Some(call) => chain.push(call),
            None => break,
        }
    }
    let lines = func
        .lines
        .iter()
        .filter(|line| contains(line.start, line.size, address));
    let line = best(lines.map(|line| (line.start, line)));
    let innermost = line.map_or((None, None), |line| place(line.line, line.file));
    // Each call's place belongs to the function around it.
    let mut places: Vec<_> = chain
        .iter()
        .map(|call| place(call.line, call.file))
        .collect();
    places.push(innermost);
    let mut places = places
        .into_iter()
        .map(|(file, line)| (file.map(Into::into), line));
    (symbol.file, symbol.line) = places.next().unwrap();
    for (call, (file, line)) in chain.iter().zip(places) {
        let function = (call.origin < KNOWN).then(|| format!("o{}", call.origin).into());
        symbol.inlines.insert(
            0,
            Inline {
                function,
                file,
                line,
            },
        );
    }
}

fn model(records: &[Record], address: u64) -> Option<Symbol<'static>> {
    let rank = |record: &Record| match record {
        Record::Func(func) => (func.start, 1, func.size),
        Record::Public(start) => (*start, 0, 0),
    };
    let mut chosen: Option<(usize, &Record)> = None;
    for (number, record) in records.iter().enumerate() {
        if rank(record).0 <= address && chosen.is_none_or(|(_, best)| rank(best) < rank(record)) {
            chosen = Some((number, record));
        }
    }
    let (number, record) = chosen?;
    let (start, _, size) = rank(record);
    let mut symbol = Symbol {
        function: format!("s{number}").into(),
        function_offset: address - start,
        function_size: None,
        file: None,
        line: None,
        inlines: Vec::new(),
    };
    if let Record::Func(func) = record
        && contains(start, size, address)
    {
        symbol.function_size = Some(size);
        add_source(&mut symbol, func, address);
    }
    Some(symbol)
}

/// Addresses close to each other, so that records meet in every way.
fn near() -> impl Strategy<Value = u64> {
    0x10u64..0x38
}

fn line() -> impl Strategy<Value = Line> {
    (near(), 0u64..0x14, 0u32..4, 0u32..5).prop_map(|(start, size, line, file)| Line {
        start,
        size,
        line,
        file,
    })
}

fn call() -> impl Strategy<Value = Call> {
    let ranges = vec((near(), 0u64..0x14), 1..4);
    (0u32..4, 0u32..4, 0u32..5, 0u32..5, ranges).prop_map(|(depth, line, file, origin, ranges)| {
        Call {
            depth,
            line,
            file,
            origin,
            ranges,
        }
    })
}

fn record() -> impl Strategy<Value = Record> {
    let func = (near(), 0u64..0x28, vec(line(), 0..8), vec(call(), 0..8)).prop_map(
        |(start, size, lines, calls)| {
            Record::Func(Func {
                start,
                size,
                lines,
                calls,
            })
        },
    );
    prop_oneof![3 => func, 1 => near().prop_map(Record::Public)]
}

fn anywhere() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0u64..3, (u64::MAX - 2)..=u64::MAX]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn every_address_has_the_symbol_of_the_rules(records in vec(record(), 0..8)) {
        let file = format!("MODULE Linux x86_64 AB demo\n{}", text(&records));
        let table = table(&file);
        let addresses: Vec<u64> = (0..0x60).collect();
        let options = [BuildOptions::default(), small_pages(), BuildOptions { page_bytes: 1, ..small_pages() }];
        let indexed = options.map(|options| resolved(&file, &options, &addresses));
        let scanned = excerpt(&file, 64, &addresses);
        for address in addresses {
            let expected = model(&records, address);
            prop_assert_eq!(table.lookup(address), expected.clone(), "{:x}\n{}", address, file);
            let alone = excerpt(&file, 7, &[address]);
            prop_assert_eq!(alone.lookup(address), expected.clone(), "alone {:x}\n{}", address, file);
            prop_assert_eq!(scanned.lookup(address), expected.clone(), "scan {:x}\n{}", address, file);
            for indexed in &indexed {
                prop_assert_eq!(indexed.lookup(address), expected.clone(), "index {:x}\n{}", address, file);
                let name = expected.as_ref().map(|symbol| (symbol.function.clone(), symbol.function_offset));
                prop_assert_eq!(indexed.name(address), name, "name {:x}\n{}", address, file);
            }
        }
    }

    #[test]
    fn symbols_at_the_edges_of_64_bits_obey_the_rules(
        symbols in vec((anywhere(), anywhere()), 1..6),
        addresses in vec(anywhere(), 20),
    ) {
        let record = |(start, size): &(u64, u64)| Record::Func(Func {
            start: *start, size: *size, lines: Vec::new(), calls: Vec::new(),
        });
        let records: Vec<_> = symbols.iter().map(record).collect();
        let table = table(text(&records));
        let addresses: Vec<u64> = addresses.into_iter().chain(symbols.iter().map(|(start, _)| *start)).collect();
        let indexed = resolved(text(&records), &small_pages(), &addresses);
        for address in addresses {
            prop_assert_eq!(table.lookup(address), model(&records, address), "{:x}", address);
            prop_assert_eq!(indexed.lookup(address), model(&records, address), "index {:x}", address);
        }
    }
}
