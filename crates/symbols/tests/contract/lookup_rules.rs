// SPDX-License-Identifier: MPL-2.0
//! Which symbol an address belongs to: every case in which known readers of the format differ.

use super::support::{name_at, table};

/// File (records separated by ` / `), address, name.
const CASES: &[(&str, u64, &str)] = &[
    ("FUNC 1000 10 0 a / FUNC 2000 10 0 b", 0xfff, "-"),
    ("FUNC 1000 10 0 a / FUNC 2000 10 0 b", 0x1010, "a"),
    (
        "FUNC 1000 10 0 a / PUBLIC 1020 0 p / FUNC 2000 10 0 b",
        0x1010,
        "a",
    ),
    (
        "FUNC 1000 10 0 a / PUBLIC 1020 0 p / FUNC 2000 10 0 b",
        0x1fff,
        "p",
    ),
    ("FUNC 1000 100 0 a / PUBLIC 1020 0 p", 0x1050, "p"),
    ("FUNC 1000 100 0 a / PUBLIC 1020 0 p", 0x1100, "p"),
    ("FUNC 1000 100 0 f / PUBLIC 1000 0 p", 0x1000, "f"),
    ("FUNC 1000 100 0 f / PUBLIC 1000 0 p", 0x1100, "f"),
    ("PUBLIC 1000 0 p / FUNC 1000 0 0 f", 0x1000, "f"),
    (
        "FUNC 1000 100 0 first / FUNC 1000 100 0 second",
        0x1050,
        "first",
    ),
    (
        "PUBLIC 1000 0 first / PUBLIC 1000 0 second",
        0x1050,
        "first",
    ),
    ("FUNC 1000 100 0 big / FUNC 1000 10 0 small", 0x1000, "big"),
    ("FUNC 1000 100 0 big / FUNC 1000 10 0 small", 0x1050, "big"),
    ("FUNC 1000 10 0 small / FUNC 1000 100 0 big", 0x1000, "big"),
    (
        "FUNC 1000 100 0 outer / FUNC 1020 10 0 inner",
        0x1020,
        "inner",
    ),
    (
        "FUNC 1000 100 0 outer / FUNC 1020 10 0 inner",
        0x1030,
        "inner",
    ),
    ("FUNC 1000 100 0 a / FUNC 1080 100 0 b", 0x10ff, "b"),
    ("FUNC 1000 100 0 a / FUNC 1080 100 0 b", 0x117f, "b"),
    ("FUNC 1000 100 0 a / FUNC 1080 100 0 b", 0x1180, "b"),
    ("FUNC 1000 0 0 z / FUNC 2000 10 0 b", 0x1000, "z"),
    (
        "FUNC 100001000 10 0 a / FUNC 1000 10 0 b",
        0x1_0000_1000,
        "a",
    ),
    ("FUNC 100001000 10 0 a / FUNC 1000 10 0 b", 0x1000, "b"),
    ("FUNC 0 10 0 zero", 0, "zero"),
    ("FUNC ffffffffffffffff 10 0 last", u64::MAX, "last"),
    ("MODULE Linux x86_64 AB demo", 0, "-"),
];

#[test]
fn the_symbol_is_the_nearest_one_rounded_down() {
    for (records, address, expected) in CASES {
        let file = records.replace(" / ", "\n");
        assert_eq!(
            name_at(&table(&file), *address),
            *expected,
            "{records} at {address:x}"
        );
    }
}

#[test]
fn the_offset_counts_from_the_start_of_the_reported_symbol() {
    let table = table("FUNC 1000 100 0 a\nPUBLIC 1020 0 p\n");
    let offset = |address| table.lookup(address).map(|symbol| symbol.function_offset);
    assert_eq!(
        [0xfff, 0x1000, 0x101f, 0x1020].map(offset),
        [None, Some(0), Some(0x1f), Some(0)]
    );
    assert_eq!(offset(u64::MAX), Some(u64::MAX - 0x1020));
}

#[test]
fn the_size_is_known_only_within_a_function() {
    let table = table("FUNC 1000 10 0 a\nPUBLIC 2000 0 p\nFUNC 3000 0 0 z\n");
    let size = |address| table.lookup(address).unwrap().function_size;
    assert_eq!(
        [0x1000, 0x100f, 0x1010, 0x2000, 0x3000].map(size),
        [Some(0x10), Some(0x10), None, None, None]
    );
}
