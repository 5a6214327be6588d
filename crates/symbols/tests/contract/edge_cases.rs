// SPDX-License-Identifier: MPL-2.0
//! Files that are not quite as the format wants them.

use releng_symbols::{CodeInfo, Limits, ParseError, Parser, SymbolTable};

use super::support::{name_at, parse, table};

/// The names and starts of all symbols, in the order of their addresses.
fn symbols(text: impl AsRef<[u8]>) -> Vec<(u64, String)> {
    let table = table(text);
    let mut found = Vec::new();
    let mut last = Some(u64::MAX);
    while let Some(symbol) = last.and_then(|address| table.lookup(address)) {
        let start = last.unwrap() - symbol.function_offset;
        found.push((start, symbol.function.into_owned()));
        last = start.checked_sub(1);
    }
    found.reverse();
    found
}

fn names(text: impl AsRef<[u8]>) -> Vec<String> {
    symbols(text).into_iter().map(|(_, name)| name).collect()
}

#[test]
fn a_file_without_module_works() {
    assert_eq!(names("FUNC 1000 10 0 a\nPUBLIC 2000 0 p\n"), ["a", "p"]);
}

#[test]
fn blank_lines_do_not_matter() {
    assert_eq!(
        names("\n\n \nMODULE Linux x86_64 AB demo\n\nFUNC 1000 10 0 a\n\n"),
        ["a"]
    );
}

#[test]
fn records_with_too_few_fields_are_skipped() {
    let text = "FUNC 1000\nFUNC 1000 10\nFUNC 1000 10 0\nFUNC 1000 10 0 \nFUNC m 1000 10 0\n\
        PUBLIC 1000\nPUBLIC 1000 0\nPUBLIC 1000 0 \nPUBLIC m 1000 0\nFUNC 2000 10 0 a\n";
    assert_eq!(symbols(text), [(0x2000, "a".to_owned())]);
}

#[test]
fn records_with_bad_numbers_are_skipped() {
    let text = "FUNC zz 10 0 x\nFUNC 1000 xy 0 x\nFUNC 1000 10 - x\nPUBLIC q 0 x\n\
        FUNC -1000 10 0 x\nFUNC 10000000000000000 10 0 x\nFUNC 2000 10 0 a\n";
    assert_eq!(symbols(text), [(0x2000, "a".to_owned())]);
}

#[test]
fn hex_numbers_may_have_a_prefix_and_either_case() {
    let text = "FUNC 0x1000 0x10 0x0 a\nPUBLIC 0XABCD 0 p\nPUBLIC abce 0 q\n";
    let expected = [(0x1000, "a"), (0xabcd, "p"), (0xabce, "q")];
    assert_eq!(
        symbols(text),
        expected.map(|(start, name)| (start, name.to_owned()))
    );
}

#[test]
fn unknown_records_are_ignored() {
    let text = "\u{feff}garbage\nFUNCTION 1000 10 0 x\nPUBLICS 1 0 x\nFUNC\nthe FUNC 1 1 1 x\n\
        STACK CFI INIT 1000 10 .cfa: $rsp 8 +\nFUNC 2000 10 0 a\nFOO 1 2 3\n2000 10 7 0\nFILE 0 a.c\n";
    let table = table(text);
    assert_eq!((table.len(), name_at(&table, 0x2000)), (1, "a".to_owned()));
    assert_eq!(table.lookup(0x2000).unwrap().line, Some(7));
}

#[test]
fn a_file_name_with_a_keyword_in_it_is_a_file_name() {
    let table =
        table("FILE 0 FUNC 1000 10 0 x\nFILE 1 PUBLIC 1 0 x\nFUNC 2000 10 0 a\n2000 10 7 0\n");
    assert_eq!(table.len(), 1);
    assert_eq!(
        table.lookup(0x2000).unwrap().file.as_deref(),
        Some("FUNC 1000 10 0 x")
    );
}

#[test]
fn a_line_record_may_begin_with_the_letters_of_a_keyword() {
    let table = table("FILE 0 a.c\nFUNC fa00 1000 0 f\nFACE 10 7 0\n");
    assert_eq!(table.lookup(0xface).unwrap().line, Some(7));
}

#[test]
fn carriage_returns_at_the_end_of_a_line_do_not_matter() {
    let text = "MODULE windows x86 AB demo.pdb\r\nINFO CODE_ID 12 demo.dll\r\n\
        FUNC 1000 10 0 a\r\n1000 10 7 0\r\nFILE 0 a.c\r\r\nPUBLIC 2000 0 p\r";
    let table = table(text);
    assert_eq!(name_at(&table, 0x1000), "a");
    assert_eq!(name_at(&table, 0x2000), "p");
    assert_eq!(table.lookup(0x1000).unwrap().file.as_deref(), Some("a.c"));
    let code = CodeInfo {
        code_id: "12".into(),
        code_file: Some("demo.dll".into()),
    };
    assert_eq!(table.code_info(), Some(&code));
}

#[test]
fn tabs_and_several_blanks_separate_fields() {
    let text = "FUNC\t1000\t10\t0\ta b\nFUNC   m  2000  10  0   c\nPUBLIC \t 3000 \t 0 \t p\n\
        FUNC 4000 10 0 f\nFILE\t0\ta.c\n4000\t 10  7\t0\n";
    assert_eq!(names(text), ["a b", "c", "p", "f"]);
}

#[test]
fn line_records_with_a_wrong_number_of_fields_are_skipped() {
    let table = table("FILE 0 a.c\nFUNC 1000 40 0 f\n1000 10 7\n1010 10 7 0 9\n1020 10 7 0 \n");
    let line = |address| table.lookup(address).unwrap().line;
    assert_eq!([0x1000, 0x1010, 0x1020].map(line), [None, None, Some(7)]);
}

#[test]
fn inline_records_count_as_a_whole_or_not_at_all() {
    for record in [
        "INLINE 0 1 0 0",
        "INLINE 0 1 0 0 1000",
        "INLINE 0 1 0 0 1000 10 1020",
        "INLINE 0 1 0 0 1000 10 1020 zz",
        "INLINE -1 1 0 0 1000 10",
        "INLINES 0 1 0 0 1000 10",
        "INLINE_ 0 1 0 0 1000 10",
    ] {
        let table = table(format!("INLINE_ORIGIN 0 g\nFUNC 1000 40 0 f\n{record}\n"));
        assert_eq!(table.lookup(0x1000).unwrap().inlines, [], "{record}");
    }
}

#[test]
fn lines_of_a_skipped_function_do_not_fall_to_the_one_before() {
    for end in ["FUNC zz 10 0 bad", "PUBLIC 3000 0 p", "STACK CFI 1000 x"] {
        let table = table(format!(
            "FILE 0 a.c\nFUNC 1000 40 0 f\n{end}\n1000 10 7 0\n"
        ));
        assert_eq!(table.lookup(0x1000).unwrap().line, None, "{end}");
    }
}

#[test]
fn a_line_record_without_a_function_is_ignored() {
    assert_eq!(
        names("1000 10 7 0\nINLINE 0 1 0 0 1000 10\nFUNC 2000 10 0 a\n"),
        ["a"]
    );
}

#[test]
fn the_flag_for_several_symbols_is_not_part_of_the_name() {
    assert_eq!(
        names("FUNC m 1000 10 0 a\nPUBLIC m 2000 0 m p\n"),
        ["a", "m p"]
    );
}

#[test]
fn a_last_line_without_its_end_counts() {
    assert_eq!(names("FUNC 1000 10 0 a\nPUBLIC 2000 0 p"), ["a", "p"]);
}

#[test]
fn invalid_utf_8_is_replaced_in_the_name_alone() {
    assert_eq!(
        names(b"FUNC 1000 10 0 a\xff\xfeb\nPUBLIC 2000 0 p\n"),
        ["a\u{fffd}\u{fffd}b", "p"]
    );
}

#[test]
fn names_may_be_very_long() {
    let name = "n".repeat(1_000_000);
    assert_eq!(names(format!("FUNC 1000 10 0 {name}\n")), [name]);
}

#[test]
fn what_is_not_a_symbol_file_is_refused() {
    for text in [
        &b""[..],
        b"\n\n",
        b"hello\nworld\n",
        b"FILE 0 a.c\nINFO CODE_ID 12\nSTACK CFI 1 x\n1000 10 7 0\n",
        b"FUNC zz 10 0 x\nPUBLIC 1\n",
        b"MODULE",
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        b"<html>FUNC 1000 10 0 a</html>",
    ] {
        assert!(matches!(parse(text), Err(ParseError::Corrupt)), "{text:?}");
    }
}

#[test]
fn a_module_without_symbols_is_a_symbol_file() {
    let table = table("MODULE Linux x86_64 AB demo\n");
    assert!(table.is_empty());
    assert_eq!(table.header().module.as_ref().unwrap().debug_file, "demo");
}

#[test]
fn the_size_of_the_pieces_a_file_comes_in_does_not_matter() {
    let text = "MODULE Linux x86_64 AB demo\r\nFILE 0 a.c\nFUNC 1000 10 0 long name\n1000 10 7 0\n\n\
        PUBLIC 2000 0 p";
    let whole = format!("{:?}", table(text));
    for size in 1..text.len() {
        let mut parser = Parser::new(&Limits::default());
        for piece in text.as_bytes().chunks(size) {
            parser.feed(piece).unwrap();
        }
        assert_eq!(format!("{:?}", parser.finish().unwrap()), whole, "{size}");
    }
}

#[test]
fn a_failing_source_is_reported_as_such() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("demo: bad compression"))
        }
    }
    let error = SymbolTable::read(Broken, &Limits::default()).unwrap_err();
    let ParseError::Read(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.to_string(), "demo: bad compression");
}
