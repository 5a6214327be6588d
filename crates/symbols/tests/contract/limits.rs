// SPDX-License-Identifier: MPL-2.0
//! Symbol files beyond a limit.

use releng_symbols::{Limits, ParseError, SymbolTable};

use super::support::name_at;

fn error(text: &str, limits: &Limits) -> String {
    let error = SymbolTable::read(text.as_bytes(), limits).unwrap_err();
    assert!(matches!(error, ParseError::TooLarge { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn a_file_of_the_largest_size_is_parsed_and_a_larger_one_is_not() {
    let text = "FUNC 1000 10 0 a\n";
    let limits = |file_bytes| Limits {
        file_bytes,
        ..Limits::default()
    };
    assert!(SymbolTable::read(text.as_bytes(), &limits(17)).is_ok());
    assert_eq!(
        error(text, &limits(16)),
        "the symbol file exceeds the limit of 16 bytes"
    );
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let limits = Limits {
        file_bytes: 1 << 20,
        ..Limits::default()
    };
    let error = SymbolTable::read(std::io::repeat(b'x'), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the symbol file exceeds the limit of 1048576 bytes"
    );
}

#[test]
fn symbols_are_counted_whether_they_are_used_or_not() {
    let text = "FUNC 1000 10 0 a\nPUBLIC 1000 0 a\nFUNC 1000 10 0 a";
    let limits = |symbols| Limits {
        symbols,
        ..Limits::default()
    };
    assert!(SymbolTable::read(text.as_bytes(), &limits(3)).is_ok());
    assert_eq!(
        error(text, &limits(2)),
        "the symbol file exceeds the limit of 2 symbols"
    );
}

#[test]
fn names_lines_and_inlines_count_towards_the_memory() {
    let limits = Limits {
        table_bytes: 20_000,
        ..Limits::default()
    };
    let name = format!("FUNC 1000 10 0 {}\n", "n".repeat(20_000));
    let lines = format!("FUNC 0 10000 0 a\n{}", "0 1 1 1\n".repeat(1_000));
    let inlines = format!("FUNC 0 10000 0 a\nINLINE 0 0 0 0{}\n", " 0 1".repeat(1_000));
    let files: String = (0..3_000)
        .map(|number| format!("FILE {number} x\n"))
        .collect();
    for text in [name, lines, inlines, files] {
        let expected = "the symbol file exceeds the limit of 20000 bytes in memory";
        assert_eq!(error(&text, &limits), expected);
    }
}

#[test]
fn a_line_beyond_the_limit_is_skipped_like_a_bad_record() {
    let limits = Limits {
        line_bytes: 20,
        ..Limits::default()
    };
    let text = format!(
        "FUNC 1000 10 0 short\nFUNC 2000 10 0 {}\nFUNC 3000 10 0 also\nFUNC 3800 10 0 longer\nFUNC 4000 10 0 {}",
        "n".repeat(600_000),
        "n".repeat(6)
    );
    // The last but one lies within a piece of the file; the others are cut by its end or the
    // file's.
    let table = SymbolTable::read(text.as_bytes(), &limits).unwrap();
    assert_eq!(table.len(), 2);
    assert_eq!(name_at(&table, 0x2000), "short");
    assert_eq!(name_at(&table, 0x4000), "also");
}

#[test]
fn the_memory_of_a_table_is_told() {
    let small = SymbolTable::read(&b"FUNC 1000 10 0 a\n"[..], &Limits::default()).unwrap();
    let name = format!("FUNC 1000 10 0 {}\n", "n".repeat(1_000));
    let large = SymbolTable::read(name.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(large.memory_bytes() - small.memory_bytes(), 999);
}
