// SPDX-License-Identifier: MPL-2.0
//! Any bytes are refused as an index or read as one, without a panic. Half of the inputs replace
//! bytes of a real index, whose answers must stay the same or become an error.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use releng_symbols::Symbols;
use releng_symbols::index::{BuildOptions, Detail, Index, PageCache, build, verify};

const TEXT: &[u8] = include_bytes!("../../tests/data/libthread_db.so.1.sym");
const ADDRESSES: [u64; 5] = [0x2050, 0x234e, 0x5700, 0x5f68, u64::MAX];

fn answers(bytes: &[u8]) -> Option<Vec<String>> {
    let index = Arc::new(Index::open(bytes).ok()?);
    let cache = PageCache::new(1 << 20);
    let found = index
        .resolve(bytes, &cache, &ADDRESSES, Detail::Full)
        .ok()?;
    let answer = |address: &u64| format!("{:?}", found.lookup(*address));
    Some(ADDRESSES.iter().map(answer).collect())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    if first % 2 == 0 {
        let _ = verify(rest);
        let _ = answers(rest);
        return;
    }
    let options = BuildOptions {
        page_bytes: 512,
        ..BuildOptions::default()
    };
    let mut index = Vec::new();
    build(TEXT, &mut index, &options).unwrap();
    let expected = answers(&index).unwrap();
    for change in rest.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % index.len();
        index[at] ^= change[2];
        if change[3] == 0 {
            index.truncate(at);
        }
        if index.is_empty() {
            return;
        }
    }
    if let Some(found) = answers(&index) {
        assert_eq!(found, expected);
    }
});
