// SPDX-License-Identifier: MPL-2.0
//! Files, lines and inlined functions at an address.

use releng_symbols::SymbolTable;

use super::support::table;

const HEAD: &str = "FILE 0 a.c\nFILE 1 b.c\nFILE 2 c.c\nFUNC 1000 100 0 f\n";

/// `file:line` of the frame, then `function@file:line` of each inline, innermost first.
fn source(table: &SymbolTable, address: u64) -> String {
    let place = |file: Option<&str>, line: Option<u32>| {
        let line = line.map(|line| line.to_string());
        format!("{}:{}", file.unwrap_or("?"), line.as_deref().unwrap_or("?"))
    };
    let symbol = table.lookup(address).unwrap();
    let mut texts = vec![place(symbol.file.as_deref(), symbol.line)];
    for inline in &symbol.inlines {
        let at = place(inline.file.as_deref(), inline.line);
        texts.push(format!(
            "{}@{at}",
            inline.function.as_deref().unwrap_or("?")
        ));
    }
    texts.join(" ")
}

fn source_in(records: &str, address: u64) -> String {
    source(&table(format!("{HEAD}{records}")), address)
}

#[test]
fn a_line_record_gives_file_and_line_in_its_range() {
    let records = "1000 10 7 0\n1020 10 8 1\n";
    for (address, expected) in [
        (0x1000, "a.c:7"),
        (0x100f, "a.c:7"),
        (0x1010, "?:?"),
        (0x101f, "?:?"),
        (0x1020, "b.c:8"),
        (0x1030, "?:?"),
    ] {
        assert_eq!(source_in(records, address), expected, "{address:x}");
    }
}

#[test]
fn outside_of_the_function_there_is_no_line() {
    let records = "10f0 40 7 0\nfe0 30 8 0\n";
    for (address, expected) in [
        (0x1000, "a.c:8"),
        (0x100f, "a.c:8"),
        (0x10ff, "a.c:7"),
        (0x1100, "?:?"),
        (0x1120, "?:?"),
    ] {
        assert_eq!(source_in(records, address), expected, "{address:x}");
    }
}

#[test]
fn a_line_record_without_size_is_ignored() {
    assert_eq!(source_in("1000 10 7 0\n1004 0 8 0\n", 0x1004), "a.c:7");
}

#[test]
fn of_several_line_records_the_greatest_start_counts_then_the_first() {
    let records = "1000 40 1 0\n1010 10 2 0\n1010 20 3 0\n";
    for (address, expected) in [
        (0x100f, "a.c:1"),
        (0x1010, "a.c:2"),
        (0x1020, "a.c:3"),
        (0x1030, "a.c:1"),
    ] {
        assert_eq!(source_in(records, address), expected, "{address:x}");
    }
}

#[test]
fn before_the_function_the_greatest_start_counts_too() {
    assert_eq!(source_in("ff8 20 1 0\nff0 20 2 0\n", 0x1004), "a.c:1");
}

#[test]
fn line_0_is_no_line_and_an_unknown_file_is_neither() {
    assert_eq!(source_in("1000 10 0 0\n", 0x1000), "a.c:?");
    assert_eq!(source_in("1000 10 7 9\n", 0x1000), "?:?");
}

#[test]
fn lines_of_a_losing_function_do_not_count() {
    let records =
        "1000 10 7 0\nFUNC 1000 200 0 bigger\n1000 10 8 0\nFUNC 1000 80 0 small\n1000 10 9 0\n";
    assert_eq!(source_in(records, 0x1000), "a.c:8");
}

#[test]
fn inlines_are_innermost_first_and_each_lies_at_the_next_call() {
    let records = "INLINE_ORIGIN 0 g\nINLINE_ORIGIN 1 h\n\
        INLINE 0 10 0 0 1000 20 1080 8\nINLINE 1 20 1 1 1004 8\n1000 100 30 2\n";
    for (address, expected) in [
        (0x1000, "a.c:10 g@c.c:30"),
        (0x1004, "a.c:10 h@c.c:30 g@b.c:20"),
        (0x1087, "a.c:10 g@c.c:30"),
        (0x1088, "c.c:30"),
    ] {
        assert_eq!(source_in(records, address), expected, "{address:x}");
    }
}

#[test]
fn a_depth_without_the_one_above_it_does_not_count() {
    let records =
        "INLINE_ORIGIN 0 g\nINLINE 1 10 0 0 1000 20\nINLINE 2 11 0 0 1000 20\n1000 10 30 2\n";
    assert_eq!(source_in(records, 0x1000), "c.c:30");
}

#[test]
fn of_several_calls_at_a_depth_the_greatest_start_counts_then_the_first() {
    let records = "INLINE_ORIGIN 0 g\nINLINE_ORIGIN 1 h\nINLINE_ORIGIN 2 i\n\
        INLINE 0 10 0 0 1000 40\nINLINE 0 11 0 1 1010 10\nINLINE 0 12 0 2 1010 20\n";
    for (address, expected) in [
        (0x1000, "a.c:10 g@?:?"),
        (0x1010, "a.c:11 h@?:?"),
        (0x1020, "a.c:12 i@?:?"),
        (0x1030, "a.c:10 g@?:?"),
    ] {
        assert_eq!(source_in(records, address), expected, "{address:x}");
    }
}

#[test]
fn what_an_inline_record_refers_to_may_be_missing() {
    assert_eq!(source_in("INLINE 0 10 7 7 1000 20\n", 0x1000), "?:? ?@?:?");
    assert_eq!(
        source_in("INLINE 0 0 1 7 1000 20\n1000 10 0 2\n", 0x1000),
        "b.c:? ?@c.c:?"
    );
}

#[test]
fn files_and_origins_may_come_late_in_any_order_and_with_holes() {
    let text = "FUNC 1000 10 0 f\nINLINE 0 5 900 800 1000 8\nINLINE_ORIGIN 800 g\n\
        1000 10 6 7\nFILE 900 x.c\nPUBLIC 2000 0 p\nFILE 7 y.c\n";
    assert_eq!(source(&table(text), 0x1000), "x.c:5 g@y.c:6");
}

#[test]
fn file_names_are_not_changed() {
    let text = "FILE 0 hg:hg.example.org/demo:a b/C.cpp:0123\nFILE 1 d:\\src\\FUNC x.cpp\n\
        FUNC 0 20 0 f\n0 10 1 0\n10 10 2 1\n";
    let table = table(text);
    assert_eq!(source(&table, 0), "hg:hg.example.org/demo:a b/C.cpp:0123:1");
    assert_eq!(source(&table, 0x10), "d:\\src\\FUNC x.cpp:2");
}
