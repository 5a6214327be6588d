// SPDX-License-Identifier: MPL-2.0
//! Any bytes are a symbol file or none, and then for all readers: the table, the index whatever its
//! pages and threads, and the look over a file that arrives in pieces give the same answers.
#![no_main]

use std::num::NonZeroUsize;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use releng_symbols::index::{BuildOptions, Detail, PageCache, build, verify};
use releng_symbols::scan::Scan;
use releng_symbols::{Limits, SymbolTable, Symbols};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let options = BuildOptions {
        page_bytes: 1 << (first & 15),
        threads: NonZeroUsize::new(1 + usize::from(first >> 6)).unwrap(),
        ..BuildOptions::default()
    };
    let mut index = Vec::new();
    let built = build(text, &mut index, &options);
    let Ok(table) = SymbolTable::read(text, &Limits::default()) else {
        assert!(built.is_err());
        return;
    };
    built.unwrap();
    let mut addresses: Vec<u64> = vec![0, u64::MAX];
    for start in table.addresses().iter().take(1000) {
        addresses.extend([-1, 0, 1, 7, 100].map(|more| start.wrapping_add_signed(more)));
    }
    let opened = Arc::new(verify(&index).unwrap());
    let cache = PageCache::new(1 << 20);
    let indexed = opened
        .resolve(&index, &cache, &addresses, Detail::Full)
        .unwrap();
    let names = opened
        .resolve(&index, &cache, &addresses, Detail::Names)
        .unwrap();
    let mut scan = Scan::new(&Limits::default());
    for piece in text.chunks(1 + usize::from(first >> 2)) {
        scan.feed(piece).unwrap();
    }
    let scanned = scan.finish().unwrap().excerpt(text, &addresses).unwrap();
    for address in addresses {
        let expected = table.lookup(address);
        assert_eq!(indexed.lookup(address), expected, "index {address:#x}");
        assert_eq!(scanned.lookup(address), expected, "scan {address:#x}");
        assert_eq!(
            names.name(address),
            table.name(address),
            "name {address:#x}"
        );
    }
    assert_eq!(Symbols::header(&indexed), table.header());
});
